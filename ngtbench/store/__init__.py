"""Record files: JSON Lines that survive a crash."""
