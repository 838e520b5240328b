"""How fast the pipeline is on this machine, and where the time goes: `signpipe bench`."""
