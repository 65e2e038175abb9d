"""Frozen types that every stage shares; nothing here reads, writes or computes.

A name's suffix is its unit: `_s` seconds, `_b` bytes, `_w` watts, `_hz` hertz, `_j` joules. None means "could not be
read", and the reason stands in `missing` under the field's name.
"""
