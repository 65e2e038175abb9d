"""Benchmarks for the Next Generation Triggers programme, and the harness that proves and compares them."""

__version__ = "0.1.0"
