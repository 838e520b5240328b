"""The pages of an evaluation: the quality report and its figures."""
