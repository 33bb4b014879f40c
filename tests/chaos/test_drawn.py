"""What is broken at the same time can be, and what grows is noticed."""

import time
from itertools import islice

from tests.chaos.faults import FAULTS, NETWORK, RESTARTS
from tests.chaos.run import Round, drawn, grown


def test_no_two_faults_are_about_the_same_process() -> None:
    possible = (*FAULTS, *NETWORK, *RESTARTS * 3)
    for seed in range(100):
        for faults, _ in islice(drawn(seed, time.monotonic() + 60, possible), 50):
            assert faults
            about = [fault.name.split()[0] for fault in faults if "strangers" not in fault.name]
            assert len(set(about)) == len(about)
            if any(fault in RESTARTS for fault in faults):
                assert not {"main", "receiver"} & set(about)


def test_what_grows_slowly_is_noticed_among_what_comes_and_goes() -> None:
    def rounds(bytes_a_round: int, rounds_a_descriptor: int) -> list[Round]:
        return [
            Round(
                [],
                1.0,
                80_000_000 + n % 7 * 2_000_000 + n * bytes_a_round,
                17 + n % 50 + n // rounds_a_descriptor,
            )
            for n in range(300)
        ]

    assert [*grown(rounds(0, 1000))] == []
    assert "memory at least: " in "".join(grown(rounds(150_000, 1000)))
    assert "descriptors at least: " in "".join(grown(rounds(0, 8)))
