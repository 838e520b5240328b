"""Why a sign was read as it was: one track's crops, evidence, verdicts and what the classifier went by, as a page."""
