"""Which passages of the whole corpus answer a query, beside its own."""
