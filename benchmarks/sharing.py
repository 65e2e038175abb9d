"""Programs that share a device."""

from ngtbench.adapters.asv import door

Clients = door("sharing/clients")
Interference = door("sharing/interference")
