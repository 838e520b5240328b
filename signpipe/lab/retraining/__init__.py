"""The loop back: what a person said goes into the models, and whether that made them better or worse."""
