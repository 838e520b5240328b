"""What never runs in the vehicle: augmentation, simulation, data, training, evaluation, benchmarks and their pages.

Only `signpipe.cli` and the lab itself import it; `make lint` checks that.
"""
