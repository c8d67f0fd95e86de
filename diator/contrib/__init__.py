"""Glue for frameworks. Each module needs its framework; nothing else in diator imports them."""
