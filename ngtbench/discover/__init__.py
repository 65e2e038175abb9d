"""What this machine is: CPU, GPUs, software, and which data sheet each device matches."""
