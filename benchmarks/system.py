"""Bandwidth, FLOP rate, latencies, atomics and links."""

from ngtbench.adapters.asv import door

Atomics = door("system/atomics")
Cache = door("system/cache")
Fma = door("system/fma")
Gemm = door("system/gemm")
Launch = door("system/launch")
Memory = door("system/memory")
Transfer = door("system/transfer")
Triad = door("system/triad")
