"""Limit the BLAS to one thread, so that sums do not depend on the number of threads."""

import threading
from contextlib import nullcontext

from threadpoolctl import OpenBLASController, ThreadpoolController

from skrnn._core import kernels


class _OneBlasThread:
    """Context in which the BLAS of the whole process uses one thread.

    The first thread that enters sets the limit, the last one that leaves restores the
    limits of before.
    """

    def __init__(self):
        self.lock, self.depth = threading.Lock(), 0
        self.controller = self.limit = None

    def __enter__(self):
        with self.lock:
            if self.depth == 0:
                self.controller = self.controller or ThreadpoolController()
                self.release_control()
                self.limit = self.controller.limit(limits=1, user_api="blas")
            self.depth += 1

    def __exit__(self, *exception):
        with self.lock:
            self.depth -= 1
            if self.depth == 0:
                self.release_control()
                self.limit.restore_original_limits()
                self.release_control()

    def release_control(self):
        """Let any thread set limits, as threadpoolctl did before version 3.8.

        Since version 3.8 the first thread that sets limits controls them as long as it
        lives, and limits that other threads set are ignored.
        """
        if hasattr(OpenBLASController, "clear_controlling_thread"):
            OpenBLASController.clear_controlling_thread(force=True)


one_blas_thread = _OneBlasThread()


def deterministic_arithmetic():
    """Return a context in which sums have the same bits in every run.

    The compiled kernels have a fixed order of summation; the BLAS has one if it uses a
    single thread.
    """
    return nullcontext() if kernels.compiled is not None else one_blas_thread
