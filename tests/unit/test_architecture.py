"""Imports point inwards, each library has its place, and importing does nothing but define."""

import ast
import enum
import importlib
import re
import struct
import subprocess
import sys
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import fields, is_dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path
from types import BuiltinFunctionType, FunctionType, MappingProxyType, MethodDescriptorType
from typing import TypeVar, get_origin

import pytest
from sqlalchemy import MetaData, Table

import otel_tickrmeter
from otel_tickrmeter.fleets import roster

ROOT = Path(otel_tickrmeter.__file__).parent
PACKAGE = "otel_tickrmeter"
MODULES = {
    ".".join((PACKAGE, *path.relative_to(ROOT).with_suffix("").parts)).removesuffix(".__init__"): path
    for path in sorted(ROOT.rglob("*.py"))
}
SOURCES = {name: ast.parse(path.read_text(), str(path)) for name, path in MODULES.items()}
ENTRY = f"{PACKAGE}.__main__"
OBSERVE = f"{PACKAGE}.catalogue.observe"

# No clock, no chance, no machine: what a fleet and what arrives may use of the standard library.
PURE_STDLIB = {
    *("array", "bisect", "collections", "dataclasses", "enum", "hashlib", "itertools", "json", "math"),
    *("operator", "re", "struct", "string", "types", "typing", "unicodedata", "zlib"),
}

# Where each library may be imported. A trailing dot stands for all modules of a package.
PLACES = {
    "paho": {f"{PACKAGE}.mqtt.", f"{PACKAGE}.simulate.", f"{PACKAGE}.monitor"},
    "dynaconf": {f"{PACKAGE}.settings.load"},
    "opentelemetry.sdk": {f"{PACKAGE}.telemetry.", f"{PACKAGE}.app", f"{PACKAGE}.replay"},
    "opentelemetry.exporter": {f"{PACKAGE}.telemetry."},
    "prometheus_client": {f"{PACKAGE}.telemetry."},
    "confluent_kafka": {f"{PACKAGE}.kafka.", f"{PACKAGE}.app"},
    "rich": {f"{PACKAGE}.top."},
    "h11": {f"{PACKAGE}.http."},
    "OpenSSL": {f"{PACKAGE}.http.protect."},
    "bcrypt": {f"{PACKAGE}.http.protect.passwords"},
    "cryptography": {
        f"{PACKAGE}.http.protect.context",
        f"{PACKAGE}.mqtt.certificate",
        f"{PACKAGE}.settings.validity",
    },
    "psutil": {f"{PACKAGE}.exporter.process"},
    "sqlalchemy": {f"{PACKAGE}.store."},
    "alembic": {f"{PACKAGE}.store.schema", f"{PACKAGE}.store.migrations."},
    "psycopg": {f"{PACKAGE}.store."},
}


def inside(module: str, place: str) -> bool:
    """Whether the module is the place, or below it when the place ends with a dot."""
    return module == place or (place.endswith(".") and f"{module}.".startswith(place))


def imports(tree: ast.AST) -> Iterator[str]:
    """Names of all modules that are imported, anywhere in the source."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "relative import"
            assert node.module is not None
            # What is imported may be a module itself.
            names = (f"{node.module}.{alias.name}" for alias in node.names)
            yield from (name for name in names if name in MODULES)
            yield node.module


def importers(library: str) -> set[str]:
    return {
        module
        for module, tree in SOURCES.items()
        if any(f"{name}.".startswith(f"{library}.") for name in imports(tree))
    }


def below(package: str) -> list[str]:
    return [name for name in MODULES if inside(name, f"{PACKAGE}.{package}.")]


@pytest.mark.parametrize("module", below("insight"))
def test_what_is_made_of_readings_is_pure_and_knows_nothing_of_ours(module: str) -> None:
    for name in imports(SOURCES[module]):
        assert name.split(".")[0] in PURE_STDLIB or inside(name, f"{PACKAGE}.insight."), name


@pytest.mark.parametrize("module", below("views"))
def test_what_a_view_is_is_pure_and_knows_nothing_of_ours(module: str) -> None:
    for name in imports(SOURCES[module]):
        assert name.split(".")[0] in PURE_STDLIB or inside(name, f"{PACKAGE}.views."), name


@pytest.mark.parametrize("module", below("saved"))
def test_what_is_saved_is_pure_and_knows_nothing_of_ours(module: str) -> None:
    for name in imports(SOURCES[module]):
        ours = inside(name, f"{PACKAGE}.saved.")
        assert name.split(".")[0] in PURE_STDLIB | {"orjson"} or ours, name


@pytest.mark.parametrize("module", below("stream"))
def test_what_arrives_is_pure_and_knows_nothing_of_ours(module: str) -> None:
    for name in imports(SOURCES[module]):
        assert name.split(".")[0] in PURE_STDLIB or inside(name, f"{PACKAGE}.stream."), name


# What decides about jobs; `blueprint` besides tells what a file's name may be.
JOB_CORES = (
    *("asked", "controller", "inbox", "names", "ports", "shard", "shard_state", "show", "state"),
    *("surroundings", "wire", "worker"),
)


@pytest.mark.parametrize("module", [f"{PACKAGE}.jobs.{core}" for core in JOB_CORES])
def test_what_decides_about_jobs_is_pure(module: str) -> None:
    cores = {f"{PACKAGE}.jobs.{core}" for core in (*JOB_CORES, "blueprint")}
    for name in imports(SOURCES[module]):
        ours = name in {*cores, f"{PACKAGE}.jobs", f"{PACKAGE}.settings.durations"}
        assert name.split(".")[0] in PURE_STDLIB | {"orjson"} or ours, name


FLEETS = tuple(fleet.name for fleet in roster.FLEETS)
# All else of a fleet is pure. These tell OpenTelemetry's API, and the exporter what is wrong with a message.
ENDS = ("dialect", "intake", "observers", "recorder")
# A fleet that keeps rows, gives notices, or runs rules, has these besides.
STORE_ENDS = ("bookkeeper", "database", "notices", "recovery", "runs")


def in_fleets(parts: Iterable[str]) -> list[str]:
    """Return those of the parts that fleets have, as modules."""
    found = (f"{PACKAGE}.fleets.{fleet}.{part}" for fleet in FLEETS for part in parts)
    return [module for module in found if module in MODULES]


def fleet_of(module: str) -> str:
    """Return what the fleet is called that the module belongs to."""
    return module.removeprefix(f"{PACKAGE}.fleets.").split(".")[0]


FLEET_ENDS = in_fleets((*ENDS, *STORE_ENDS))
FLEET_SETTINGS = in_fleets(("settings",))
FLEET_CORES = sorted(
    {module for fleet in FLEETS for module in below(f"fleets.{fleet}")}
    - {*FLEET_ENDS, *FLEET_SETTINGS}
    - {module for fleet in FLEETS for module in below(f"fleets.{fleet}.simulate")}
)


def test_every_fleet_has_its_ends_and_its_settings() -> None:
    assert len(FLEET_SETTINGS) == len(FLEETS)
    assert len(in_fleets(ENDS)) == len(FLEETS) * len(ENDS)
    assert {fleet_of(module) for module in below("fleets")} - {f"{PACKAGE}"} == {*FLEETS, "dialect", "roster"}


@pytest.mark.parametrize("module", FLEET_CORES)
def test_a_fleet_is_pure(module: str) -> None:
    places = (f"fleets.{fleet_of(module)}.", "stream.", "insight.", "catalogue.", "views.", "saved.")
    for name in imports(SOURCES[module]):
        assert name not in {*FLEET_ENDS, *FLEET_SETTINGS, OBSERVE}, name
        ours = any(inside(name, f"{PACKAGE}.{place}") for place in places)
        # `datetime` to read what a device wrote; it has a clock too, which the next test looks for.
        assert name.split(".")[0] in PURE_STDLIB | {"orjson", "datetime"} or ours, name


@pytest.mark.parametrize("module", FLEET_CORES)
def test_a_fleet_reads_no_clock(module: str) -> None:
    for node in ast.walk(SOURCES[module]):
        if isinstance(node, ast.Attribute):
            assert node.attr not in {"now", "utcnow", "today"}, ast.unparse(node)


@pytest.mark.parametrize("module", FLEET_SETTINGS)
def test_the_settings_of_a_fleet_know_what_a_key_is(module: str) -> None:
    places = (f"fleets.{fleet_of(module)}.", "stream.", "insight.", "settings.key", "settings.kinds")
    for name in imports(SOURCES[module]):
        ours = name == f"{PACKAGE}.settings" or any(inside(name, f"{PACKAGE}.{place}") for place in places)
        assert name.split(".")[0] in PURE_STDLIB or ours, name


def test_what_a_fleet_is_knows_no_fleet_and_no_edge() -> None:
    places = (
        "stream.",
        "catalogue.",
        "exporter.",
        "settings.key",
        "settings.model",
        *("telemetry.registration", "telemetry.span"),
        "store.keeping",
        "notify.notice",
        "views.",
        "saved.form",
    )
    for name in imports(SOURCES[f"{PACKAGE}.fleets.dialect"]):
        ours = any(inside(name, f"{PACKAGE}.{place}") for place in places)
        assert name.split(".")[0] in PURE_STDLIB or ours, name


@pytest.mark.parametrize("module", FLEET_ENDS)
def test_the_ends_of_a_fleet_know_the_instruments_and_no_edge_besides(module: str) -> None:
    places = (
        *(f"fleets.{fleet_of(module)}.", "fleets.dialect", "stream.", "insight."),
        *("catalogue.", "exporter."),
        *("telemetry.registration", "telemetry.span", "settings.key", "settings.model"),
        # What a row is, and to whom it is given; not how it is written.
        *("store", "store.rows", "store.keeping"),
        # And a notice, not how it is sent; a view, not how it is served.
        *("notify.notice", "views."),
    )
    for name in imports(SOURCES[module]):
        ours = any(inside(name, f"{PACKAGE}.{place}") for place in places)
        stdlib = name.split(".")[0] in PURE_STDLIB | {"heapq", "datetime"}
        assert ours or stdlib or name == "opentelemetry.metrics", name


@pytest.mark.parametrize("module", below("catalogue"))
def test_what_a_row_is_knows_nothing_of_ours(module: str) -> None:
    for name in imports(SOURCES[module]):
        ours = inside(name, f"{PACKAGE}.catalogue.")
        stdlib = name.split(".")[0] in sys.stdlib_module_names
        assert ours or stdlib or (module, name) == (OBSERVE, "opentelemetry.metrics"), name


@pytest.mark.parametrize("library", PLACES)
def test_each_library_has_its_place(library: str) -> None:
    found = importers(library)
    assert found, f"{library} is imported nowhere: this test looks at nothing"
    assert {
        module for module in found if not any(inside(module, place) for place in PLACES[library])
    } == set()


@pytest.mark.parametrize(
    ("package", "allowed"),
    [
        # What arrives is written down where it arrives.
        ("mqtt", {"mqtt.", "stream.", "settings.", "journal."}),
        ("journal", {"journal.", "stream.", "wall_clock"}),
        # What a handler does with messages it knows no more than a receiver does.
        ("kafka", {"kafka.", "stream.", "settings.model"}),
        ("settings", {"settings."}),
        ("http", {"http.", "settings."}),
        # Of jobs what is asked, by whom and what is shown; not how they are done.
        (
            "web",
            {
                *("web.", "http.", "views."),
                *(
                    "jobs.asked",
                    "jobs.blueprint",
                    "jobs.controller",
                    "jobs.show",
                    "jobs.state",
                    "jobs.worker",
                ),
                "jobs.token_file",
            },
        ),
        ("telemetry", {"telemetry.", "catalogue.", "stream.", "settings.model", "saved."}),
        ("simulate", {"simulate.", "settings."}),
        # The oracle of a fleet's tests: of the fleet it knows the words, and nothing of what it does.
        *(
            (
                f"fleets.{fleet}.simulate",
                {
                    *(f"fleets.{fleet}.simulate.", f"fleets.{fleet}.event", f"fleets.{fleet}.reason"),
                    *("simulate.", "settings."),
                },
            )
            for fleet in FLEETS
        ),
        ("letters", {"letters."}),
        ("top", {"top.", "client."}),
        # What counts as this machine, to who listens and to who asks.
        ("client", {"client.", "settings.loopback"}),
        ("systemd", {"systemd."}),
        ("statefile", {"statefile.", "saved.", "stream.second"}),
        # A dead-letter file can be played too, and both kinds of file make room alike.
        ("capture", {"capture.", "stream.", "letters.letter", "letters.rotation"}),
        ("notify", {"notify.", "settings.model"}),
        # What a gauge is, and no gauge of anybody: an export has their names.
        ("store", {"store.", "settings.database", "settings.extras", "catalogue.instrument"}),
        # Of the HTTP server only why a handshake failed: the values of a label.
        ("exporter", {"exporter.", "catalogue.", "stream.", "telemetry.", "http.protect.failure"}),
        # Whatever works beside the exporter; what it works at, blueprints know.
        (
            "jobs",
            {"jobs.", "settings.", "catalogue.", "telemetry.registration", "http.", "views.", "client."},
        ),
    ],
)
def test_the_edges_do_not_know_each_other(package: str, allowed: set[str]) -> None:
    for module in below(package):
        for name in imports(SOURCES[module]):
            if name != PACKAGE and name.split(".")[0] == PACKAGE:
                assert any(inside(name, f"{PACKAGE}.{place}") for place in allowed), f"{module}: {name}"


# The plan of the house in docs/DESIGN.md, from the roof down. A trailing dot stands for all of a package.
FLOORS = (
    ("__main__",),
    ("cli", "monitor", "demo."),
    ("blueprints.",),
    ("app", "replay"),
    ("front",),
    ("recovery",),
    ("pipeline", "rows", "configuration", "reload", "report", "lasting"),
    ("fleets.roster",),
    ("handler", "threads"),
    ("set_aside", "limiter", "logs", "log_file", "log_writer"),
    tuple(f"fleets.{fleet}." for fleet in FLEETS),
    ("fleets.dialect", "exporter."),
    ("web.",),
    (
        *("mqtt.", "kafka.", "http.", "telemetry.", "letters.", "capture."),
        *("notify.", "store.", "simulate.", "systemd.", "top.", "jobs.", "statefile."),
    ),
    ("settings.", "client.", "journal.", "wall_clock"),
    ("catalogue.", "insight.", "stream.", "views.", "saved."),
)


def floor_of(module: str) -> int:
    """Return the number of the only floor that the module is on; the roof has 0."""
    (floor,) = (
        number
        for number, places in enumerate(FLOORS)
        for place in places
        if inside(module, f"{PACKAGE}.{place}")
    )
    return floor


@pytest.mark.parametrize("module", sorted(MODULES.keys() - {PACKAGE, f"{PACKAGE}.fleets"}))
def test_imports_go_down(module: str) -> None:
    floor = floor_of(module)
    for name in imports(SOURCES[module]):
        if name in MODULES and name not in {PACKAGE, f"{PACKAGE}.fleets"}:
            assert floor <= floor_of(name), name


DESIGN = ROOT.parent / "docs" / "DESIGN.md"
GROUND = ""
A_DESCRIPTION_GOES_ON = " " * 5
FURNISHED = ("fleets", "exporter", "web", "catalogue", "insight", "views", "saved", "stream")
# A fleet is drawn with what the other has not; that it has such ends and rows is said of one.
OF_THE_SAME_SHAPE = {"names", "catalogue", "settings", "views", *ENDS, "simulate"}


def drawn() -> Iterator[tuple[str, list[str]]]:
    """What docs/DESIGN.md draws, from the roof down: a package, or the ground, and names of what is in it."""
    plan = DESIGN.read_text(encoding="utf-8").partition("The plan of the house.")[2].split("```")[1]
    package = GROUND
    for line in filter(None, plan.splitlines()):
        first, *rest = re.split(r" {2,}", line.strip())
        names = [name.removesuffix("/") for name in first.split()]
        if line.startswith(A_DESCRIPTION_GOES_ON):
            continue
        if line.startswith(" "):
            yield package, names
            continue
        package = names[0]
        yield GROUND, names
        if len(rest) > 1:
            yield package, [name.removesuffix("/") for name in rest[0].split()]


def drawn_in(package: str) -> set[str]:
    return {name for where, names in drawn() for name in names if where == package}


def there_in(package: str) -> set[str]:
    """Modules and packages right below a package."""
    above = f"{'.'.join((PACKAGE, *filter(None, package.split('/'))))}."
    found = {name.removeprefix(above).split(".")[0] for name in MODULES if name.startswith(above)}
    return found - {"__main__"}


def test_the_plan_of_the_house_has_all_that_stands_on_the_ground() -> None:
    assert {name.split("/")[0] for name in drawn_in(GROUND)} == there_in(GROUND)


@pytest.mark.parametrize("package", FURNISHED)
def test_the_plan_of_the_house_has_all_that_is_in_a_package(package: str) -> None:
    drawn_of = drawn_in(package) | (set(FLEETS) if package == "fleets" else set())
    # The page's own files are none of Python's.
    assert drawn_of - {"page"} == there_in(package)


@pytest.mark.parametrize("fleet", FLEETS)
def test_the_plan_of_the_house_has_all_of_a_fleet(fleet: str) -> None:
    drawn_of = drawn_in(f"fleets/{fleet}")
    assert drawn_of | OF_THE_SAME_SHAPE == there_in(f"fleets/{fleet}")


def test_the_plan_of_the_house_goes_down_as_imports_do() -> None:
    floors = [
        {
            number
            for number, places in enumerate(FLOORS)
            for name in names
            # A package that is on two floors is drawn with what is on each.
            if name != "fleets" and {name.replace("/", "."), f"{name.replace('/', '.')}."} & {*places}
        }
        for where, names in drawn()
        if where == GROUND
    ]
    order = [floor for each in floors for floor in sorted(each)]
    assert order == sorted(order)
    assert all(len(each) <= 1 for each in floors), "a line is of one floor"
    edges = floor_of(f"{PACKAGE}.mqtt.receiver")
    assert sum(edges in each for each in floors) == 1, "edges stand beside each other"


@pytest.mark.parametrize("fleet", FLEETS)
def test_only_the_roster_knows_a_fleet(fleet: str) -> None:
    def outside(package: str) -> set[str]:
        return {module for module in importers(package) if not inside(module, f"{package}.")}

    own, simulator = f"{PACKAGE}.fleets.{fleet}", f"{PACKAGE}.fleets.{fleet}.simulate"
    # The command runs its simulator too, and so do jobs that publish a fleet.
    simulators = {f"{PACKAGE}.cli", f"{PACKAGE}.blueprints.made_up"}
    # The monitor is the class of AutoCore's document.
    # The history of AutoCore's readings is told under the names of its gauges.
    beside = {f"{PACKAGE}.monitor", f"{PACKAGE}.blueprints.backfill"}
    assert outside(own) - beside == {f"{PACKAGE}.fleets.roster", *simulators}
    assert outside(simulator) == simulators


def test_only_what_composes_knows_the_roster() -> None:
    roots = {
        f"{PACKAGE}.{name}"
        for name in ("app", "configuration", "front", "pipeline", "replay", "rows", "lasting")
    }
    assert importers(f"{PACKAGE}.fleets.roster") == roots


def test_only_the_command_and_the_class_know_the_composition_root() -> None:
    assert importers(f"{PACKAGE}.app") == {f"{PACKAGE}.cli", f"{PACKAGE}.monitor"}


def test_only_the_entry_point_knows_the_command() -> None:
    assert importers(f"{PACKAGE}.cli") == {ENTRY}


MUTATORS = {
    "add",
    "append",
    "clear",
    "discard",
    "extend",
    "insert",
    "pop",
    "popitem",
    "remove",
    "setdefault",
    "sort",
    "update",
}


def targets(node: ast.stmt) -> list[ast.expr]:
    """What a statement assigns to, tuples taken apart; empty when it assigns nothing."""
    if isinstance(node, ast.AnnAssign):
        return [node.target]
    found = node.targets if isinstance(node, ast.Assign) else []
    return [part for target in found for part in (target.elts if isinstance(target, ast.Tuple) else [target])]


def assigned(tree: ast.Module) -> set[str]:
    """Names that a module binds by assignment."""
    return {target.id for node in tree.body for target in targets(node) if isinstance(target, ast.Name)}


@pytest.mark.parametrize("module", [name for name in MODULES if name != ENTRY])
def test_a_module_only_defines(module: str) -> None:
    definitions = (ast.Import, ast.ImportFrom, ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
    for node in SOURCES[module].body:
        text = isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
        guards = ("TYPE_CHECKING", "__name__ == '__main__'")
        guarded = isinstance(node, ast.If) and ast.unparse(node.test) in guards
        # Names, not places in something: `os.environ[...] = ...` is a side effect.
        bound = bool(targets(node)) and all(isinstance(target, ast.Name) for target in targets(node))
        assert text or guarded or bound or isinstance(node, definitions), ast.unparse(node)


@pytest.mark.parametrize("module", MODULES)
def test_no_function_changes_what_its_module_bound(module: str) -> None:
    tree = SOURCES[module]
    names = assigned(tree)
    for node in ast.walk(tree):
        assert not isinstance(node, ast.Global), ast.unparse(node)
        if isinstance(node, ast.Subscript) and isinstance(node.ctx, ast.Store | ast.Del):
            assert ast.unparse(node.value) not in names, ast.unparse(node)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            owner, method = ast.unparse(node.func.value), node.func.attr
            assert not (owner in names and method in MUTATORS), ast.unparse(node)


PLAIN = (
    *(int, float, Decimal, str, bytes, type(None), Path, enum.Enum, datetime, timedelta),
    *(re.Pattern, struct.Struct),
    *(type, TypeVar, FunctionType, BuiltinFunctionType, MethodDescriptorType),
    # What tables are is a definition, as a class is; SQLAlchemy knows no other form of it.
    *(MetaData, Table),
)


def constant(value: object) -> bool:
    """Whether a module may hold the value: nothing that anybody could use as state."""
    if isinstance(value, tuple | frozenset):
        return all(map(constant, value))
    if isinstance(value, dict | MappingProxyType):  # a dict of constants that nobody changes: see above
        return all(constant(key) and constant(item) for key, item in value.items())
    if is_dataclass(value) and not isinstance(value, type):
        frozen = type(value).__dataclass_params__.frozen  # type: ignore[attr-defined]
        return frozen and all(constant(getattr(value, field.name)) for field in fields(value))
    # The rest: aliases of types, such as `Callable[[], int]` and `int | str`.
    return isinstance(value, PLAIN) or get_origin(value) is not None


@pytest.mark.parametrize("module", [name for name in MODULES if name != ENTRY])
def test_modules_hold_constants_only(module: str) -> None:
    values: Mapping[str, object] = vars(importlib.import_module(module))
    for name in assigned(SOURCES[module]) - {"__all__"}:
        assert constant(values[name]), f"{name} = {values[name]!r}"


def test_what_counts_as_state_is_noticed() -> None:
    assert constant((1, {"a": (re.compile("x"), int | str)}))
    for state in ([], set(), {"a": []}, object(), ast.parse(""), bytearray(), ([],)):
        assert not constant(state)


def run(code: str) -> None:
    """Run code in an interpreter of its own; it says by an assertion what is wrong."""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert (done.stdout, done.stderr) == ("", "")


def test_importing_everything_starts_nothing() -> None:
    names = [name for name in MODULES if name != ENTRY]
    run(f"""
import importlib, logging, os, signal, threading
from loguru import logger
from opentelemetry import metrics
log, signals = repr(logger), [signal.getsignal(n) for n in signal.valid_signals()]
environment, handlers = dict(os.environ), list(logging.root.handlers)
provider = metrics.get_meter_provider()
for name in {names!r}:
    importlib.import_module(name)
assert repr(logger) == log, logger
assert threading.active_count() == 1, threading.enumerate()
assert [signal.getsignal(n) for n in signal.valid_signals()] == signals
assert dict(os.environ) == environment
assert logging.root.handlers == handlers
assert metrics.get_meter_provider() is provider
""")


def test_the_receiving_process_stays_small() -> None:
    # It runs beside the exporter and must not be woken by, nor pay for, what it does not use.
    run(f"""
import sys
import {PACKAGE}.mqtt.receiver
heavy = {{"loguru", "dynaconf", "opentelemetry", "anyio", "orjson", "asyncio", "psutil", "h11", "yaml"}}
loaded = heavy & {{name.split(".")[0] for name in sys.modules}}
assert not loaded, loaded
""")


def test_the_receiving_process_stays_small_where_a_fleet_is_shared() -> None:
    run(f"""
import sys
import {PACKAGE}.mqtt.receiver
import {", ".join(f"{PACKAGE}.fleets.{fleet}.owner" for fleet in FLEETS)}
heavy = {{"loguru", "dynaconf", "opentelemetry", "anyio", "asyncio", "psutil", "h11", "yaml", "sqlalchemy"}}
loaded = heavy & {{name.split(".")[0] for name in sys.modules}}
assert not loaded, loaded
""")


def test_the_receiving_process_stays_small_where_messages_may_give_way() -> None:
    run(f"""
import sys
import {PACKAGE}.mqtt.receiver
import {", ".join(in_fleets(["giving_way"]))}
heavy = {{"loguru", "dynaconf", "opentelemetry", "anyio", "orjson", "asyncio", "psutil", "h11", "sqlalchemy"}}
loaded = heavy & {{name.split(".")[0] for name in sys.modules}}
assert not loaded, loaded
""")


def test_the_exporter_reads_what_jobs_are_and_loads_none_of_what_they_need() -> None:
    run(f"""
import sys
from {PACKAGE}.blueprints.roster import blueprints
blueprints()
heavy = {{"paho", "amqtt", "sqlalchemy", "psycopg", "anyio", "opentelemetry", "dynaconf"}}
loaded = heavy & {{name.split(".")[0] for name in sys.modules}}
assert not loaded, loaded
""")
