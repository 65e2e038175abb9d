"""Doors to asv and pytest: a file per family, a line per workload, no logic."""
