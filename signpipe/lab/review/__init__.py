"""The review queue for a person: its contact sheet, labels, and labelled signs as data sets."""
