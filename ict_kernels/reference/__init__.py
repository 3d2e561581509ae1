"""Plain Python twins of the kernels, written from the definitions: arrays to columns, NumPy only."""
