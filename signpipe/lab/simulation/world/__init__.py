"""Driving scenes: how a road runs, what stands along it, and what is true of it; read, drawn by chance, measured."""
