# Generated from diator/aio/message_brokers/__init__.py by tools/unasync.py. Do not edit: edit the source and run it again.
"""Adapters to message brokers, one module each."""
