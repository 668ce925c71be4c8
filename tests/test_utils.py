"""The checks of sequence estimators: what they pass, and that each can fail."""

import inspect
from functools import partial

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy import sparse
from sklearn.base import BaseEstimator, RegressorMixin, TransformerMixin
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.validation import check_is_fitted

import skrnn
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
    Stepwise,
    Tokenizer,
    VocabularyEncoder,
)
from skrnn.utils import _checks, _compare, check_sequence_estimator, sequence_checks
from skrnn.utils._check_data import kind_of, other_containers, take

rng = np.random.RandomState(0)
LENGTHS = [3, 1, 5, 2, 4, 3, 1, 9, 2, 6, 4, 2]
IDS = [rng.randint(5, size=length).tolist() for length in LENGTHS]
TOKENS = [["abcde"[i] for i in ids] for ids in IDS]
SERIES = [rng.uniform(-1, 1, size=length) for length in LENGTHS]
ROWS = [rng.uniform(-1, 1, size=(length, 2)) for length in LENGTHS]
ONE_HOT = [sparse.csr_array(np.eye(5)[ids]) for ids in IDS]
NUMERIC = [("lstm", IDS), ("lstm", ROWS), ("gru", SERIES), ("rnn", ONE_HOT)]
INDICATORS = [rng.randint(2, size=(length, 2)) for length in LENGTHS]
WAVES = [rng.uniform(-1, 1, size=200 * length) for length in LENGTHS]
TINY = {"hidden_layer_sizes": 3, "max_iter": 2, "batch_size": 5}

NOTES = [(x > 0).astype(float) for x in ROWS]
SIGNS = [["+" if step.sum() > 0 else "-" for step in x] for x in ROWS]
DENSE_ENCODER = SequenceOneHotEncoder(sparse_output=False)
OF_TOKENS = make_pipeline(VocabularyEncoder(), RNNClassifier(**TINY))
OF_TEXTS = make_pipeline(Tokenizer(), VocabularyEncoder(), RNNRegressor(**TINY))
OF_ROWS = make_pipeline(Stepwise(StandardScaler()), RNNTagger(**TINY))

# name: (estimator, X, y)
CASES = {
    f"{model.__name__} {cell} {kind_of(X)}": (model(**TINY, cell=cell), X, None)
    for model in (RNNClassifier, RNNRegressor, RNNSeq2Seq, RNNTagger, RNNTranscriber)
    for cell, X in NUMERIC
}
CASES["RNNTagger"] = RNNTagger(**TINY), None, None
CASES |= {
    "three classes": (RNNClassifier(**TINY, pooling="mean"), IDS, list("abc") * 4),
    "multi-label": (RNNClassifier(**TINY), IDS, rng.randint(2, size=(12, 3))),
    "two targets": (RNNRegressor(**TINY), IDS, rng.uniform(size=(12, 2))),
    "words as labels": (RNNTagger(**TINY, embedding_dim=2), IDS, TOKENS),
    "RNNSeq2Seq": (RNNSeq2Seq(**TINY, beam_width=3, attention="dot"), None, None),
    "RNNTranscriber": (RNNTranscriber(**TINY, beam_width=3), None, None),
    "empty targets": (RNNTranscriber(**TINY), IDS, [[], ["a"], ["b"]] * 4),
    "multi-label steps": (RNNTagger(**TINY), IDS, INDICATORS),
    "Tokenizer": (Tokenizer(), None, None),
    "Tokenizer char": (Tokenizer(analyzer="char"), None, None),
    "VocabularyEncoder": (VocabularyEncoder(), None, None),
    "VocabularyEncoder ids": (VocabularyEncoder(max_tokens=3), IDS, None),
    "SequenceOneHotEncoder": (SequenceOneHotEncoder(), None, None),
    "SequenceOneHotEncoder ids": (SequenceOneHotEncoder(), IDS, None),
    "SequenceOneHotEncoder dense": (DENSE_ENCODER, None, None),
    "RNNLanguageModel": (RNNLanguageModel(**TINY), None, None),
    "RNNLanguageModel rows": (RNNLanguageModel(**TINY), NOTES, None),
    "RNNLanguageModel labels": (RNNLanguageModel(**TINY), IDS, list("abc") * 4),
    "Stepwise": (Stepwise(StandardScaler()), None, None),
    "Stepwise series": (Stepwise(StandardScaler()), SERIES, None),
    "Stepwise one-hot": (Stepwise(StandardScaler(with_mean=False)), ONE_HOT, None),
    "LogMelSpectrogram": (LogMelSpectrogram(8000), WAVES, None),
    "Delta": (Delta(), None, None),
    "Delta series": (Delta(), SERIES, None),
    "Pipeline tokens": (OF_TOKENS, TOKENS, None),
    "Pipeline texts": (OF_TEXTS, list(map(" ".join, TOKENS)), None),
    "Pipeline rows": (OF_ROWS, ROWS, SIGNS),
}


@pytest.fixture
def same_bits(monkeypatch):
    """Let results be compared by their bits, but where arithmetic is another."""

    def assert_same_bits(a, b, *, rtol, atol, err_msg):
        if rtol > 1e-6:
            assert_allclose(a, b, rtol=rtol, atol=atol, err_msg=err_msg)
        else:
            assert_array_equal(a, b, err_msg=err_msg)

    monkeypatch.setattr(_compare, "assert_allclose", assert_same_bits)


@pytest.mark.usefixtures("same_bits")
@pytest.mark.filterwarnings("ignore:.*predicted targets did not end within")
@pytest.mark.parametrize(
    ("estimator", "check"),
    [
        pytest.param(estimator, check, id=f"{name}-{check.func.__name__}")
        for name, (case, X, y) in CASES.items()
        for estimator, check in sequence_checks(case, X=X, y=y)
    ],
)
def test_our_estimators(estimator, check):
    check(estimator)


def test_every_public_estimator_is_checked():
    public = {
        value
        for value in map(partial(getattr, skrnn), skrnn.__all__)
        if inspect.isclass(value) and issubclass(value, BaseEstimator)
    }
    assert public <= {type(estimator) for estimator, _, _ in CASES.values()}


@pytest.mark.parametrize("name", CASES)
def test_ours_refuse_no_container_and_fit_one_sequence(name):
    """What the checks only demand if it is accepted, ours do accept."""
    estimator, X, y = CASES[name]
    _, check = next(sequence_checks(estimator, X=X, y=y))
    X, y = check.keywords["X"], check.keywords["y"]
    for what, container in other_containers(X).items():
        if "StandardScaler()" in str(estimator) and "sparse" in what:
            continue  # it does not center sparse rows
        _compare.fit_clone(estimator, container, y)
    _compare.fit_clone(estimator, X[2:3], take(y, [2]))


# --- estimators of others -------------------------------------------------------------


def read(X):
    if isinstance(X, str):
        raise ValueError("X is a string")
    if isinstance(X, np.ndarray) and X.dtype == object:
        X = X.ravel()
    X = [np.asarray(x, dtype=float) for x in X]
    if not X:
        raise ValueError("X has no sequences")
    for i, x in enumerate(X):
        if x.ndim != 2 or len(x) == 0 or not np.isfinite(x).all():
            raise ValueError(f"X[{i}] is not an array of at least one row")
    return X


class Mean(RegressorMixin, BaseEstimator):
    """Predicts the mean target, plus the mean of the sequence."""

    def __init__(self, shift=0):
        self.shift = shift

    def fit(self, X, y, sample_weight=None):
        X, y = self.read(X), np.asarray(y, dtype=float)
        self.check_number(X, y)
        mean = np.average(y, weights=sample_weight)
        if not np.isfinite(mean):
            raise ValueError("y contains NaN")
        self.mean_ = np.array([mean + self.shift])
        return self

    def read(self, X):
        return read(X)

    def check_number(self, X, y):
        if len(X) != len(y):
            raise ValueError(f"{len(y)} targets for {len(X)} sequences")

    def predict(self, X):
        check_is_fitted(self)
        return np.array([self.mean_[0] + x.mean() for x in self.read(X)])


class Centre(TransformerMixin, BaseEstimator):
    """Subtracts the mean of all steps."""

    def fit(self, X, y=None):
        self.mean_ = np.concatenate(read(X)).mean(axis=0)
        return self

    def transform(self, X):
        check_is_fitted(self)
        return [x - self.mean_ for x in read(X)]


class Threshold(BaseEstimator):
    """Labels each step by whether it is larger than those of the last label."""

    def fit(self, X, y):
        X = read(X)
        labels = list(map(list, y))
        self.check_lengths(X, labels)
        labels = np.concatenate(labels)
        classes, codes = np.unique(labels, return_inverse=True)
        steps = np.concatenate(X).sum(axis=1)
        self.classes_, self.threshold_ = classes, steps[codes == 0].mean()
        return self

    def check_lengths(self, X, y):
        if len(X) != len(y):
            raise ValueError(f"{len(y)} label sequences for {len(X)} sequences")
        for i, (x, labels) in enumerate(zip(X, y, strict=True)):
            if len(x) != len(labels):
                raise ValueError(f"y[{i}] has another length than X[{i}]")

    def predict(self, X):
        check_is_fitted(self)
        last = len(self.classes_) - 1
        codes = [last * (x.sum(axis=1) > self.threshold_) for x in read(X)]
        return [self.classes_[each] for each in codes]

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.target_tags.required = True
        return tags


class Characters(TransformerMixin, BaseEstimator):
    """Splits texts into characters and learns nothing."""

    def fit(self, X, y=None):
        self.read(X)
        return self

    def transform(self, X):
        return [list(text) for text in self.read(X)]

    def read(self, X):
        if isinstance(X, str) or hasattr(X, "columns"):
            raise ValueError("X must be a list of texts")
        X = X.ravel().tolist() if isinstance(X, np.ndarray) else list(X)
        if not X or not all(isinstance(x, str) for x in X):
            raise ValueError("X must be a list of texts")
        return X

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.requires_fit = False
        tags.input_tags.string = True
        tags.input_tags.two_d_array = False
        return tags


GOOD = [
    (Mean(shift=5), None, None),
    (Centre(), None, None),
    (Threshold(), None, None),
    (Characters(), None, None),
    (make_pipeline(Centre(), Mean()), ROWS, SERIES[-1].sum() * np.arange(12)),
]


@pytest.mark.parametrize("case", GOOD, ids=lambda case: type(case[0]).__name__)
def test_estimators_of_others(case):
    estimator, X, y = case
    results = check_sequence_estimator(estimator, X=X, y=y)
    assert {result["status"] for result in results} == {"passed"}
    assert not hasattr(estimator, "mean_")  # it is not the one that was fitted


# --- each check can fail --------------------------------------------------------------

BROKEN = []  # (check, estimator, what its error must say)


def breaks(check, message):
    """Register a class as one that the check must find, with that message."""

    def register(model):
        case = pytest.param(f"check_{check}", model, message, id=model.__name__)
        BROKEN.append(case)
        return model

    return register


class Broken:
    """One estimator for each way to fail a check."""

    @breaks("fit_returns_self", "does not return self")
    class ReturnsNone(Mean):
        def fit(self, X, y):
            super().fit(X, y)

    @breaks("one_result_per_sequence", "predict gives 11 results for 12")
    class LosesTheLast(Mean):
        def predict(self, X):
            return super().predict(X)[:-1]

    @breaks("one_result_per_sequence", "whose lengths are not those of X")
    class TagsToOneLength(Threshold):
        def predict(self, X):
            return [np.resize(labels, 9) for labels in super().predict(X)]

    @breaks("containers", "tuple in place of a list")
    class NoTuples(Mean):
        def read(self, X):
            return super().read(X[::-1] if isinstance(X, tuple) else X)

    @breaks("containers", "fit on a ndarray in place of a list")
    class LearnsOtherwiseFromArrays(Mean):
        def fit(self, X, y):
            super().fit(X, y)
            self.mean_ += isinstance(X, np.ndarray)
            return self

    @breaks("other_containers", r"object array of shape \(n, 1\)")
    class NoColumns(Mean):
        def predict(self, X):
            return super().predict(X) + (getattr(X, "ndim", 1) == 2)

    @breaks("other_containers", "one array")
    class TransposesArrays(Mean):
        def read(self, X):
            is_cube = isinstance(X, np.ndarray) and X.ndim == 3
            return super().read(np.roll(X, 1, axis=0) if is_cube else X)

    @breaks("other_containers", "Sequences: item 0 of predict differs")
    class ReversesSequences(Mean):
        def read(self, X):
            return super().read(X[::-1] if hasattr(X, "offsets") else X)

    @breaks("subset_invariance", r"X\[slice\(None, 6, None\)\] alone")
    class CentresTheSet(Mean):
        def predict(self, X):
            y = super().predict(X)
            return y - y.mean()

    @breaks("order_invariance", "another order")
    class RunningMean(Mean):
        def predict(self, X):
            return np.cumsum(super().predict(X))

    @breaks("one_sequence", r"X\[0\] alone: item 0 of predict differs")
    class PadsToTheLongest(Mean):
        def predict(self, X):
            longest = max(map(len, self.read(X)))
            return np.array([x.sum() / longest for x in self.read(X)]) + self.mean_[0]

    @breaks("one_sequence", "TypeError")
    class Squeezes(Mean):
        def predict(self, X):
            return super().predict(X).squeeze()

    @breaks("fit_one_sequence", "IndexError")
    class NeedsTwo(Mean):
        def fit(self, X, y):
            return super().fit(X, y + 0 * y[1] if len(y) else y)

    @breaks("fit_transform", "in place of fit and transform")
    class ShortCut(Centre):
        def fit_transform(self, X, y=None):
            return read(X)

    @breaks("fit_idempotent", "a second fit")
    class CountsFits(Mean):
        def fit(self, X, y):
            self.count_ = getattr(self, "count_", 0) + 1
            super().fit(X, y)
            self.mean_ *= self.count_
            return self

    @breaks("sample_weight", "weights in place of repetition")
    class IgnoresWeights(Mean):
        def fit(self, X, y, sample_weight=None):
            return super().fit(X, y)

    @breaks("sample_weight", "weights of 1")
    class SumsWeights(Mean):
        def fit(self, X, y, sample_weight=None):
            super().fit(X, y, sample_weight)
            self.mean_ *= 1 if sample_weight is None else sum(sample_weight)
            return self

    @breaks("pickle", "pickling")
    class PicklesHalf(Mean):
        def __getstate__(self):
            return super().__getstate__() | {"mean_": np.zeros(1)}

    @breaks("joblib", "mmap_mode=r|read-only")
    class WritesInPredict(Mean):
        def predict(self, X):
            self.mean_ += 0
            return super().predict(X)

    @breaks("clone", "a clone: item 0 of predict differs")
    class HidesParameters(Mean):
        def __init__(self, shift=0, scale=1):
            super().__init__(shift)
            self.scale = scale

        def get_params(self, deep=True):
            return {"shift": self.shift}

        def predict(self, X):
            return super().predict(X) * self.scale

    @breaks("clone", "set_params does not return self")
    class SetsSilently(Mean):
        def set_params(self, **params):
            super().set_params(**params)

    @breaks("memory_map", "TypeError.*memmap")
    class NoMemoryMaps(Mean):
        def read(self, X):
            if type(X[0]) is np.memmap:
                raise TypeError("X is a memmap")
            return super().read(X)

    @breaks("memory_map", "Sequences in a memory map")
    class NoMappedRows(Mean):
        def predict(self, X):
            return super().predict(X) + (type(getattr(X, "rows", None)) is np.memmap)

    @breaks("read_only", "ValueError.*read-only")
    class WritesAndRestores(Mean):
        def read(self, X):
            X = super().read(X)
            for x in X:
                x *= 1
            return X

    @breaks("arguments_unchanged", "after fit: item 0 of X differs")
    class CentresInPlace(Mean):
        def read(self, X):
            X = super().read(X)
            for x in X:
                x -= 1
            return X

    @breaks("arguments_unchanged", "item . of y differs")
    class SortsTargets(Mean):
        def fit(self, X, y):
            y.sort()
            return super().fit(X, y)

    @breaks("params_unchanged", "parameters are changed")
    class ChangesParameters(Mean):
        def fit(self, X, y):
            self.shift = float(np.mean(y))
            return super().fit(X, y)

    @breaks("state_unchanged", r"attributes \['longest_'\]")
    class RemembersTheLongest(Mean):
        def predict(self, X):
            self.longest_ = max([getattr(self, "longest_", 0), *map(len, X)])
            return super().predict(X)

    @breaks("state_unchanged", "using the model on other data")
    class CountsCalls(Mean):
        calls = []  # no attribute of the model

        def predict(self, X):
            self.calls.append(X)
            return super().predict(X) + len(self.calls)

    @breaks("unfitted", "predict before fit is accepted")
    class PredictsAnything(Mean):
        def predict(self, X):
            return np.zeros(len(X))

    @breaks("unfitted", "AttributeError")
    class FailsBeforeFit(Mean):
        def predict(self, X):
            return np.full(len(X), self.mean_[0])

    @breaks("unfitted", "AttributeError")
    class ClaimsToNeedNoFit(Characters):
        def fit(self, X, y=None):
            self.lower_ = True
            return super().fit(X)

        def transform(self, X):
            return super().transform(X) if self.lower_ else X

    @breaks("no_sequences", r"fit on \[\], which has no sequences, is accepted")
    class FitsNothing(Mean):
        def fit(self, X, y):
            return super().fit(X, y) if len(X) else self

    @breaks("no_sequences", r"predict of \[\].*gives 1 results")
    class PredictsForNothing(Mean):
        def predict(self, X):
            return super().predict(X) if len(X) else self.mean_

    @breaks("empty_sequence", r"predict of an empty sequence, X\[10\]")
    class TakesEmptyForZero(Mean):
        def read(self, X):
            return super().read([x if len(x) else np.zeros((1, 3)) for x in X])

    @breaks("empty_sequence", r"transform of an empty sequence, X\[10\]")
    class PadsEmptySequences(Characters):
        def transform(self, X):
            return [text or [""] for text in super().transform(X)]

    @breaks("empty_sequence", "does not name the index")
    class NamesNoIndex(Mean):
        def read(self, X):
            if not all(map(len, X)):
                raise ValueError("a sequence is empty")
            return super().read(X)

    @breaks("string_refused", "fit on the string 'abab.*' is accepted")
    class ReadsCharacters(Mean):
        def read(self, X):
            return super().read([[[ord(c)]] for c in X] if isinstance(X, str) else X)

    @breaks("string_refused", "transform of the string 'abab.*' is accepted")
    class SplitsString(Characters):
        def transform(self, X):
            return list(map(list, X))

    @breaks("failed_fit", r"changes the attributes \['n_sequences_'\]")
    class KeepsANumber(Mean):
        def fit(self, X, y):
            self.n_sequences_ = len(X)
            return super().fit(X, y)

    @breaks("failed_fit", r"5 targets.*changes the attributes \['mean_'\]")
    class LearnsBeforeItChecks(Mean):
        def fit(self, X, y):
            X, self.mean_ = self.read(X), np.zeros(1)
            return super().fit(X, y)

    @breaks("failed_fit", r"ZeroDivisionError.*changes the attributes")
    class LearnsBeforeItWeighs(Mean):
        def fit(self, X, y, sample_weight=None):
            Mean().fit(X, y)  # refuses wrong X and y
            self.n_sequences_ = len(X)
            return super().fit(X, y, sample_weight)

    @breaks("number_of_targets", "fit with 11 targets for 12 sequences is accepted")
    class CutsToTheTargets(Mean):
        def fit(self, X, y):
            return super().fit(X[: len(y)], y)

    @breaks("number_of_targets", "fit with 13 targets for 12 sequences is accepted")
    class CutsToTheSequences(Mean):
        def fit(self, X, y):
            return super().fit(X, y[: len(X)])

    @breaks("number_of_steps", "fit with 10 labels for 9 steps is accepted")
    class ComparesSums(Threshold):
        def check_lengths(self, X, y):
            if sum(map(len, X)) != sum(map(len, y)):
                i = [len(a) == len(b) for a, b in zip(X, y, strict=True)].index(False)
                raise ValueError(f"y[{i}] has another length than X[{i}]")

    @breaks("number_of_steps", "does not name the index")
    class NamesNoSequence(Threshold):
        def check_lengths(self, X, y):
            if list(map(len, X)) != list(map(len, y)):
                raise ValueError("the lengths of y are not those of X")


@pytest.mark.parametrize(("check_name", "model", "message"), BROKEN)
def test_check_finds_a_broken_estimator(check_name, model, message):
    estimator = model(scale=2) if model is Broken.HidesParameters else model()
    results = check_sequence_estimator(estimator, on_fail=None)
    (result,) = (r for r in results if r["check_name"] == check_name)
    assert result["status"] == "failed"
    message = rf"(?s){check_name} of {model.__name__}: .*({message})"
    with pytest.raises(AssertionError, match=message):
        raise result["exception"]


def test_every_check_finds_a_broken_estimator():
    checks = {name for name in vars(_checks) if name.startswith("check_")}
    checks -= {"check_sequence_estimator", "check_is_fitted"}
    assert checks == {param.values[0] for param in BROKEN}


# --- how the checks are called --------------------------------------------------------


def test_first_failure_is_raised():
    with pytest.raises(AssertionError, match="check_fit_returns_self of ReturnsNone"):
        check_sequence_estimator(Broken.ReturnsNone())


def test_results_name_all_checks():
    ignores = Broken.IgnoresWeights()
    results = check_sequence_estimator(ignores, on_fail=None)
    names = [check.func.__name__ for _, check in sequence_checks(ignores)]
    assert [result["check_name"] for result in results] == names
    failed = [r["check_name"] for r in results if r["status"] == "failed"]
    assert failed == ["check_sample_weight"]
    assert all((r["exception"] is None) == (r["status"] == "passed") for r in results)


@pytest.mark.parametrize(
    ("estimator", "absent"),
    [
        (Mean(), {"fit_transform", "number_of_steps"}),
        (Centre(), {"sample_weight", "number_of_targets", "number_of_steps"}),
        (Threshold(), {"fit_transform", "sample_weight"}),
    ],
)
def test_checks_that_do_not_apply(estimator, absent):
    present = {check.func.__name__ for _, check in sequence_checks(estimator)}
    absent = {f"check_{name}" for name in absent}
    assert present | absent == {param.values[0] for param in BROKEN}
    assert not present & absent


def test_wrong_arguments():
    with pytest.raises(ValueError, match="on_fail is 'ignore': use"):
        check_sequence_estimator(Mean(), on_fail="ignore")
    with pytest.raises(ValueError, match="X has 3 sequences"):
        check_sequence_estimator(Mean(), X=ROWS[:3])
