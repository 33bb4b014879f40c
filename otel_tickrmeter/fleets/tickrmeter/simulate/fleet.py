"""Who takes part: device ids, symbols and firmware versions, drawn from the seed."""

from collections.abc import Sequence
from itertools import accumulate
from random import Random

from otel_tickrmeter.fleets.tickrmeter.simulate.device import Firmware, SimulatedDevice
from otel_tickrmeter.fleets.tickrmeter.simulate.options import SimulateOptions
from otel_tickrmeter.fleets.tickrmeter.simulate.spelling import GENERATIONS

_VENDORS = ("08A6F7", "4022D8", "EC6260")
_FLASH_IDS = ("c84016", "204017", "ef4016")
_KNOWN_SYMBOLS = (
    *("AAPL", "BTC", "MSFT", "ETH", "NVDA", "AMZN", "GOOGL", "META", "TSLA", "SPY", "QQQ", "AMD", "SOL"),
    *("BRK.B", "EUR/USD", "BTC-USD", "^GSPC", "GC=F", "JPM", "V", "KO", "DIS", "INTC", "IBM", "F"),
)
_LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
_MONTH = 30 * 86_400


def draw_symbols(count: int, rng: Random) -> tuple[str, ...]:
    """Distinct symbol names, popular ones first."""
    names = dict.fromkeys(_KNOWN_SYMBOLS[:count])
    while len(names) < count:
        names.setdefault("".join(rng.choices(_LETTERS, k=4)))
    return tuple(names)


def draw_devices(options: SimulateOptions, symbols: Sequence[str], rng: Random) -> list[SimulatedDevice]:
    """The devices: popular symbols on more of them, newer firmware too."""
    firmwares = tuple(
        Firmware(
            rank=rank,
            version=version,
            inner_version=f"{2 + rank % 3}.{rank}",
            spelling=GENERATIONS[rank % len(GENERATIONS)],
        )
        for rank, version in enumerate(options.firmwares)
    )
    newer_first = tuple(accumulate(1 / (1 + rank) for rank in range(len(firmwares))))
    # A flat Zipf: the most popular of 500 symbols stays within a window of 1,000 outcomes for a minute.
    popular_first = tuple(accumulate((1 + rank) ** -0.5 for rank in range(len(symbols))))
    ids: dict[str, None] = {}
    while len(ids) < options.devices:
        ids.setdefault(f"{rng.choice(_VENDORS)}{rng.getrandbits(24):06X}")
    return [
        SimulatedDevice(
            id=device_id,
            symbols=_choose(symbols, popular_first, options.symbols_per_device, rng),
            firmware=rng.choices(firmwares, cum_weights=newer_first)[0],
            flash_id=rng.choice(_FLASH_IDS),
            battery=rng.randint(20, 100),
            charging=rng.random() < 0.4,  # noqa: PLR2004  most run on battery
            wifi_lost=rng.randint(0, 20),
            boot_count=rng.randint(1, 60),
            started_at=-rng.uniform(60, _MONTH),
        )
        for device_id in ids
    ]


def _choose(symbols: Sequence[str], cum_weights: Sequence[float], count: int, rng: Random) -> tuple[str, ...]:
    if 2 * count > len(symbols):
        return tuple(rng.sample(symbols, count))
    chosen: dict[str, None] = {}
    while len(chosen) < count:
        chosen.setdefault(rng.choices(symbols, cum_weights=cum_weights)[0])
    return tuple(chosen)
