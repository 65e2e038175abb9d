"""Scheduling of events."""

from ngtbench.adapters.asv import door

EventGraph = door("scheduling/event_graph")
NodeFill = door("scheduling/node_fill")
