"""Rules as they are, for tests that cannot wait a minute for what is recorded once a minute."""

from alerts.windows import Windows


class Soon(Windows):
    """Evaluated each second; windows as they are."""

    def __call__(self, nominal: str) -> str:
        return "1s" if nominal == "1m" else super().__call__(nominal)
