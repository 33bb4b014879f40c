"""Pages of lists: what may be asked, and what the answer has."""

from math import inf, nan
from urllib.parse import quote

import pytest

from otel_tickrmeter.views.view import FieldValue, Part, View, ViewField
from otel_tickrmeter.web.lists import MAX_PART, page_of, thing_of
from otel_tickrmeter.web.query import MAX_LIMIT, MAX_OFFSET, ParameterError, read_query

Thing = dict[str, FieldValue]
THINGS: dict[str, Thing] = {
    "a": {"size": 3.0, "big": False, "at": None},
    "b": {"size": None, "big": True, "at": 0},
    "c": {"size": 5.0, "big": True, "at": 1.5},
    "d": {"size": 3.0, "big": None, "at": None},
}
VIEW = View(
    "things",
    "Things.",
    (
        ViewField("name", "text", "Its name.", lambda name: name, chooses=True),
        ViewField("size", "number", "Its size.", lambda name: THINGS[name]["size"]),
        ViewField("big", "flag", "Whether it is big.", lambda name: THINGS[name]["big"], chooses=True),
        ViewField("at", "moment", "When.", lambda name: THINGS[name]["at"]),
    ),
    "name",
    lambda: list(THINGS),
    lambda name: name if name in THINGS else None,
    (
        Part(
            "letters",
            "Its letters.",
            (ViewField("letter", "text", "One.", lambda letter: letter),),
            lambda name: list(name) * 1000,
        ),
    ),
)


def names(query: str) -> str:
    return "".join(item["name"] for item in page_of(VIEW, read_query(query, VIEW))["items"])


@pytest.mark.parametrize(
    ("query", "shown"),
    [
        ("", "abcd"),
        ("sort=-name", "dcba"),
        ("sort=size", "adcb"),
        ("sort=-size", "cadb"),
        ("big=true", "bc"),
        ("big=false", "a"),
        ("name=c&big=true", "c"),
        ("name=", ""),
        ("offset=1&limit=2", "bc"),
        ("offset=4", ""),
        (f"limit={MAX_LIMIT}&offset={MAX_OFFSET}", ""),
    ],
)
def test_a_page_is_chosen_sorted_and_cut(query: str, shown: str) -> None:
    assert names(query) == shown


def test_a_page_says_how_many_there_are() -> None:
    page = page_of(VIEW, read_query("big=true&limit=1&offset=1&sort=-size", VIEW))
    assert (page["total"], page["offset"], page["limit"]) == (2, 1, 1)
    assert page["items"] == [{"name": "b", "size": None, "big": True, "at": "1970-01-01T00:00:00.000Z"}]


@pytest.mark.parametrize(
    ("query", "parameter"),
    [
        ("limit=0", "limit"),
        (f"limit={MAX_LIMIT + 1}", "limit"),
        ("limit=-1", "limit"),
        ("limit=1.0", "limit"),
        ("limit=", "limit"),
        ("limit=" + quote("٣"), "limit"),
        ("limit=" + "9" * 5000, "limit"),
        (f"offset={MAX_OFFSET + 1}", "offset"),
        ("offset=x", "offset"),
        ("sort=colour", "sort"),
        ("sort=--name", "sort"),
        ("sort=", "sort"),
        ("big=yes", "big"),
        ("big=TRUE", "big"),
        ("size=3", "size"),
        ("colour=red", "colour"),
        ("limit=1&limit=1", "limit"),
        ("<script>=1", "<script>"),
        ("%ff=1", "\ufffd"),
        ("x" * 5000, "x" * 64),
        ("&".join(f"p{number}=1" for number in range(99)), ""),
    ],
)
def test_what_cannot_be_used_is_named(query: str, parameter: str) -> None:
    with pytest.raises(ParameterError) as caught:
        read_query(query, VIEW)
    assert caught.value.parameter == parameter


def test_a_single_thing_has_its_parts_within_a_bound() -> None:
    found = thing_of(VIEW, "c")
    assert found is not None
    assert (found["name"], found["at"]) == ("c", "1970-01-01T00:00:01.500Z")
    assert found["letters"] == [{"letter": "c"}] * MAX_PART
    assert thing_of(VIEW, "z") is None


@pytest.mark.parametrize("number", [nan, inf, -inf])
def test_what_json_has_no_word_for_is_null(number: float) -> None:
    view = View("one", "One.", (ViewField("n", "number", "A number.", lambda n: n),), "n", lambda: [number])
    assert page_of(view, read_query("", view))["items"] == [{"n": None}]
    assert thing_of(view, "n") is None
