"""What needs torch is collected only where torch is: `make smoke` runs it, and `make test` doesn't speak of it."""

from importlib.util import find_spec

collect_ignore = [] if find_spec("torch") else ["with_torch"]
