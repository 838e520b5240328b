"""Data sets of road signs: reading them in every usual format, splitting, fetching and checking them."""

from signpipe.lab.data.classes import ClassMap
from signpipe.lab.data.labelled import Dataset, LabelledImage, Problem, Split
from signpipe.lab.data.opening import FORMATS, find_data, open_dataset

__all__ = ["FORMATS", "ClassMap", "Dataset", "LabelledImage", "Problem", "Split", "find_data", "open_dataset"]
