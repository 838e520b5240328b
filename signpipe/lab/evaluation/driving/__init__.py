"""Driving simulated roads: what is told at every metre, who is to blame where it is wrong, and a car that obeys."""
