"""Scans that only the rules of the ICT Engine need, one module per subject."""
