"""`python -m deploy`: writes the generated manifests, and removes those of dashboards that are gone."""

from pathlib import Path

from deploy.manifests import DASHBOARD_FILES, manifests


def main() -> None:
    """Write `deploy/kubernetes` of the tree that this file is in."""
    tree = Path(__file__).parents[1]
    directory = tree / "deploy" / "kubernetes"
    wanted = manifests(tree)
    for file in directory.glob(DASHBOARD_FILES):
        if file.name not in wanted:
            file.unlink()
    for name, text in wanted.items():
        (directory / name).write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
