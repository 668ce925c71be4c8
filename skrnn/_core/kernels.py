"""The compiled kernels, where the package was built with them, and the choice of one.

`compiled` is the module with the kernels in use, None where numpy computes. The
environment variable ``SKRNN_KERNELS`` chooses the instruction set: the fastest that the
processor has by default, numpy without kernels for ``SKRNN_KERNELS=numpy``.
"""

import importlib
import os
import warnings
from typing import NamedTuple


class CompiledCell(NamedTuple):
    """The properties of a compiled cell."""

    code: int
    n_gates: int
    n_slots: int  # values per unit and step that are saved for the backward pass
    n_extra: int
    has_memory: bool


def load(name="skrnn._kernels._compiled"):
    """Return the compiled module, None where it was not built.

    A module that was built and cannot be loaded, by the wrong version of a library for
    instance, causes a warning: without it everything takes several times as long.
    """
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError:
        return None
    except ImportError as error:
        if os.environ.get("SKRNN_KERNELS") != "numpy":
            warnings.warn(
                f"The compiled kernels of skrnn cannot be loaded: {error}. numpy is "
                "used instead, which is several times slower. Install skrnn anew, or "
                "set SKRNN_KERNELS=numpy to use numpy without this warning.",
                RuntimeWarning,
                stacklevel=2,
            )
        return None


_loaded = compiled = load()

# The compiled cells, by the names that cells give as their `kernel`.
cells = {}
if _loaded is not None:
    cells = {name: CompiledCell(*row) for name, row in _loaded.cells().items()}


def supported():
    """Return the names that `use` takes: "numpy", then the fastest kernels first."""
    return ["numpy", *([] if _loaded is None else _loaded.supported())]


def use(name):
    """Use the kernels of an instruction set, numpy, or the "best" that there are."""
    global compiled
    names = supported()
    if name == "best":
        name = names[min(1, len(names) - 1)]
    if name not in names:
        raise ValueError(
            f"SKRNN_KERNELS={name!r} must be 'best' or one of {names} on this computer."
        )
    if name == "numpy":
        compiled = None
    else:
        _loaded.use(name)
        compiled = _loaded


def in_use():
    """Return the instruction set of the kernels in use, or "numpy"."""
    return "numpy" if compiled is None else compiled.isa()


if os.environ.get("SKRNN_KERNELS"):
    use(os.environ["SKRNN_KERNELS"])
