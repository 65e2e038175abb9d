"""Doors to other tools: what they call times the same prepared cases."""
