"""Adapters to dependency injection containers."""
