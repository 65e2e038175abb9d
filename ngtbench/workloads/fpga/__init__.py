"""Workloads of the fpga family."""
