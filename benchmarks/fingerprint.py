"""Digests of small fits, to see whether a change of the code changes any result.

``python benchmarks/fingerprint.py > before.txt`` prints a line for each result of each
case: its name and a digest of its bytes. After a change, on the same machine,
``python benchmarks/fingerprint.py --compare before.txt`` lists the results that differ
and exits with 1 if there are any. ``SKRNN_KERNELS`` chooses the kernels, as always.
"""

import argparse
import hashlib
import os
import struct
import sys
import warnings

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import numpy as np
from scipy import sparse
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skrnn import (
    Delta,
    LogMelSpectrogram,
    RNNClassifier,
    RNNLanguageModel,
    RNNRegressor,
    RNNSeq2Seq,
    RNNTagger,
    RNNTranscriber,
    SequenceOneHotEncoder,
    Sequences,
    Stepwise,
    Tokenizer,
    VocabularyEncoder,
)

CELLS = ["rnn", "gru", "gru_reset_before", "gru_update_only", "lstm", "lstm_peephole"]
SMALL = {"hidden_layer_sizes": 5, "max_iter": 2, "batch_size": 8, "random_state": 0}
WORDS = np.array(["a", "b", "c"])

# --- data -----------------------------------------------------------------------------

RNG = np.random.RandomState(0)
LENGTHS = [4, 1, 9, 3, 6, 2, 5, 7, 3, 8, 4, 6, 5, 3, 9, 2, 7, 4, 6, 5]
N, V = len(LENGTHS), 7
IDS = [RNG.randint(V, size=length) for length in LENGTHS]
IDS[5], IDS[12] = IDS[15], IDS[6]  # repeated sequences are trained on once
DENSE = [RNG.uniform(-1, 1, size=(length, 3)) for length in LENGTHS]
SPARSE = [
    sparse.csr_array(RNG.uniform(size=(length, V)) * (RNG.rand(length, V) < 0.3))
    for length in LENGTHS
]
BINARY = [(RNG.rand(length, 4) < 0.4).astype(int) for length in LENGTHS]
TEXTS = [" ".join(WORDS[x % 3]) for x in IDS]
INTEGER_WEIGHTS = RNG.randint(4, size=N).astype(float)
WEIGHTS = RNG.uniform(0.1, 2, size=N)
PERIODS = [RNG.uniform(-1, 1, size=400 + 37 * i) for i in range(4)]


def cycle(values, n):
    return [values[i % len(values)] for i in range(n)]


LABELS = {
    RNNTagger: [WORDS[RNG.randint(3, size=length)] for length in LENGTHS],
    RNNClassifier: cycle(list("abcacb"), N),
    RNNRegressor: RNG.uniform(-2, 2, size=N),
    RNNLanguageModel: None,
    RNNSeq2Seq: [WORDS[x % 3][: 1 + len(x) // 2] for x in IDS],
    RNNTranscriber: [WORDS[np.unique(x) % 3][: len(x) // 3] for x in IDS],
}
ESTIMATORS = list(LABELS)
INPUTS = {
    "ids": (IDS, {}),
    "embedded": (IDS, {"embedding_dim": 4}),
    "dense": (DENSE, {}),
    "sparse": (SPARSE, {}),
}
BINARY_INPUTS = {
    "dense": (BINARY, {}),
    "sparse": ([sparse.csr_array(x) for x in BINARY], {}),
}

# --- digests --------------------------------------------------------------------------


def feed(digest, value):
    """Put the type, the shape and the bytes of a value into a digest."""
    if isinstance(value, dict):
        for key in sorted(value):
            feed(digest, [key, value[key]])
    elif isinstance(value, Sequences):
        feed(digest, [value.rows, value.offsets])
    elif sparse.issparse(value):
        value = value.tocsr()
        feed(digest, [value.toarray(), value.indices.astype(int), value.data])
    elif isinstance(value, np.ndarray) and value.dtype.kind == "O":
        feed(digest, [list(value.shape), *value.ravel()])
    elif isinstance(value, (np.ndarray, np.generic)):
        value = np.asarray(value)
        digest.update(f"{value.dtype.str}{value.shape}".encode())
        digest.update(np.ascontiguousarray(value).tobytes())
    elif isinstance(value, (list, tuple)):
        digest.update(f"[{len(value)}".encode())
        for item in value:
            feed(digest, item)
    elif isinstance(value, float):
        digest.update(struct.pack("<d", value))
    else:  # an integer, a string, a truth value, None
        digest.update(repr(value).encode())


def digest_of(value):
    """Return the digest of a value as 16 hexadecimal digits."""
    digest = hashlib.sha256()
    feed(digest, value)
    return digest.hexdigest()[:16]


# --- what there is to compare ---------------------------------------------------------

METHODS = (
    "predict",
    "predict_proba",
    "predict_log_proba",
    "decision_function",
    "score_samples",
    "predict_n_best",
)
HISTORY = (
    "loss_curve_",
    "best_loss_",
    "validation_scores_",
    "best_validation_score_",
    "n_iter_",
)


def results_of(model, X, y, sample_weight=None):
    """Yield the name of each result of a fitted model, and the result."""
    yield "weights", model.weights_
    yield "history", [getattr(model, name) for name in HISTORY]
    is_language_model = isinstance(model, RNNLanguageModel)
    given = (X, y) if is_language_model else (X,)
    for method in METHODS:
        if hasattr(model, method):
            yield method, getattr(model, method)(*given)
    yield "score", model.score(X, y, sample_weight=sample_weight)
    if is_language_model:
        yield from results_of_language_model(model, X, y)
    elif hasattr(model, "score_samples"):
        yield "score_samples of y", model.score_samples(X, y)
    if getattr(model, "attention", None) is not None:
        yield "attention_weights", model.attention_weights(X, y)


def results_of_language_model(model, X, y):
    """Yield what only a language model has."""
    yield "log_proba_per_step", model.log_proba_per_step(X, y)
    draw = {"random_state": 0, "max_length": 12}
    if y is not None:
        draw["condition"] = y[1]
    yield "sample", model.sample(7, **draw)
    if model.end_token_ is None:
        yield "sample after a prefix", model.sample(3, prefix=X[0], **draw)
        return
    yield "sample after a prefix", model.sample(3, prefix=[1, 2], **draw)
    some = {"temperature": 0.7, "top_k": 4, "top_p": 0.9, "exclude": [2]}
    yield "sample from some", model.sample(5, **some, **draw)
    del draw["random_state"]
    yield "beam_search", model.beam_search(width=3, **draw)


# --- the cases ------------------------------------------------------------------------


def case(name, Estimator, X=IDS, y=None, *, fit=None, use=None, **params):
    """Return the name of a case and a function that yields its results.

    `fit` is what to do in place of ``model.fit(X, y)``, a function of model, X and y;
    `use` has parameters that are set before the model is used.
    """
    y = LABELS[Estimator] if y is None else y

    def results():
        model = Estimator(**{**SMALL, **params})
        (fit or (lambda model, X, y: model.fit(X, y)))(model, X, y)
        yield from results_of(model.set_params(**use or {}), X, y)

    return f"{Estimator.__name__} {name}", results


def weighted(weights):
    return lambda model, X, y: model.fit(X, y, sample_weight=weights)


def fit_twice(model, X, y):
    model.set_params(warm_start=True).fit(X, y).fit(X, y)


def fit_in_parts(model, X, y):
    model.partial_fit(X, y)
    half = slice(0, N // 2)
    model.partial_fit(X[half], None if y is None else y[half])
    model.partial_fit(X, y)


TEN = {"max_iter": 10}
OPTIONS = {
    "two layers": {"hidden_layer_sizes": (5, 4)},
    "dropout": {"hidden_layer_sizes": (5, 4), "dropout": 0.3},
    "dropout of inputs only": {"dropout": (0.4, 0.0)},
    "dropout above inputs only": {"hidden_layer_sizes": (5, 4), "dropout": (0.0, 0.5)},
    "sgd": {"solver": "sgd", "learning_rate_init": 0.1},
    "sgd with classical momentum": {"solver": "sgd", "nesterovs_momentum": False},
    "sgd without momentum": {"solver": "sgd", "momentum": 0.0},
    "adagrad": {"solver": "adagrad"},
    "rmsprop": {"solver": "rmsprop"},
    "invscaling": {"learning_rate": "invscaling", "power_t": 0.3, "max_iter": 4},
    "exponential": {"learning_rate": "exponential", "decay_start": 1, "max_iter": 4},
    "step": {"learning_rate": "step", "decay_steps": 2, "max_iter": 5},
    "adaptive": {
        "learning_rate": "adaptive",
        "learning_rate_init": 0.05,
        "tol": 0.2,
        "n_iter_no_change": 1,
        "max_iter": 8,
    },
    "stopping by tol": {"tol": 10.0, "n_iter_no_change": 2, **TEN},
    "early stopping": {
        "early_stopping": True,
        "validation_fraction": 0.25,
        "n_iter_no_change": 2,
        "learning_rate_init": 0.1,
        **TEN,
    },
    "alpha": {"alpha": 0.1},
    "no clipping": {"max_grad_norm": None},
    "clipping": {"max_grad_norm": 0.01},
    "batches of one": {"batch_size": 1},
    "one batch": {"batch_size": 100},
    "in order": {"shuffle": False},
    "two jobs": {"n_jobs": 2},
    "float64": {"dtype": "float64"},
}
FITS = {
    "integer weights": weighted(INTEGER_WEIGHTS),
    "weights": weighted(WEIGHTS),
    "warm start": fit_twice,
    "partial_fit": fit_in_parts,
}


def cases():
    """Yield the name and the function of each case."""
    for Estimator in ESTIMATORS:
        yield from cases_of_cells(Estimator)
        for name, options in OPTIONS.items():
            yield case(name, Estimator, **options)
        for name, fit in FITS.items():
            yield case(name, Estimator, fit=fit)
        yield case("weights, in order", Estimator, fit=FITS["weights"], shuffle=False)
        embedded = {"embedding_dim": 4, "dropout": 0.3, "alpha": 0.01}
        yield case("embedded, dropout", Estimator, **embedded)
        yield case("embedded, sgd", Estimator, solver="sgd", embedding_dim=4, alpha=0.1)
        yield case("embedded, adagrad", Estimator, solver="adagrad", embedding_dim=4)
        yield case("embedded, rmsprop", Estimator, solver="rmsprop", embedding_dim=4)
        if Estimator is not RNNLanguageModel:
            yield case("dense, dropout", Estimator, DENSE, dropout=0.3)
            yield case("sparse, dropout", Estimator, SPARSE, dropout=0.3)
            yield case("dense, two jobs", Estimator, DENSE, n_jobs=2)
            other = case("one direction", Estimator, bidirectional=False, cell="gru")
            yield other
    yield from cases_of_labels()
    yield from cases_of_language_models()
    yield from cases_of_token_targets()
    yield from cases_of_transformers()


def cases_of_cells(Estimator):
    """Yield every cell with every kind of input."""
    inputs = dict(INPUTS)
    if Estimator is RNNLanguageModel:
        inputs |= BINARY_INPUTS
    for cell in [*CELLS, "relu"]:
        which = {"cell": cell} if cell in CELLS else {"cell": "rnn", "activation": cell}
        for kind, (X, options) in inputs.items():
            yield case(f"{cell} {kind}", Estimator, X, **which, **options)
        layers = {"hidden_layer_sizes": (5, 4), "dtype": "float64"}
        yield case(f"{cell} two layers, float64", Estimator, **which, **layers)


def cases_of_labels():
    """Yield what only estimators of labels and numbers have."""
    two = [np.where(y == "a", "no", "yes") for y in LABELS[RNNTagger]]
    rows = [(y[:, None] == WORDS[:2]).astype(int) for y in LABELS[RNNTagger]]
    labels, indicators = np.array(LABELS[RNNClassifier]), np.eye(3, dtype=int)
    steps = [np.linspace(0, 1, length) for length in LENGTHS]
    yield case("two classes", RNNTagger, y=two)
    yield case("rows of 0 and 1", RNNTagger, y=rows)
    yield case("weights of steps", RNNTagger, fit=weighted(steps))
    one_step = np.arange(12.0).reshape(12, 1) % 5
    yield case("one step each", RNNTagger, one_step, labels[:12])
    yield case("two classes", RNNClassifier, y=labels == "a")
    yield case("rows of 0 and 1", RNNClassifier, y=indicators[np.arange(N) % 3])
    for Estimator in (RNNTagger, RNNClassifier):
        for name, weight in (("balanced", "balanced"), ("dict", {"a": 3.0, "b": 0.5})):
            yield case(f"class_weight {name}", Estimator, class_weight=weight)
        given = {"class_weight": "balanced", "fit": FITS["weights"]}
        yield case("class_weight and weights", Estimator, **given)
        held = {**OPTIONS["early stopping"], "class_weight": "balanced"}
        yield case("class_weight and early stopping", Estimator, **held)
    several = np.stack([LABELS[RNNRegressor], 10 + np.arange(N) / 3], axis=1)
    yield case("two numbers", RNNRegressor, y=several)
    yield case("two numbers, weights", RNNRegressor, y=several, fit=FITS["weights"])
    for Estimator in (RNNClassifier, RNNRegressor):
        for pooling in ("mean", "max"):
            for cell in ("gru", "lstm"):
                yield case(f"{pooling} {cell}", Estimator, cell=cell, pooling=pooling)
            yield case(f"{pooling} dense", Estimator, DENSE, pooling=pooling)
            many = {"hidden_layer_sizes": (5, 4), "dropout": 0.3}
            yield case(f"{pooling} dropout", Estimator, pooling=pooling, **many)
        long = np.flatnonzero(np.array(LENGTHS) > 2)
        cube = np.stack([DENSE[i][:3] for i in long])
        yield case("3-D", Estimator, cube, [LABELS[Estimator][i] for i in long])
        yield case("2-D", Estimator, cube[..., 0], [LABELS[Estimator][i] for i in long])


def cases_of_language_models():
    """Yield language models of all kinds, with and without conditions."""
    labels = cycle(list("abbca"), N)
    numbers = np.stack([LABELS[RNNRegressor], np.arange(N) % 4], axis=1)
    stream = {"stream": True, "bptt": 3, "batch_size": 2}
    kinds = {
        "plain": {},
        "embedded": {"embedding_dim": 4},
        "tied": {"embedding_dim": 5, "tie_weights": True},
        "stream": stream,
        "tied stream": {"embedding_dim": 5, "tie_weights": True, **stream},
        "dropout stream": {**stream, "hidden_layer_sizes": (5, 4), "dropout": 0.3},
    }
    for kind, params in kinds.items():
        for given, y in (("", None), (", labels", labels), (", numbers", numbers)):
            model = {"y": y, "cell": "gru" if y is None else "lstm", **params}
            yield case(kind + given, RNNLanguageModel, **model)
    held = OPTIONS["early stopping"]
    for name in ("stream", "tied"):
        options = {**kinds[name], **held}
        yield case(f"early stopping, {name}", RNNLanguageModel, **options)
    held_labels = {"y": labels, **held}
    yield case("early stopping, labels", RNNLanguageModel, **held_labels)
    for name in ("weights", "partial_fit", "warm start"):
        for kind in ("stream", "plain"):
            options = {**kinds[kind], "y": labels, "fit": FITS[name]}
            yield case(f"{name}, {kind}, labels", RNNLanguageModel, **options)
    for cell in CELLS:
        yield case(f"{cell} stream", RNNLanguageModel, **stream, cell=cell)
    for given, y in (("labels", labels), ("numbers", numbers)):
        yield case(f"binary rows, {given}", RNNLanguageModel, BINARY, y)
        rows = {**stream, "embedding_dim": 3}
        yield case(f"binary stream, {given}", RNNLanguageModel, BINARY, y, **rows)
    yield case("binary rows, dropout", RNNLanguageModel, BINARY, dropout=0.3)
    empty = [x[: len(x) % 3] for x in IDS]
    yield case("empty sequences", RNNLanguageModel, empty)

    def mixture():
        for name, X in (("ids", IDS), ("binary", BINARY)):
            model = RNNLanguageModel(**SMALL).fit(X, labels)
            for method in ("predict_proba", "score_samples", "log_proba_per_step"):
                yield f"{name}, {method}", getattr(model, method)(X)
            given = {"random_state": 0, "max_length": 9}
            yield f"{name}, sample", model.sample(8, **given)
            yield f"{name}, sample of prefix", model.sample(8, prefix=X[0], **given)

    yield "RNNLanguageModel mixture of conditions", mixture

    def pipeline():
        steps = Tokenizer(), VocabularyEncoder(max_tokens=4)
        model = make_pipeline(*steps, RNNLanguageModel(**SMALL)).fit(TEXTS)
        yield "score_samples", model.score_samples(["a b", "c z", ""])
        new = model[-1].sample(9, random_state=0, max_length=9)
        yield "sample", model[:-1].inverse_transform(new)

    yield "RNNLanguageModel in a pipeline", pipeline


def cases_of_token_targets():
    """Yield what only estimators of sequences of tokens have."""
    texts = ["".join(y) for y in LABELS[RNNSeq2Seq]]
    characters = {"y": texts, "target_tokenizer": Tokenizer(analyzer="char")}
    for attention in ("dot", "general", "additive", None):
        for cell in CELLS:
            model = {"cell": cell, "attention": attention}
            yield case(f"{attention} {cell}", RNNSeq2Seq, **model)
        options = {"attention": attention, "hidden_layer_sizes": (5, 4), "dropout": 0.3}
        yield case(f"{attention}, dropout", RNNSeq2Seq, **options)
        options = {"attention": attention, "bidirectional": False, "embedding_dim": 4}
        yield case(f"{attention}, one direction", RNNSeq2Seq, **options)
        yield case(f"{attention}, alpha", RNNSeq2Seq, attention=attention, alpha=0.1)
    for width in (2, 4):
        yield case(f"beam of {width}", RNNSeq2Seq, use={"beam_width": width})
    penalty = {"beam_width": 3, "length_penalty": 1.0, "max_target_length": 3}
    yield case("length penalty", RNNSeq2Seq, use=penalty)
    yield case("beam, two jobs", RNNSeq2Seq, use={"beam_width": 3, "n_jobs": 2})
    for Estimator in (RNNSeq2Seq, RNNTranscriber):
        y = {"y": LABELS[Estimator]}
        yield case("unknown tokens", Estimator, **y, max_target_tokens=1)
        beam = {"use": {"beam_width": 3}}
        yield case("unknown tokens, beam", Estimator, **y, max_target_tokens=1, **beam)
        if Estimator is RNNTranscriber:
            characters["y"] = ["".join(y) for y in LABELS[RNNTranscriber]]
        yield case("target_tokenizer", Estimator, **characters)

    for width in (2, 4):
        yield case(f"beam of {width}", RNNTranscriber, use={"beam_width": width})
    bonus = {"beam_width": 3, "length_bonus": 0.7}
    yield case("length bonus", RNNTranscriber, use=bonus)
    targets = [np.searchsorted(WORDS, y) for y in LABELS[RNNTranscriber]]
    for cell in CELLS:
        language_model = RNNLanguageModel(**SMALL, cell=cell).fit(targets)
        search = {**bonus, "language_model": language_model}
        yield case(f"language model {cell}", RNNTranscriber, DENSE, use=search)
    pipeline = make_pipeline(VocabularyEncoder(), RNNLanguageModel(**SMALL))
    pipeline.fit([y.tolist() for y in LABELS[RNNTranscriber]])
    search = {"beam_width": 3, "language_model": pipeline, "language_model_weight": 1.0}
    yield case("language model of tokens", RNNTranscriber, use=search)
    weights = {"fit": FITS["weights"], **OPTIONS["early stopping"]}
    for Estimator in (RNNSeq2Seq, RNNTranscriber):
        yield case("weights and early stopping", Estimator, **weights)


def cases_of_transformers():
    """Yield what the transformers give."""
    tokens = [WORDS[x % 3].tolist() for x in IDS]
    transformers = {
        "Tokenizer": (Tokenizer(analyzer="char"), TEXTS),
        "VocabularyEncoder": (VocabularyEncoder(max_tokens=3), tokens),
        "SequenceOneHotEncoder": (SequenceOneHotEncoder(), tokens),
        "Delta": (Delta(), DENSE),
        "LogMelSpectrogram": (LogMelSpectrogram(4000, n_mels=8), PERIODS),
    }
    for name, (transformer, X) in transformers.items():
        yield name, lambda t=transformer, X=X: [("transform", t.fit(X).transform(X))]
    scaler = Stepwise(StandardScaler())
    yield "Stepwise", lambda: [("transform", scaler.fit(DENSE).transform(DENSE))]


def all_lines(only=""):
    """Yield a pair of name and digest for each result of each case."""
    names = set()
    for name, results in cases():
        if only not in name:
            continue
        assert name not in names, f"two cases are named {name!r}"
        names.add(name)
        try:
            for what, value in results():
                yield f"{name}: {what}", digest_of(value)
        except Exception as error:
            yield f"{name}: error", type(error).__name__
            print(f"{name}: {type(error).__name__}: {error}", file=sys.stderr)


def main():
    """Print the digests, or how they differ from those of a file."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--compare", metavar="FILE", help="what was printed before")
    parser.add_argument("--only", metavar="TEXT", default="", help="cases with it only")
    args = parser.parse_args()
    warnings.simplefilter("ignore", UserWarning)  # of convergence among others
    lines = all_lines(args.only)
    if args.compare is None:
        for name, digest in lines:
            print(f"{name}\t{digest}", flush=True)
        return 0
    with open(args.compare, encoding="utf-8") as file:
        before = dict(line.rstrip("\n").rsplit("\t", 1) for line in file)
    before = {k: v for k, v in before.items() if args.only in k.split(":")[0]}
    n_different, now = 0, dict(lines)
    for name in [*before, *(name for name in now if name not in before)]:
        if before.get(name) != now.get(name):
            n_different += 1
            print(f"{name}: {before.get(name, 'absent')} -> {now.get(name, 'absent')}")
    print(f"{n_different} of {len(before | now)} results differ", file=sys.stderr)
    return int(n_different > 0)


if __name__ == "__main__":
    sys.exit(main())
