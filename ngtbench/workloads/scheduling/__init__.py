"""Workloads of the scheduling family."""
