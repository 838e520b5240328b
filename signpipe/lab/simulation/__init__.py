"""Rendered drives with exact truth."""
