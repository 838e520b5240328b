"""Whether a source still shows what its models were chosen on: samples, a reference of them, and comparing both."""

from signpipe.drift.comparing import Report, compare
from signpipe.drift.observer import Observer
from signpipe.drift.reference import Reference, make_reference, read_reference
from signpipe.drift.samples import Sample, read_samples

__all__ = ["Observer", "Reference", "Report", "Sample", "compare", "make_reference", "read_reference", "read_samples"]
