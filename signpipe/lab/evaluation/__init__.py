"""How good the models and the pipeline are: metrics that need no model to compute."""
