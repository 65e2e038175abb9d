"""Replayed machines: what drivers and kernels answer, as labelled JSON, and what turns it into a Source or an NVML."""
