# Generated from diator/aio/middlewares/__init__.py by tools/unasync.py. Do not edit: edit the source and run it again.
"""Middlewares that come with diator."""
