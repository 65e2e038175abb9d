"""From a plan to validated, measured outcomes."""
