"""The stages of the pipeline, one small object each."""
