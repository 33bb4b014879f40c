import pytest

from otel_tickrmeter.http.negotiate import accepts_gzip, choose_format

PROMETHEUS_2 = (
    "application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;q=0.75,"
    "text/plain;version=0.0.4;q=0.5,*/*;q=0.1"
)
PROMETHEUS_3 = (
    "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.6,"
    "application/openmetrics-text;version=0.0.1;q=0.5,text/plain;version=1.0.0;escaping=allow-utf-8;q=0.4,"
    "text/plain;version=0.0.4;q=0.3,*/*;q=0.2"
)
PROMETHEUS_3_TEXT_FIRST = (
    "text/plain;version=0.0.4;q=0.6,application/openmetrics-text;version=1.0.0;escaping=underscores;q=0.5"
)
PROTOBUF_FIRST = (
    "application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited;q=0.7,"
    "text/plain;version=0.0.4;q=0.3"
)
BROWSER = "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,*/*;q=0.8"


@pytest.mark.parametrize(
    ("accept", "expected"),
    [
        (None, "text"),
        ("", "text"),
        ("*/*", "text"),
        ("text/*", "text"),
        ("text/plain", "text"),
        (BROWSER, "text"),
        (PROMETHEUS_2, "openmetrics"),
        (PROMETHEUS_3, "openmetrics"),
        (PROMETHEUS_3_TEXT_FIRST, "text"),
        (PROTOBUF_FIRST, "text"),
        ("application/openmetrics-text", "openmetrics"),
        ("APPLICATION/OpenMetrics-Text; Version=1.0.0", "openmetrics"),
        ('application/openmetrics-text; version="1.0.0"', "openmetrics"),
        ("application/openmetrics-text;version=0.0.1", "text"),
        ("application/openmetrics-text;version=2.0.0", "text"),
        ("application/*", "openmetrics"),
        ("text/plain;q=0,*/*", "openmetrics"),
        ("text/plain;q=0.2,application/openmetrics-text;q=0.1", "text"),
        ("application/openmetrics-text;q=0", "text"),
        ("application/openmetrics-text;q=0,*/*", "text"),
        ("application/openmetrics-text,text/plain", "openmetrics"),
        ("text/plain,application/openmetrics-text", "text"),
        ("application/openmetrics-text;q=nan", "text"),
        ("application/openmetrics-text;q=2", "text"),
        ("application/openmetrics-text;q=-1", "text"),
        ("application/openmetrics-text;q=0.1.2", "text"),
        ("application/openmetrics-text;q=1,text/plain;q=1e9", "openmetrics"),
        (";;;,,,=", "text"),
        ("\x00\xff", "text"),
    ],
)
def test_choose_format(accept: str | None, expected: str) -> None:
    assert choose_format(accept) == expected


@pytest.mark.parametrize(
    ("accept_encoding", "expected"),
    [
        (None, False),
        ("", False),
        ("gzip", True),
        ("GZip", True),
        ("x-gzip", True),
        ("gzip, deflate, br", True),
        ("br;q=1.0, gzip;q=0.8, *;q=0.1", True),
        ("*", True),
        ("*;q=0", False),
        ("gzip;q=0", False),
        ("gzip;q=0.000", False),
        ("gzip;q=0, *", False),
        ("identity", False),
        ("identity, gzip;q=0.5", False),
        ("identity;q=0.5, gzip", True),
        ("deflate", False),
        ("gzipped", False),
        ("gzip;q=x", False),
    ],
)
def test_accepts_gzip(accept_encoding: str | None, expected: bool) -> None:  # noqa: FBT001  a table's column
    assert accepts_gzip(accept_encoding) is expected
