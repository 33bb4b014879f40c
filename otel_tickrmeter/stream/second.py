"""The unit of time: times are whole nanoseconds; settings and what people read are seconds."""

SECOND_NS = 1_000_000_000
