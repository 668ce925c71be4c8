"""Settings of all tests."""

import signal

import hypothesis
import pytest

# No timed assertions, and the same examples in every run.
hypothesis.settings.register_profile("skrnn", deadline=None, derandomize=True)
hypothesis.settings.load_profile("skrnn")

collect_ignore = ["sklearn_tools.py"]  # imports much
collect_ignore_glob = ["golden/make_*.py"]  # they need what the tests do without


@pytest.fixture(autouse=True, scope="session")
def _interrupts():
    """Take Ctrl-C as in a terminal, also in processes that were started otherwise."""
    signal.signal(signal.SIGINT, signal.default_int_handler)
