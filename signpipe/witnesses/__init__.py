"""Witnesses: sources other than the classifier that have an opinion on what a sign is."""
