"""Settings of all tests."""

import hypothesis

# No timed assertions, and the same examples in every run.
hypothesis.settings.register_profile("skrnn", deadline=None, derandomize=True)
hypothesis.settings.load_profile("skrnn")

collect_ignore_glob = ["golden/make_*.py"]  # they need what the tests do without
