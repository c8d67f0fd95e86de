"""Middlewares that come with diator."""
