"""Workloads of the system family."""
