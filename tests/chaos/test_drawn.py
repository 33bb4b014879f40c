"""What is broken at the same time can be."""

import time
from itertools import islice

from tests.chaos.faults import FAULTS, NETWORK, RESTARTS
from tests.chaos.run import drawn


def test_no_two_faults_are_about_the_same_process() -> None:
    possible = (*FAULTS, *NETWORK, *RESTARTS * 3)
    for seed in range(100):
        for faults, _ in islice(drawn(seed, time.monotonic() + 60, possible), 50):
            assert faults
            about = [fault.name.split()[0] for fault in faults if "strangers" not in fault.name]
            assert len(set(about)) == len(about)
            if any(fault in RESTARTS for fault in faults):
                assert not {"main", "receiver"} & set(about)
