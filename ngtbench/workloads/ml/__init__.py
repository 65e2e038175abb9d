"""Workloads of the ml family."""
