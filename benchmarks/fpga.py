"""Quantised networks on FPGAs."""

from ngtbench.adapters.asv import door

Estimate = door("fpga/estimate")
AdderGraph = door("fpga/adder_graph")
FixedPointInference = door("fpga/fixed_point_inference")
