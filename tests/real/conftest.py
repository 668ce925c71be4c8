"""Where the real data sets are: SKRNN_DATA, or ../shared/data beside the repository."""

import os
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="session")
def data_dir():
    """Return the folder of the data sets; skip where there is none."""
    default = REPOSITORY.parent / "shared" / "data"
    folder = Path(os.environ.get("SKRNN_DATA", default))
    if not folder.is_dir():
        pytest.skip(f"no data sets in {folder}: set SKRNN_DATA to their folder")
    return folder
