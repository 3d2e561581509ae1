"""Compiled kernels: NumPy and Numba only, no interpreter lock, no allocation, no exceptions."""
