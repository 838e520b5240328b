"""Rendered drives with exact truth (extra 'sim')."""
