"""Kernels of the fpga family: what a quantised network costs on an FPGA, and what it computes there."""

from ngtbench.kernels.fpga.adder_graph import AdderGraph, adder_graph
from ngtbench.kernels.fpga.calibration import fit_dense
from ngtbench.kernels.fpga.counts import Counts, counts
from ngtbench.kernels.fpga.estimate import (
    DenseEstimate,
    Estimate,
    estimate_dense,
    lut_from_adder_cost,
    lut_from_ebops,
)
from ngtbench.kernels.fpga.inference import infer, infer_integers
from ngtbench.kernels.fpga.network import Layer, Network
from ngtbench.kernels.fpga.network_estimate import NetworkEstimate, estimate_network
from ngtbench.kernels.fpga.reuse import nearest_valid, valid
from ngtbench.kernels.fpga.verify import Verified, verify
from ngtbench.physics.fpga.multiplication import bops, csd, ebops

__all__ = [
    "AdderGraph",
    "Counts",
    "DenseEstimate",
    "Estimate",
    "Layer",
    "Network",
    "NetworkEstimate",
    "Verified",
    "adder_graph",
    "bops",
    "counts",
    "csd",
    "ebops",
    "estimate_dense",
    "estimate_network",
    "fit_dense",
    "infer",
    "infer_integers",
    "lut_from_adder_cost",
    "lut_from_ebops",
    "nearest_valid",
    "valid",
    "verify",
]
