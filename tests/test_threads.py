"""A search keeps as many threads busy as it was told to, whatever the BLAS would do."""

import os
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import joblib
import numpy as np
import pytest
from sklearn.model_selection import GridSearchCV
from threadpoolctl import threadpool_info, threadpool_limits

from skrnn import RNNClassifier, RNNLanguageModel, RNNSeq2Seq
from skrnn._core import kernels
from skrnn._core.network import Network
from skrnn._models._blas import one_blas_thread

TICKS = os.sysconf("SC_CLK_TCK") if hasattr(os, "sysconf") else 100
RNG = np.random.default_rng(0)
X, Y = RNG.standard_normal((256, 12, 64)).astype(np.float32), np.arange(256) % 2
IDS = [[0, 1, 2], [2, 1], [0]] * 4


def seconds_of_threads():
    """Return the processor time of each thread of this process and of its children."""
    processes = {}
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            after_name = (folder / "stat").read_text().rpartition(")")[2].split()
            processes[int(folder.name)] = int(after_name[1])
        except OSError:
            continue  # it has ended
    own = {os.getpid()}
    while more := {p for p, parent in processes.items() if parent in own} - own:
        own |= more
    seconds = {}
    for process in own:
        for stat in Path(f"/proc/{process}/task").glob("*/stat"):
            try:
                fields = stat.read_text().rpartition(")")[2].split()
            except OSError:
                continue
            seconds[stat.parent.name] = (int(fields[11]) + int(fields[12])) / TICKS
    return seconds


def busy_threads(run):
    """Count the threads that did at least a tenth of what the busiest of them did."""
    before, after = seconds_of_threads(), {}
    with ThreadPoolExecutor(1) as pool:
        running = pool.submit(run)
        while not running.done():
            time.sleep(0.1)
            after |= seconds_of_threads()  # threads that end keep what they had
        running.result()
    del after[str(threading.get_native_id())]  # the one that looks
    used = sorted(t - before.get(thread, 0) for thread, t in after.items())
    assert used[-1] > 0.3  # seconds, or else there is nothing to compare
    return sum(t > used[-1] / 10 for t in used)


def search(backend):
    model = RNNClassifier(hidden_layer_sizes=128, batch_size=128, random_state=0)
    grid = {"max_iter": [4, 5], "learning_rate_init": [0.001, 0.002]}
    with joblib.parallel_config(backend):
        GridSearchCV(model, grid, cv=2, n_jobs=2, refit=False).fit(X, Y)


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
@pytest.mark.parametrize("backend", ["loky", "threading"])
def test_a_search_keeps_two_threads_busy(backend):
    search(backend)  # start the workers, and import what they need
    assert busy_threads(lambda: search(backend)) <= 2


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_a_fit_keeps_one_thread_busy():
    model = RNNClassifier(hidden_layer_sizes=256, batch_size=128, max_iter=4)
    assert busy_threads(lambda: model.fit(X, Y).predict(X)) == 1


def blas_threads():
    return {p["num_threads"] for p in threadpool_info() if p["user_api"] == "blas"}


def test_threads_that_overlap_share_one_limit():
    with threadpool_limits(limits=2, user_api="blas"):
        before, inside = blas_threads(), threading.Barrier(2)
        seen = []

        def first():
            with one_blas_thread:
                inside.wait()
            inside.wait()  # the other one is still in, and this one lives on
            inside.wait()

        def second():
            with one_blas_thread:
                inside.wait()
                inside.wait()
                seen.append(blas_threads())
            seen.append(blas_threads())
            with one_blas_thread:
                seen.append(blas_threads())
            inside.wait()

        with ThreadPoolExecutor(2) as pool:
            for running in [pool.submit(first), pool.submit(second)]:
                running.result(timeout=60)
        assert seen == [{1}, before, {1}]
        assert blas_threads() == before


@pytest.mark.parametrize(
    ("estimator", "methods"),
    [
        (RNNLanguageModel, "score predict_proba sample beam_search"),
        (RNNSeq2Seq, "predict predict_n_best score_samples attention_weights"),
    ],
)
def test_models_keep_the_blas_to_one_thread(estimator, methods, monkeypatch):
    monkeypatch.setattr(kernels, "compiled", None)  # which use no BLAS
    seen, hidden = [], Network.hidden

    def counting(*args, **options):
        seen.append(blas_threads())
        return hidden(*args, **options)

    monkeypatch.setattr(Network, "hidden", counting)
    given = {"sample": (2,), "beam_search": ([0], 3)}
    given |= dict.fromkeys(["score_samples", "attention_weights"], (IDS, IDS))
    model = estimator(hidden_layer_sizes=2, max_iter=1, early_stopping=True)
    with threadpool_limits(limits=2, user_api="blas"):
        before = blas_threads()
        model.fit(IDS, IDS if estimator is RNNSeq2Seq else None)
        if estimator is RNNSeq2Seq:
            model.weights_["decoder_b_out"][-1] = 100  # so that all targets have an end
        for method in methods.split():
            n_seen = len(seen)
            getattr(model, method)(*given.get(method, (IDS,)))
            assert len(seen) > n_seen
        assert blas_threads() == before
    assert set().union(*seen) == {1}


def test_the_blas_has_its_threads_back():
    """However many threads predict at the same time."""
    model = RNNClassifier(hidden_layer_sizes=30, max_iter=1).fit(X, Y)
    with threadpool_limits(2, user_api="blas"):
        before = blas_threads()
        with ThreadPoolExecutor(4) as executor:
            list(executor.map(model.predict, [X] * 12))
        assert blas_threads() == before
