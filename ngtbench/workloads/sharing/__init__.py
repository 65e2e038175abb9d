"""Workloads of the sharing family."""
