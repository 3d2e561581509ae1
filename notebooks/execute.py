"""Execute the notebooks that lie next to this file, and write them with their results into a folder."""

from __future__ import annotations

import argparse
from pathlib import Path

import nbformat
from nbclient import NotebookClient

HERE = Path(__file__).resolve().parent


def main() -> None:
    """Execute each notebook in turn; the first cell that fails ends it all."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path, help="where the executed notebooks go")
    folder = parser.parse_args().folder
    folder.mkdir(parents=True, exist_ok=True)
    for path in sorted(HERE.glob("*.ipynb")):
        notebook = nbformat.read(path, as_version=4)
        client = NotebookClient(notebook, timeout=600, resources={"metadata": {"path": str(HERE)}})
        client.execute()
        nbformat.write(notebook, folder / path.name)
        pictures = sum(
            "image/png" in output.get("data", {})
            for cell in notebook.cells
            for output in cell.get("outputs", ())
        )
        print(f"{path.name}: {len(notebook.cells)} cells, {pictures} pictures")


if __name__ == "__main__":
    main()
