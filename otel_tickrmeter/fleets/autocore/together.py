"""Several who are told what happened: one calls them all."""

from collections.abc import Callable
from typing import Any

from otel_tickrmeter.fleets.autocore.outcomes import Outcomes


class Together(Outcomes):
    """Tells each of `listeners`, in their order, what it wants to know of: what it overrides."""

    def __init__(self, *listeners: Outcomes) -> None:
        self.tell(*listeners)

    def tell(self, *listeners: Outcomes) -> None:
        """Tell these from now on, and nobody else."""
        for name, told in vars(Outcomes).items():
            if not name.startswith("_"):
                wanting = [getattr(each, name) for each in listeners if getattr(type(each), name) is not told]
                setattr(self, name, _calling(wanting))


def _calling(wanting: list[Callable[..., None]]) -> Callable[..., None]:
    if len(wanting) == 1:
        return wanting[0]

    def call(*what: Any, **more: Any) -> None:  # noqa: ANN401  whatever the outcome has
        for each in wanting:
            each(*what, **more)

    return call
