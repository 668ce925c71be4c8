"""Which versions of what skrnn runs on."""

import platform
from importlib.metadata import PackageNotFoundError, version

from threadpoolctl import threadpool_info

PACKAGES = ("skrnn", "numpy", "scipy", "scikit-learn", "joblib", "threadpoolctl")


def kernels():
    """Return the name of the implementation of the recurrences that is in use."""
    return "numpy"


def show_versions():
    """Print the versions of Python, the packages and the BLAS that skrnn runs on.

    Also printed is which implementation of the recurrences is in use. Include the
    output in a bug report.

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
    print(f"kernels: {kernels()}")


def _version(package):
    try:
        return version(package)
    except PackageNotFoundError:
        return "not installed"
