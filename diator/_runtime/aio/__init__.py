"""The asynchronous twins."""
