"""Statistics and comparison; pure functions of records."""
