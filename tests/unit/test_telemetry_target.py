"""The resource, from OpenTelemetry's own variables."""

import pytest
from opentelemetry.exporter.otlp.proto.common.metrics_encoder import encode_metrics

from otel_tickrmeter import __version__
from otel_tickrmeter.catalogue import Instrument, Kind
from otel_tickrmeter.telemetry.batches import Moments, make_batches
from otel_tickrmeter.telemetry.family import NumberFamily
from otel_tickrmeter.telemetry.render import FORMATS, Format
from otel_tickrmeter.telemetry.target import make_resource, target_info
from tests.support.exposition_text import exposition, labels_of


@pytest.fixture(autouse=True)
def no_variables(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("OTEL_RESOURCE_ATTRIBUTES", "OTEL_SERVICE_NAME", "OTEL_EXPERIMENTAL_RESOURCE_DETECTORS"):
        monkeypatch.delenv(name, raising=False)


def labels(form: Format = "text") -> dict[str, str]:
    text = target_info(make_resource("host-1"), form) + ("# EOF\n" if form == "openmetrics" else "")
    (found,) = labels_of(exposition(text.encode(), form).samples, "target_info")
    return found


@pytest.mark.parametrize("form", FORMATS)
def test_defaults(form: Format) -> None:
    found = labels(form)
    assert found.pop("telemetry_sdk_version")
    assert found == {
        "service_name": "otel-tickrmeter",
        "service_version": __version__,
        "service_instance_id": "host-1",
        "telemetry_sdk_language": "python",
        "telemetry_sdk_name": "opentelemetry",
    }


def test_variables_win_over_defaults(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(
        "OTEL_RESOURCE_ATTRIBUTES", "service.name=a,service.instance.id=b,deployment.environment=c%2Cd"
    )
    found = labels()
    assert (found["service_name"], found["service_instance_id"]) == ("a", "b")
    assert found["deployment_environment"] == "c,d"
    # The variable of its own name wins over the list (OpenTelemetry's specification).
    monkeypatch.setenv("OTEL_SERVICE_NAME", "e")
    assert labels()["service_name"] == "e"


def test_names_that_prometheus_keeps_for_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OTEL_RESOURCE_ATTRIBUTES", "__name__=x,9=y,a-b.c=z")
    found = labels()
    assert (found["_name_"], found["_"], found["a_b_c"]) == ("x", "y", "z")


def test_values_of_keys_that_become_the_same_label_are_joined(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OTEL_RESOURCE_ATTRIBUTES", "k8s_pod_name=b,k8s.pod.name=a,k8s-pod.name=c,other=d")
    found = labels()
    # By the keys as they were given: "-" comes before ".", and "." before "_".
    assert (found["k8s_pod_name"], found["other"]) == ("c;a;b", "d")


@pytest.mark.parametrize("form", FORMATS)
def test_an_environment_that_is_not_utf8(form: Format, monkeypatch: pytest.MonkeyPatch) -> None:
    # How Python hands over the byte 0xff.
    monkeypatch.setenv("OTEL_RESOURCE_ATTRIBUTES", "team=a\udcff,k\udcfe=v")
    monkeypatch.setenv("OTEL_SERVICE_NAME", "n\udcff")
    found = labels(form)
    assert (found["service_name"], found["team"], found["k_"]) == ("n?", "a?", "v")
    row = Instrument("c", Kind.COUNTER, "1", "c_total", "C.")
    family = NumberFamily(row, [""], [{}], b"\x01", [1.0])
    (data,) = make_batches([family], make_resource("host-1"), Moments(0, 1, 0))
    assert encode_metrics(data).SerializeToString()
