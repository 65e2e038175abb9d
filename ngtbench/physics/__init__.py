"""What oracle and kernel agree on: random numbers, rounding, bases, fields."""
