"""The native catalogue: public functions, one file a family; importing them registers them."""

from __future__ import annotations

from . import gaps, structure, swings

__all__ = ["gaps", "structure", "swings"]
