"""What every test with hypothesis shares: no look at the clock."""

from hypothesis import HealthCheck, settings


def pytest_configure() -> None:
    """Nothing here is about speed, and on a busy machine any example may take longer than any bound."""
    settings.register_profile("no clock", deadline=None, suppress_health_check=[HealthCheck.too_slow])
    settings.load_profile("no clock")
