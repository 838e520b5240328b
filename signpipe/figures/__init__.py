"""Reading the figures on signs and plates: crops go in, texts with their probability come out."""
