"""The compiled kernels, where there are any.

The environment variable ``SKRNN_KERNELS`` chooses the instruction set, by default the
best that the processor has; ``SKRNN_KERNELS=numpy`` does without kernels.
"""

import os

try:
    from skrnn._kernels import _compiled as compiled
except ImportError:  # not built
    compiled = None


def use(name):
    """Use the kernels of an instruction set, or none."""
    global compiled
    supported = ["numpy"] if compiled is None else ["numpy", *compiled.supported()]
    if name not in supported:
        raise ValueError(f"SKRNN_KERNELS={name!r} must be one of {supported}.")
    if name == "numpy":
        compiled = None
    else:
        compiled.use(name)


def in_use():
    """Return the instruction set of the kernels, or "numpy"."""
    return "numpy" if compiled is None else compiled.isa()


if os.environ.get("SKRNN_KERNELS"):
    use(os.environ["SKRNN_KERNELS"])
