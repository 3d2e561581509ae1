"""Interfaces of other packages, on the same kernels."""
