"""Scheduling of events."""

from ngtbench.adapters.asv import door

EventGraph = door("scheduling/event_graph")
