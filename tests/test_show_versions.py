"""What show_versions prints."""

import platform

import numpy as np
import pytest
import scipy
import sklearn

from skrnn._core import kernels
from skrnn._show_versions import show_versions


@pytest.fixture
def printed(capsys):
    show_versions()
    lines = capsys.readouterr().out.splitlines()
    return dict(line.split(": ", maxsplit=1) for line in lines)


def test_names_every_version(printed):
    assert printed["Python"] == platform.python_version()
    assert printed["platform"] == platform.platform()
    assert printed["numpy"] == np.__version__
    assert printed["scipy"] == scipy.__version__
    assert printed["scikit-learn"] == sklearn.__version__
    assert {"skrnn", "joblib", "threadpoolctl"} <= printed.keys()


def test_names_blas_and_kernels(printed):
    assert "threads" in printed["BLAS"]
    assert printed["kernels"] == kernels.in_use()


def test_without_kernels(monkeypatch, capsys):
    monkeypatch.setattr(kernels, "compiled", None)
    show_versions()
    assert "\nkernels: numpy\n" in capsys.readouterr().out


def test_package_that_is_not_installed(monkeypatch, capsys):
    monkeypatch.setattr("skrnn._show_versions.PACKAGES", ["no-such-package"])
    show_versions()
    assert "no-such-package: not installed\n" in capsys.readouterr().out
