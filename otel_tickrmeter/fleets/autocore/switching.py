"""What messages do to relays: rule 9 of docs/autocore.md."""

from collections.abc import Iterable

from otel_tickrmeter.fleets.autocore.device import Device
from otel_tickrmeter.fleets.autocore.event import RelayReport, When
from otel_tickrmeter.fleets.autocore.outcomes import Outcomes
from otel_tickrmeter.fleets.autocore.relay import EXPLAINED_NS, Change, Relay


class Switching:
    """Compares what boards tell with what is known, and tells `outcomes` of each switching once."""

    def __init__(self, outcomes: Outcomes) -> None:
        self._outcomes = outcomes
        # Relays with an unexplained change: when it is due, in that order, and whose they are.
        self._waiting: dict[Relay, tuple[int, Device]] = {}

    def report(
        self, device: Device, told: RelayReport, when: When, arrived_ns: int, *, switching: bool
    ) -> Relay:
        """Take the state of a relay from a live message; `switching`: it came because of a switching.

        Args:
            device: Whose relay it is.
            told: What it says.
            when: When it was.
            arrived_ns: Its arrival, by the monotonic clock.
            switching: A state that was unknown is a switching all the same.
        """
        relay = device.relay(told.number)
        previous = relay.state
        relay.refreshed_ns = when.received_ns
        only_kept, relay.retained = relay.retained, False
        if previous == told.state:
            if only_kept:
                # Nobody was told yet: what the broker kept might have been long past.
                self._outcomes.relay_state(device, relay, when)
            self._repeat(device, relay, told)
            return relay
        relay.state = told.state
        self._tell(device, relay, relay.unexplained)
        if previous is None and not switching:
            self._outcomes.relay_state(device, relay, when)
            return relay
        relay.since_ns = when.at_ns
        relay.trigger = told.trigger
        self._outcomes.relay_state(device, relay, when)
        change = Change(told.state, previous, told.trigger, told.source, when)
        if told.trigger is not None:
            self._outcomes.relay_changed(device, relay, change)
        else:
            relay.unexplained = change
            self._waiting[relay] = (arrived_ns + EXPLAINED_NS, device)
        return relay

    @property
    def unexplained(self) -> list[tuple[Device, Relay]]:
        """The relays with a change that no cause is known of yet, in the order of the changes."""
        return [(device, relay) for relay, (_, device) in self._waiting.items()]

    @property
    def due_ns(self) -> list[int]:
        """When each of these is told without a cause."""
        return [due_ns for due_ns, _ in self._waiting.values()]

    def recall(self, unexplained: Iterable[tuple[Device, Relay]], due_ns: Iterable[int]) -> None:
        """Let the changes of these relays wait, each until it is due."""
        waiting = zip(unexplained, due_ns, strict=True)
        self._waiting = {relay: (due, device) for (device, relay), due in waiting}

    def away_until(self, at_ns: int) -> None:
        """There was no connection until then: what explains a change may have waited meanwhile."""
        self.recall(self.unexplained, [at_ns + EXPLAINED_NS for _ in self._waiting])

    def settle(self, now_ns: int) -> None:
        """Tell of what nobody has explained in time."""
        while self._waiting:
            relay, (due_ns, device) = next(iter(self._waiting.items()))
            if due_ns > now_ns:
                break
            self._tell(device, relay, relay.unexplained)

    def forget(self, device: Device) -> None:
        """Tell of what is not explained yet: the device leaves."""
        for relay in device.relays.values():
            self._tell(device, relay, relay.unexplained)

    def _repeat(self, device: Device, relay: Relay, told: RelayReport) -> None:
        change = relay.unexplained
        if change is not None and told.trigger is not None:
            relay.trigger = told.trigger
            self._tell(device, relay, change._replace(trigger=told.trigger, source=told.source))
        else:
            self._outcomes.relay_repeated(device, relay)

    def _tell(self, device: Device, relay: Relay, change: Change | None) -> None:
        if change is not None:
            relay.unexplained = None
            del self._waiting[relay]
            self._outcomes.relay_changed(device, relay, change)
