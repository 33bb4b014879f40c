from hypothesis import given
from hypothesis import strategies as st

from otel_tickrmeter.http.negotiate import accepts_gzip, choose_format
from otel_tickrmeter.http.routing import Router, method_label, split_target

PIECES = st.sampled_from(
    [
        "application/openmetrics-text",
        "text/plain",
        "*/*",
        "gzip",
        "identity",
        ";",
        ",",
        "q=",
        "0",
        "1",
        "0.5",
        "=",
        " ",
        '"',
        "version=1.0.0",
        "version=0.0.4",
    ]
)
HEADERS = st.none() | st.text() | st.lists(PIECES).map("".join)


@given(HEADERS)
def test_every_accept_header_gets_a_format(accept: str | None) -> None:
    assert choose_format(accept) in ("text", "openmetrics")


@given(HEADERS)
def test_every_accept_encoding_header_gets_an_answer(accept_encoding: str | None) -> None:
    assert accepts_gzip(accept_encoding) in (True, False)


@given(HEADERS)
def test_openmetrics_only_goes_to_who_takes_it(accept: str | None) -> None:
    if choose_format(accept) == "openmetrics":
        assert accept is not None
        assert any(
            name in accept.lower() for name in ("application/openmetrics-text", "application/*", "*/*")
        )


@given(st.text())
def test_any_target_can_be_looked_up(target: str) -> None:
    path, _ = split_target(target)
    assert Router(()).find(path) is None


@given(st.text())
def test_any_method_has_a_bounded_name(method: str) -> None:
    known = {"GET", "HEAD", "POST", "PUT", "DELETE", "PATCH", "OPTIONS", "other"}
    assert method_label(method) in known
