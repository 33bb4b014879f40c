"""`python -m deploy`: writes manual page, notice, bill of materials and manifests; old ones go."""

from pathlib import Path

from deploy.manifests import DASHBOARD_FILES, manifests
from deploy.manual import manual
from deploy.notice import notice
from deploy.partitions import partitioned
from deploy.sbom import sbom


def main() -> None:
    """Write what is generated in `deploy` of the tree that this file is in."""
    tree = Path(__file__).parents[1]
    directory = tree / "deploy" / "kubernetes"
    wanted = manifests(tree)
    for file in directory.glob(DASHBOARD_FILES):
        if file.name not in wanted:
            file.unlink()
    for name, text in wanted.items():
        (directory / name).write_text(text, encoding="utf-8")
    for name, text in partitioned(tree).items():
        (tree / "deploy" / name).write_text(text, encoding="utf-8")
    (tree / "deploy" / "otel-tickrmeter.1").write_text(manual(), encoding="utf-8")
    (tree / "deploy" / "otel-tickrmeter.cdx.json").write_text(sbom(), encoding="utf-8")
    (tree / "NOTICE.md").write_text(notice(), encoding="utf-8")


if __name__ == "__main__":
    main()
