"""What a batch costs on machines that we don't have: a simulation of a cluster."""
