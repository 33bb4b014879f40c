import pytest

from alerts.windows import Windows


@pytest.mark.parametrize("nominal", ["500ms", "5s", "90s", "5m", "6h", "3d", "1w"])
def test_a_real_window_is_written_as_it_is_known(nominal: str) -> None:
    assert Windows()(nominal) == nominal


@pytest.mark.parametrize(
    ("nominal", "shrink", "short"),
    [
        ("5m", 60, "5s"),
        ("1h", 60, "60s"),
        ("3d", 60, "4320s"),
        ("1w", 60, "10080s"),
        ("15m", 600, "1500ms"),
        ("5m", 3600, "83ms"),
        ("60ms", 60, "1ms"),
    ],
)
def test_a_short_window_is_a_fraction_in_whole_milliseconds(nominal: str, shrink: int, short: str) -> None:
    assert Windows(shrink)(nominal) == short


@pytest.mark.parametrize(
    ("nominal", "shrink", "seconds"),
    [("2m", 1, "120"), ("30m", 60, "30"), ("5m", 600, "0.5"), ("1w", 1, "604800")],
)
def test_a_window_in_seconds_for_a_comparison(nominal: str, shrink: int, seconds: str) -> None:
    assert Windows(shrink).seconds(nominal) == seconds


@pytest.mark.parametrize("nominal", ["", "5", "m", "1h30m", "5y", "-5m", "0.5h", " 5m"])
@pytest.mark.parametrize("shrink", [1, 60])
def test_what_is_not_a_window_is_refused(nominal: str, shrink: int) -> None:
    with pytest.raises(ValueError, match="not a window"):
        Windows(shrink)(nominal)
    with pytest.raises(ValueError, match="not a window"):
        Windows(shrink).seconds(nominal)


def test_a_window_shorter_than_a_millisecond_is_refused() -> None:
    with pytest.raises(ValueError, match="too short"):
        Windows(1000)("500ms")


@pytest.mark.parametrize("shrink", [0, -1])
def test_windows_do_not_grow(shrink: int) -> None:
    with pytest.raises(ValueError, match="divided by"):
        Windows(shrink)
