"""How much is measured: everything, or with `--quick` just enough to see that all of it works."""

from dataclasses import dataclass

from benchmarks.load.traffic import Shape


@dataclass(frozen=True, slots=True)
class Scale:
    """Sizes of all benchmarks. Rates in messages a second.

    Attributes:
        fleet: The fleet of every benchmark that does not vary it.
        runs: Repetitions; the median is reported.
        window_seconds: How long the CPU time of one run is taken.
        message_rate: Pace at which the cost of a message is measured: well below what any receiver manages,
            so that none works off a backlog in larger and cheaper batches.
        steps: Rates tried for the sustained one, rising.
        step_seconds: How long each is kept up.
        scrapes: Timed scrapes.
        ages: Scrapes whose age is read.
        day_messages: Messages of the memory test: 1,000 a second for a day.
        passing_devices: Device ids that pass through.
        growth_devices: Fleet sizes.
        growth_symbols: Symbols for each device.
        peer_messages: Heartbeats that each peer gets.
        history_apart_seconds: From one reading to the next of each sensor that fills the database.
        quiet_readings: Made-up ones without an anomaly, of each kind of series.
    """

    fleet: Shape
    runs: int
    window_seconds: float
    message_rate: int
    steps: tuple[int, ...]
    step_seconds: float
    scrapes: int
    ages: int
    day_messages: int
    passing_devices: int
    growth_devices: tuple[int, ...]
    growth_symbols: tuple[int, ...]
    peer_messages: int
    history_apart_seconds: int
    quiet_readings: int


FULL = Scale(
    fleet=Shape(devices=8000, symbols_each=3),
    runs=5,
    window_seconds=30.0,
    message_rate=10_000,
    steps=(5_000, 10_000, 15_000, 20_000, 25_000, 30_000, 40_000),
    step_seconds=15.0,
    scrapes=400,
    ages=60,
    day_messages=86_400_000,
    passing_devices=1_000_000,
    growth_devices=(1000, 2000, 4000, 8000, 16_000, 32_000, 64_000),
    growth_symbols=(1, 3, 8),
    peer_messages=80_000,
    history_apart_seconds=60,
    quiet_readings=400_000,
)

QUICK = Scale(
    fleet=Shape(devices=800, symbols_each=3),
    runs=2,
    window_seconds=3.0,
    message_rate=4_000,
    steps=(2_000, 4_000),
    step_seconds=2.0,
    scrapes=20,
    ages=8,
    day_messages=86_400_000 // 50,
    passing_devices=20_000,
    growth_devices=(250, 1000),
    growth_symbols=(1, 3),
    peer_messages=8_000,
    history_apart_seconds=600,
    quiet_readings=20_000,
)
