"""How the tests share two cores: `make test` runs two processes, and each gives its models one thread."""

import os

import pytest

# The longest files start first, so that no process is left alone with one of them at the end.
LONG = (
    "test_sample.py",
    "test_demo.py",
    "test_explain.py",
    "test_classes_command.py",
    "test_examples.py",
    "test_record.py",
    "test_smoke.py",
    "test_detector.py",
)

if "PYTEST_XDIST_WORKER" in os.environ:
    os.environ.setdefault("SIGNPIPE_RUNTIME__THREADS", "1")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    items.sort(key=lambda item: LONG.index(item.path.name) if item.path.name in LONG else len(LONG))
