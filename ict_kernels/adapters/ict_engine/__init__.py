"""The ICT Engine's own interfaces on top of compiled kernels.

Each module here keeps the class, method, field and enum names, signatures and defaults of one module of the
engine, so that only the import line changes. Detections are reproduced exactly, known defects included; those
are listed in each module's docstring. What the engine takes from its surroundings (clock, memory, logger)
enters as keyword-only arguments. Nothing is printed and no file is written.

Examples
--------
>>> from ict_kernels.adapters.ict_engine import MODULES
>>> "FairValueGapDetector" in MODULES["fair_value_gaps"]
True
"""

from __future__ import annotations

__all__ = ["MODULES"]

MODULES: dict[str, tuple[str, ...]] = {
    "fair_value_gaps": ("FVGDirection", "FVGStatus", "FairValueGap", "FairValueGapDetector"),
}
"""The classes that each module offers, by module name."""
