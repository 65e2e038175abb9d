"""Bandwidth, FLOP rate, latencies and links."""

from ngtbench.adapters.asv import door

Gemm = door("system/gemm")
Launch = door("system/launch")
Memory = door("system/memory")
Transfer = door("system/transfer")
Triad = door("system/triad")
