"""Countries' files: what is wrong in one, and what it looks like."""
