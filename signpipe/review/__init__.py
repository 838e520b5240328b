"""The review queue: signs that nothing was sure of, kept for a person."""

from signpipe.review.item import NOT_A_SIGN, Label, ReviewItem, Status, Window
from signpipe.review.queue import ReviewQueue

__all__ = ["NOT_A_SIGN", "Label", "ReviewItem", "ReviewQueue", "Status", "Window"]
