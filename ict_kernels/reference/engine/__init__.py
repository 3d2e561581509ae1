"""The engine's rules in plain Python, written from their definitions; one module per subject.

A twin takes ``(bars, start, stop, params)`` and returns a list of dicts, a value per column. It reads bars one at a
time, so that it runs on arrays and, row by row, on a frame alike.
"""
