"""What blueprints can be told, as Markdown."""

from otel_tickrmeter.blueprints.roster import blueprints
from otel_tickrmeter.blueprints.scenario import step_descriptions
from otel_tickrmeter.jobs.blueprint import Need, Parameter


def blueprints_markdown() -> str:
    """A table of the parameters of each blueprint, and one of the steps of scenarios."""
    lines: list[str] = []
    for blueprint in blueprints().values():
        lines += [f"### Parameters of `{blueprint.name}`", "", blueprint.meaning, ""]
        lines += ["| parameter | default | meaning |", "| --- | --- | --- |"]
        lines += [f"| {_row(each)} |" for each in blueprint.parameters]
        lines.append("")
    lines += [
        "### Steps of a scenario",
        "",
        "Of `fault`: each an object, with its `step` and what it is told.",
    ]
    lines += ["", "| step | parameter | default | meaning |", "| --- | --- | --- | --- |"]
    for kind, description in step_descriptions().items():
        lines.append(f"| `{kind}` | | | {description.meaning} |")
        lines += [f"| | {_row(each)} |" for each in description.parameters]
    return "\n".join((*lines, ""))


def _row(parameter: Parameter) -> str:
    default = "" if parameter.default in (None, "") else f"`{parameter.default}`"
    if parameter.default is Need.REQUIRED:
        default = "must be given"
    return f"`{parameter.name}` | {default} | {parameter.meaning}"
