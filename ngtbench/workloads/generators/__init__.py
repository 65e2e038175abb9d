"""Workloads of the generators family."""
