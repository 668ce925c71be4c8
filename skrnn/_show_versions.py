"""Versions of Python, the dependencies and the BLAS."""

import platform
from importlib.metadata import PackageNotFoundError, version

from threadpoolctl import threadpool_info

from skrnn._core import kernels

PACKAGES = ("skrnn", "numpy", "scipy", "scikit-learn", "joblib", "threadpoolctl")


def show_versions():
    """Print the versions of Python, the dependencies and the BLAS, for bug reports.

    The last line is the instruction set of the compiled kernels in use, or "numpy" if
    there are none.

    Examples
    --------
    >>> import skrnn
    >>> skrnn.show_versions()
    Python: ...
    platform: ...
    skrnn: ...
    """
    print(f"Python: {platform.python_version()}")
    print(f"platform: {platform.platform()}")
    for package in PACKAGES:
        print(f"{package}: {_version(package)}")
    for library in threadpool_info():
        if library["user_api"] == "blas":
            print(
                f"BLAS: {library['internal_api']} {library['version']}, "
                f"{library['num_threads']} threads, {library['filepath']}"
            )
    print(f"kernels: {kernels.in_use()}")


def _version(package):
    try:
        return version(package)
    except PackageNotFoundError:
        return "not installed"
