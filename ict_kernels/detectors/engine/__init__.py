"""The rules of the ICT Engine: a kernel, its twin, what they give and which laws hold, all under one name.

They serve :mod:`ict_kernels.adapters.ict_engine` and are no detectors of the catalogue: some look ahead by design.
"""

from __future__ import annotations

import importlib
import pkgutil

from ._rule import Hits, Rule

__all__ = ["Hits", "Rule", "rules"]


def rules() -> dict[str, Rule]:
    """Return every rule, by name.

    Returns
    -------
    dict of str to Rule

    Examples
    --------
    >>> rules()["gaps"].columns[:3]
    ('bar', 'confirmed', 'direction')
    """
    modules = sorted(info.name for info in pkgutil.iter_modules(__path__) if not info.name.startswith("_"))
    found = [
        value
        for name in modules
        for value in vars(importlib.import_module(f"{__name__}.{name}")).values()
        if isinstance(value, Rule)
    ]
    return {rule.name: rule for rule in found}
