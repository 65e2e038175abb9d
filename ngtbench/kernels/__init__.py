"""Code under test, by family; public functions are re-exported by each family."""
