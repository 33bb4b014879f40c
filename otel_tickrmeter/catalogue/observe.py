"""How the observable instruments are observed: what a callback is to us, and to OpenTelemetry."""

from collections.abc import Callable, Iterable, Mapping

from opentelemetry.metrics import CallbackOptions, CallbackT, Observation

Observe = Callable[[], Iterable[Observation]]
"""Looks at the state when a reader collects."""


def as_callbacks(observers: Mapping[str, Observe]) -> dict[str, CallbackT]:
    """Give the callbacks the signature that OpenTelemetry calls."""

    def with_options(observe: Observe) -> CallbackT:
        def callback(_: CallbackOptions) -> Iterable[Observation]:
            return observe()

        return callback

    return {name: with_options(observe) for name, observe in observers.items()}
