"""Why a sign was read as it was: one track's looks, evidence, rungs and what the classifier went by, as a page."""
