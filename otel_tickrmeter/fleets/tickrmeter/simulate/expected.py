"""The final state of the exporter, written as its exposition would: by exposed name, labels and value.

It holds once the run and one request timeout are over, for an exporter that was connected all the while,
with its default bounds, and within its `device_timeout` and `latency_window`. Series that are not listed
must not exist; those of a closed list start at 0. Charging states and versions never reported are `unknown`.
"""

from collections import Counter
from collections.abc import Mapping
from itertools import accumulate

from otel_tickrmeter.fleets.tickrmeter.simulate.latency import BUCKETS
from otel_tickrmeter.fleets.tickrmeter.simulate.planned import Reading
from otel_tickrmeter.fleets.tickrmeter.simulate.truth import UNKNOWN, Truth

Sample = dict[str, object]
"""`{"labels": {...}, "value": n}`; a histogram has `count`, `sum` and cumulative `buckets` instead."""
Samples = dict[str, list[Sample]]

_BOUNDS = (*(f"{bound:g}" for bound in BUCKETS), "+Inf")
_DEVICE_GAUGES = {
    "tickrmeter_device_charging_status": "charging",
    "tickrmeter_device_uptime_seconds": "uptime",
    "tickrmeter_device_wifi_lost_count": "wifi_lost",
    "tickrmeter_device_vin_level": "vin",
}
_TIMEOUT_NAMES = ("tickrmeter_stock_update_timeout_total", "tickrmeter_symbol_timeout_total")
_MEAN_NAMES = (
    "tickrmeter_stock_update_avg_latency_seconds",
    "tickrmeter_symbol_avg_latency_seconds",
    "tickrmeter_symbol_avg_response_time",
)
_PERCENTILES = {
    "tickrmeter_stock_update_p95_latency_seconds": 95,
    "tickrmeter_stock_update_p99_latency_seconds": 99,
}
_CHARGING_STATES: Mapping[Reading | None, str] = {True: "charging", False: "discharging", None: UNKNOWN}


def expected(truth: Truth) -> Samples:
    """The samples that are exact. All requests of `truth` must have ended."""
    pair = ("device_id", "symbol")
    firmware = ("firmware_version",)
    return {
        "tickrmeter_messages_total": _count(
            ("message_type",), {(kind,): n for kind, n in truth.messages.items()}
        ),
        "tickrmeter_stock_update_requests_total": _count(pair, truth.requests),
        "tickrmeter_stock_update_responses_total": _count(pair, truth.responses),
        "tickrmeter_stock_update_latency_seconds": _latencies(truth),
        **{name: _count(("symbol",), _alone(truth.timeouts)) for name in _TIMEOUT_NAMES},
        "tickrmeter_stock_update_superseded_total": _count(("symbol",), _alone(truth.superseded)),
        "tickrmeter_stock_update_abandoned_total": [],
        "tickrmeter_stock_update_unmatched_total": _count(("reason",), _alone(truth.unmatched)),
        "tickrmeter_stock_updates_pending": [_sample({}, len(truth.open_requests))],
        "tickrmeter_stock_update_events_total": _count(
            ("event",),
            _alone(
                {
                    "requested": truth.requests.total(),
                    "answered": truth.responses.total(),
                    "timeout": truth.timeouts.total(),
                    "superseded": truth.superseded.total(),
                    "abandoned": 0,
                }
            ),
        ),
        "tickrmeter_stock_update_outcomes_total": _count(("firmware_version", "outcome"), truth.outcomes),
        "tickrmeter_symbol_response_rate": [
            _sample({"symbol": symbol}, sum(outcome is not None for outcome in window) / len(window))
            for symbol, window in sorted(truth.windows.items())
        ],
        "tickrmeter_device_boots_total": _count(firmware, _alone(truth.boots)),
        "tickrmeter_device_boot_duration_seconds_count": _count(firmware, _alone(truth.boot_durations)),
        "tickrmeter_http_stream_requests_total": _count(firmware, _alone(truth.http_streams)),
        **_devices(truth),
    }


def approximate(truth: Truth) -> Samples:
    """The window figures by the times of sending; the measured ones differ by transit. Seconds."""
    samples: Samples = {name: [] for name in (*_MEAN_NAMES, *_PERCENTILES)}
    for symbol, window in sorted(truth.windows.items()):
        ordered = sorted(latency for latency in window if latency is not None)
        if not ordered:
            continue
        labels = {"symbol": symbol}
        for name in _MEAN_NAMES:
            samples[name].append(_sample(labels, sum(ordered) / len(ordered)))
        for name, percent in _PERCENTILES.items():
            rank = min(len(ordered) * percent // 100, len(ordered) - 1)
            samples[name].append(_sample(labels, ordered[rank]))
    return samples


def _devices(truth: Truth) -> Samples:
    samples: Samples = {name: [] for name in _DEVICE_GAUGES}
    battery: list[Sample] = []
    boot_count: list[Sample] = []
    for device_id, device in sorted(truth.devices.items()):
        labels = {"device_id": device_id}
        for name, reading in _DEVICE_GAUGES.items():
            if reading in device.readings:
                samples[name].append(_sample(labels, float(device.readings[reading])))
        if "battery" in device.readings:
            versioned = labels | {"firmware_version": device.text("firmware_version")}
            battery.append(_sample(versioned, float(device.readings["battery"])))
        boots = device.readings.get("boot_count", device.boots or None)
        if boots is not None:
            boot_count.append(_sample(labels, float(boots)))
    known = truth.devices.values()
    version: list[tuple[str, ...]] = [
        (device.text("firmware_version"), device.text("inner_version")) for device in known
    ]
    flash_id = [device.text("flash_id") for device in known]
    online: Counter[tuple[str, ...]] = Counter(
        (*v, f) for device, v, f in zip(known, version, flash_id, strict=True) if not device.offline
    )
    charging = Counter(_CHARGING_STATES[device.readings.get("charging")] for device in known)
    return samples | {
        "tickrmeter_device_battery_level": battery,
        "tickrmeter_device_boot_count": boot_count,
        "tickrmeter_devices_online_total": _count(("firmware_version", "iv", "flash_id"), online),
        "tickrmeter_devices_by_firmware_total": _count(("firmware_version", "iv"), Counter(version)),
        "tickrmeter_devices_by_charging_state_total": _count(("charging_state",), _alone(charging)),
        "tickrmeter_devices_by_flash_id_total": _count(("flash_id",), _alone(Counter(flash_id))),
    }


def _latencies(truth: Truth) -> list[Sample]:
    samples: list[Sample] = []
    for (device_id, symbol), histogram in sorted(truth.latencies.items()):
        cumulative = list(accumulate(histogram.counts))
        samples.append(
            {
                "labels": {"device_id": device_id, "symbol": symbol},
                "count": cumulative[-1],
                "sum": histogram.total,
                "buckets": dict(zip(_BOUNDS, cumulative, strict=True)),
            }
        )
    return samples


def _alone(counts: Mapping[str, int]) -> dict[tuple[str, ...], int]:
    return {(key,): value for key, value in counts.items()}


def _count(names: tuple[str, ...], counts: Mapping[tuple[str, ...], int]) -> list[Sample]:
    return [_sample(dict(zip(names, key, strict=True)), n) for key, n in sorted(counts.items())]


def _sample(labels: Mapping[str, str], value: float) -> Sample:
    return {"labels": dict(labels), "value": value}
