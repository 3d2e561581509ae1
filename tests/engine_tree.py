"""A tree of one-line modules, laid out as the engine, that imports our adapters."""

from __future__ import annotations

from pathlib import Path

from ict_kernels.adapters.ict_engine import ORIGINALS

PACKAGE = Path(__file__).resolve().parents[1]


def write_tree(root: Path) -> Path:
    """Write `01-CORE` with a module for each of the engine's that there is an adapter of.

    Parameters
    ----------
    root
        An empty folder.
    """
    sources = root / "01-CORE"
    for ours, original in ORIGINALS.items():
        path = sources.joinpath(*original.split(".")).with_suffix(".py")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"from ict_kernels.adapters.ict_engine.{ours} import *\n")
    manager = sources / "data_management" / "mt5_data_manager.py"
    manager.parent.mkdir()
    manager.write_text("get_mt5_manager = lambda: None\n")
    return root


if __name__ == "__main__":
    import sys

    sys.stdout.write(f"{write_tree(Path(sys.argv[1]))}\n")
