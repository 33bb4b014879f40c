"""Readings that are stored are exported as what they were exposed as."""

from otel_tickrmeter.fleets.autocore.exported import gauges
from tests.support.autocore_instruments import Instruments


def test_a_stored_reading_is_a_sample_of_the_gauge_that_it_was() -> None:
    fleet = Instruments()
    fleet.online(1, memory_free=4096, wifi_signal=-61)
    fleet.telemetry(
        2,
        memory_free=4096,
        wifi_signal=-61,
        temperature=21.5,
        humidity=55,
        voltage=12.6,
        can_data={"rpm": {"value": 900, "unit": "1/min"}},
    )
    device, samples, gauge_of = fleet.device(), fleet.samples(), gauges()
    assert len(device.sensors) == 6
    for sensor in device.sensors.values():
        gauge, divisor = gauge_of(sensor.key)
        names = {"device_id": device.id, "sensor": sensor.key, "unit": sensor.unit}
        labels = frozenset((name, names[name]) for name in gauge.attributes)
        assert samples[gauge.exposed, labels] == sensor.value / divisor
