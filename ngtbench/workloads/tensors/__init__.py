"""Workloads of the tensors family."""
