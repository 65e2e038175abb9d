"""Programs that share a device."""
