# Generated from diator/aio/container/__init__.py by tools/unasync.py. Do not edit: edit the source and run it again.
"""Adapters to dependency injection containers."""
