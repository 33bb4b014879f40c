"""Whatever stands where in a dashboard, the linter says something or nothing; it does not break."""

from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.sample_dashboard import sample
from tools.dashlint.lint import faults
from tools.dashlint.project import known
from tools.dashlint.rule import Known
from tools.dashlint.schema import GrafanaSchema, install, units
from tools.dashlint.shape import misshapen

Path = tuple[str | int, ...]
REMOVED = object()
ODD: tuple[object, ...] = (REMOVED, None, 5, True, "x", "", [], [[]], [None], {}, {"x": []})


def paths(part: object, here: Path = ()) -> Iterator[Path]:
    """Yield the path of every part but the whole."""
    inner: list[tuple[str | int, object]] = []
    if isinstance(part, dict):
        inner = list(part.items())
    elif isinstance(part, list):
        inner = list(enumerate(part))
    for key, each in inner:
        yield (*here, key)
        yield from paths(each, (*here, key))


@pytest.fixture(scope="module")
def schema() -> GrafanaSchema:
    return GrafanaSchema(install())


@pytest.fixture(scope="module")
def everything() -> Known:
    return known([sample()], units(install()))


@given(path=st.sampled_from(list(paths(sample()))), value=st.sampled_from(ODD))
def test_no_odd_part_breaks_it(path: Path, value: object, schema: GrafanaSchema, everything: Known) -> None:
    dashboard = sample()
    holder: Any = dashboard
    for step in path[:-1]:
        holder = holder[step]
    if value is REMOVED:
        del holder[path[-1]]
    else:
        holder[path[-1]] = value
    found = list(misshapen(dashboard))
    if not found:
        known([dashboard], everything.units)
        found = faults(dashboard, schema, everything)
    assert all(found)
