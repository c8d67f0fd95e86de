"""The blocking twins."""
