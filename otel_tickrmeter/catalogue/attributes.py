"""An attribute set that is recorded against again and again, known by identity.

OpenTelemetry's API takes any mapping. Owners of long-lived series (a pair, a symbol) make one of these
once and pass the same object at each measurement, so that a meter can find the series with one look-up
instead of hashing every key and value.
"""


class AttributeSet(dict[str, str]):
    """A mapping that must not change once recorded; hashed and compared by identity.

    `label_text` is scratch space for a reader: the rendered labels, made once for each set.
    """

    __slots__ = ("label_text",)

    label_text: str

    __hash__ = object.__hash__  # type: ignore[assignment]
    __eq__ = object.__eq__
    __ne__ = object.__ne__
