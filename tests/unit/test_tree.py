"""What lies beside the package: who may import whom, and no circle among modules."""

import ast
from collections.abc import Iterator, Mapping
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
BESIDE = ("alerts", "benchmarks", "deploy", "grafana", "tests", "tools")
MODULES = {
    ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__"): path
    for folder in BESIDE
    for path in sorted((ROOT / folder).rglob("*.py"))
}


def imports(source: str) -> Iterator[str]:
    """Yield all modules of ours that are imported, anywhere in the source, for types alone too."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names if alias.name in MODULES)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "relative import"
            # What is imported may be a module itself.
            for alias in node.names:
                name = f"{node.module}.{alias.name}"
                yield from (each for each in (name, node.module or "") if each in MODULES)


IMPORTED: Mapping[str, frozenset[str]] = {
    name: frozenset(imports(path.read_text())) - {name} for name, path in MODULES.items()
}


# The peers of chaos are those of the integration tests, of which it is a long one.
BUILT_ON = {("chaos", "integration")}


def kind_of(test: str) -> str:
    return test.split(".")[1]


def of(package: str) -> list[str]:
    return [name for name in MODULES if f"{name}.".startswith(f"{package}.")]


def test_all_of_it_is_looked_at() -> None:
    assert all(of(folder) for folder in BESIDE)
    assert "tests.support.waiting" in IMPORTED["tests.unit.test_http_room"]


@pytest.mark.parametrize("folder", [folder for folder in BESIDE if folder != "tests"])
def test_only_tests_import_tests(folder: str) -> None:
    assert {name for name in of(folder) if any(each in of("tests") for each in IMPORTED[name])} == set()


def test_what_tests_share_knows_no_test() -> None:
    support = of("tests.support")
    assert {
        each for name in support for each in IMPORTED[name] if each in of("tests") and each not in support
    } == set()


def test_kinds_of_tests_share_by_way_of_support_only() -> None:
    assert {
        (name, each)
        for name in of("tests")
        for each in IMPORTED[name]
        if each in of("tests")
        and kind_of(each) not in (kind_of(name), "support")
        and (kind_of(name), kind_of(each)) not in BUILT_ON
    } == set()


def test_no_circle() -> None:
    try:
        TopologicalSorter(IMPORTED).prepare()
    except CycleError as error:
        pytest.fail(" -> ".join(reversed(error.args[1])))
