"""What scikit-learn's tools do with sequences in each container.

`FUNCTIONS` has a function for each tool, which runs it on a `Case`. A cell of the
tables in docs/user_guide/tools.md is "yes" if the tool ended without an error or a
warning, if the model has learned something, and if the numbers that came out are those
that come out for a list of the same sequences or, where a list fails, for an object
array of shape (n, 1).
"""

import functools
import re
import tempfile
import warnings
from pathlib import Path

import matplotlib
import numpy as np
import pandas as pd
import polars as pl
from common import object_array, object_column
from matplotlib.figure import Figure
from scipy import sparse
from sklearn.calibration import CalibratedClassifierCV, CalibrationDisplay
from sklearn.compose import ColumnTransformer, TransformedTargetRegressor
from sklearn.ensemble import (
    AdaBoostClassifier,
    BaggingClassifier,
    BaggingRegressor,
    StackingClassifier,
    VotingClassifier,
)
from sklearn.experimental import enable_halving_search_cv  # noqa: F401
from sklearn.inspection import permutation_importance
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import (
    ConfusionMatrixDisplay,
    DetCurveDisplay,
    PrecisionRecallDisplay,
    RocCurveDisplay,
)
from sklearn.model_selection import (
    FixedThresholdClassifier,
    GridSearchCV,
    GroupKFold,
    HalvingGridSearchCV,
    KFold,
    LearningCurveDisplay,
    RandomizedSearchCV,
    ShuffleSplit,
    StratifiedKFold,
    TimeSeriesSplit,
    TunedThresholdClassifierCV,
    ValidationCurveDisplay,
    cross_val_predict,
    cross_validate,
    learning_curve,
    permutation_test_score,
    train_test_split,
    validation_curve,
)
from sklearn.multiclass import OneVsOneClassifier, OneVsRestClassifier
from sklearn.multioutput import MultiOutputClassifier
from sklearn.pipeline import FeatureUnion, Pipeline, make_pipeline
from sklearn.preprocessing import MaxAbsScaler, StandardScaler
from sklearn.semi_supervised import SelfTrainingClassifier
from threadpoolctl import threadpool_limits

from skrnn import (
    RNNClassifier,
    RNNRegressor,
    SequenceOneHotEncoder,
    Sequences,
    Stepwise,
)

matplotlib.use("Agg")

# --- the data -------------------------------------------------------------------------

N, N_TOKENS, N_STEPS = 36, 3, 3


def make_ids(equal):
    """Return sequences of ids, all of one length or of 1 to 6 steps."""
    rng = np.random.RandomState(0)
    lengths = [N_STEPS] * N if equal else rng.randint(1, 7, size=N)
    last = rng.permutation(np.arange(N) % N_TOKENS).tolist()
    before = [rng.randint(N_TOKENS, size=length - 1).tolist() for length in lengths]
    return [[*ids, token] for ids, token in zip(before, last, strict=True)]


def one_hot(x):
    """Return the ids of a sequence as rows of floats."""
    return np.eye(N_TOKENS)[x]


def numbers_of(x):
    """Return the ids of a sequence as a series of numbers."""
    return 2 * np.array(x) - 2.0


def flat(ids):
    """Return the container of skrnn."""
    offsets = np.cumsum([0, *map(len, ids)])
    return Sequences(np.concatenate(ids), offsets, n_tokens=N_TOKENS)


# From a list of lists of ids to each of the containers. One-hot rows stand for
# features: the estimators give the same numbers for them as for the ids.
CONTAINERS = {
    "list": list,
    "object array (n,)": object_array,
    "object array (n, 1)": object_column,
    "pandas Series": pd.Series,
    "pandas DataFrame": lambda ids: pd.DataFrame({"ids": ids}),
    "polars Series": pl.Series,
    "polars DataFrame": lambda ids: pl.DataFrame({"ids": ids}),
    "list of CSR": lambda ids: [sparse.csr_array(one_hot(x)) for x in ids],
    "list of arrays": lambda ids: [one_hot(x) for x in ids],
    "3-D array": lambda ids: np.array([one_hot(x) for x in ids]),
    "2-D array": lambda ids: np.array([numbers_of(x) for x in ids]),
    "Sequences": flat,
}
EQUAL = {"3-D array", "2-D array"}  # these have sequences of one length only
FEATURES = {"list of CSR", "list of arrays", *EQUAL}


class Case:
    """Sequences in one of the containers, and what is to be learned of them.

    With `compared`, list or object_column, X is what the container is compared with.
    """

    def __init__(self, container, compared=None):
        ids = make_ids(container in EQUAL)
        self.y = np.array([x[-1] for x in ids])
        self.binary = (self.y == 1).astype(int)
        self.groups = np.arange(N) // 3
        self.features = container in FEATURES
        self.steps_are_columns = container in EQUAL and compared is None
        if compared is None:
            self.X = CONTAINERS[container](ids)
        else:
            if container == "2-D array":
                ids = [numbers_of(x).tolist() for x in ids]
            else:
                self.features = False
            self.X = compared(ids)

    @property
    def data(self):
        return self.X, self.y

    def encoder(self):
        """Return a transformer that X is the input of."""
        return Stepwise(MaxAbsScaler()) if self.features else SequenceOneHotEncoder()

    def beside(self, numbers):
        """Return X with a column of numbers, and where the columns are."""
        if isinstance(self.X, pd.DataFrame):
            return self.X.assign(number=numbers), ["ids"], ["number"]
        if isinstance(self.X, pl.DataFrame):
            return self.X.with_columns(number=numbers), ["ids"], ["number"]
        X = np.hstack([self.X, numbers[:, None]])
        width = X.shape[1] - 1
        return X, list(range(width)), [width]


def model(**params):
    """Return a classifier that learns this within milliseconds."""
    return RNNClassifier(**{**TINY, "max_iter": 4, **params})


def regressor():
    """Return a regressor that does."""
    return RNNRegressor(**TINY, max_iter=8)


TINY = {"hidden_layer_sizes": 4, "bidirectional": False, "learning_rate_init": 0.1}
TINY |= {"batch_size": 4, "random_state": 0}

# --- the tools ------------------------------------------------------------------------
#
# Each returns the numbers that must be the same for all containers, and a score that is
# near 0 for a model that knows nothing, and at most 1.


def beyond_chance(accuracy, n_classes=3):
    """Return how much of what guessing leaves was learned."""
    return (np.mean(accuracy) * n_classes - 1) / (n_classes - 1)


def judge(fitted, case):
    """Return what a fitted classifier says of X, as any tool."""
    numbers = fitted.predict_proba(case.X)
    assert numbers.shape == (N, 3)
    assert np.allclose(numbers.sum(axis=1), 1)
    right = numbers.argmax(axis=1) == case.y
    assert np.array_equal(fitted.predict(case.X) == case.y, right)
    return numbers, beyond_chance(right)


# parameters that several tools have
CV = {"cv": 2, "error_score": "raise"}
SEED = {"random_state": 0}
SIZES = {"train_sizes": [9, 18], "shuffle": True, "error_score": "raise", **SEED}
EPOCHS = {"param_name": "max_iter", "param_range": [1, 4], "error_score": "raise"}


def split_once(case):
    params = {"stratify": case.y, "test_size": 9, **SEED}
    X, X_test, y, y_test = train_test_split(*case.data, **params)
    assert np.bincount(y_test).tolist() == [3, 3, 3]
    proba = model().fit(X, y).predict_proba(X_test)
    return proba, beyond_chance(proba.argmax(axis=1) == y_test)


def split_by(splitter):
    def tool(case):
        params = {"cv": splitter, "scoring": ["accuracy", "neg_log_loss"]}
        params["groups"] = case.groups if isinstance(splitter, GroupKFold) else None
        found = cross_validate(model(), *case.data, error_score="raise", **params)
        numbers = np.array([found["test_accuracy"], found["test_neg_log_loss"]])
        return numbers, beyond_chance(numbers[0])

    return tool


def validate(case):
    params = {"return_train_score": True, "return_estimator": True, **CV}
    params["scoring"] = ["accuracy", "roc_auc_ovr"]
    results = cross_validate(model(), *case.data, **params)
    numbers = [results[name] for name in sorted(results) if name.startswith("t")]
    assert [m.n_iter_ for m in results["estimator"]] == [4, 4]
    return numbers, beyond_chance(results["test_accuracy"])


def predict_across(case):
    proba = cross_val_predict(model(), *case.data, cv=2, method="predict_proba")
    return proba, beyond_chance(proba.argmax(axis=1) == case.y)


def searched(search, case):
    search.fit(*case.data)
    proba, score = judge(search, case)
    assert np.isclose(search.score(*case.data), np.mean(proba.argmax(1) == case.y))
    return np.append(proba, search.cv_results_["mean_test_score"]), score


GRID = {"cell": ["gru", "lstm"], "pooling": ["last", "mean"]}


def search_grid(case, n_jobs=None):
    grid = {"cell": GRID["cell"]}
    return searched(GridSearchCV(model(), grid, **CV, n_jobs=n_jobs), case)


def search_at_random(case):
    return searched(RandomizedSearchCV(model(), GRID, n_iter=2, **CV, **SEED), case)


def search_by_halving(**resource):
    def tool(case):
        grid, params = {"pooling": GRID["pooling"]}, {**CV, **SEED, **resource}
        return searched(HalvingGridSearchCV(model(), grid, **params), case)

    return tool


def search_with_optuna(case):
    with warnings.catch_warnings():
        # that it is experimental, and that it uses what optuna 6 will not have
        warnings.simplefilter("ignore")
        import optuna
        from optuna_integration import OptunaSearchCV

        optuna.logging.set_verbosity(optuna.logging.ERROR)
        grid = {"max_iter": optuna.distributions.IntDistribution(3, 5)}
        search = OptunaSearchCV(model(), grid, n_trials=2, **CV, **SEED)
        search.fit(*case.data)
    proba, score = judge(search, case)
    return np.append(proba, search.best_score_), score


def learn_curve(case):
    sizes, train, test = learning_curve(model(), *case.data, cv=2, **SIZES)
    assert sizes.tolist() == [9, 18]
    return [train, test], beyond_chance(test[-1])


def validate_curve(case):
    train, test = validation_curve(model(), *case.data, cv=2, **EPOCHS)
    return [train, test], beyond_chance(test[-1])


def importance(case):
    fitted = model().fit(*case.data)
    result = permutation_importance(fitted, *case.data, n_repeats=3, **SEED)
    # of columns that are steps, only the last one tells the label
    return result.importances[-1], result.importances_mean[-1]


def permuted(case):
    params = {"cv": 2, "n_permutations": 2, **SEED}
    score, others, p = permutation_test_score(model(), *case.data, **params)
    assert p == 1 / 3  # neither of the others is as good
    return [score, *others, p], beyond_chance(score)


def pipeline(case):
    with tempfile.TemporaryDirectory() as folder:
        results = []
        for _ in range(2):  # the second time from the cache
            steps = [("encoder", case.encoder()), ("model", model())]
            fitted = Pipeline(steps, memory=folder).fit(*case.data)
            results.append(judge(fitted, case))
            assert len(list(Path(folder).glob("**/output.pkl"))) == 1
    assert np.array_equal(results[0][0], results[1][0])
    return results[0]


def union(case):
    both = FeatureUnion([("one", case.encoder()), ("two", case.encoder())])
    return judge(make_pipeline(both, model()).fit(*case.data), case)


def column(case):
    columns = slice(0, None) if case.steps_are_columns else [0]
    columns = ColumnTransformer([("encoder", case.encoder(), columns)])
    return judge(make_pipeline(columns, model()).fit(*case.data), case)


def only(columns, last, transformer="passthrough"):
    """Return a pipeline of an estimator that sees some columns."""
    return make_pipeline(ColumnTransformer([("kept", transformer, columns)]), last)


def soft_vote(**members):
    """Return the mean of the probabilities of several classifiers."""
    return VotingClassifier([*members.items()], voting="soft")


def beside_numbers(case):
    numbers = np.random.RandomState(1).normal(size=N)
    case.X, sequences, number = case.beside(numbers)
    voting = soft_vote(
        sequence=only(sequences, model(), case.encoder()),
        number=only(number, LogisticRegression(), StandardScaler()),
    )
    return judge(voting.fit(*case.data), case)


def stack(passthrough):
    def tool(case):
        final = LogisticRegression()
        if passthrough:  # X stands behind the three probabilities
            stacked = only(slice(0, 3), LogisticRegression())
            final = soft_vote(stacked=stacked, X=only(slice(3, None), model()))
        params = {"cv": 2, "passthrough": passthrough}
        stacking = StackingClassifier([("lstm", model())], final, **params)
        return judge(stacking.fit(*case.data), case)

    return tool


def vote(case):
    voting = soft_vote(lstm=model(), gru=model(cell="gru")).set_params(weights=[2, 1])
    return judge(voting.fit(*case.data), case)


def wrapped(wrapper, max_iter=4, **params):
    """Return the tool that fits a model within a wrapper."""

    def tool(case):
        inner = model(max_iter=max_iter)
        return judge(wrapper(inner, **params).fit(*case.data), case)

    return tool


def one_against_one(case):
    ovo = OneVsOneClassifier(model()).fit(*case.data)
    scores = ovo.decision_function(case.X)
    assert np.array_equal(scores.argmax(axis=1), ovo.predict(case.X))
    return scores, beyond_chance(ovo.score(*case.data))


def threshold(wrapper, **params):
    def tool(case):
        fitted = wrapper(model(), **params).fit(case.X, case.binary)
        proba, predicted = fitted.predict_proba(case.X), fitted.predict(case.X)
        assert proba[predicted == 1, 1].min() > proba[predicted == 0, 1].max()
        numbers = np.append(proba, predicted)
        return numbers, beyond_chance(predicted == case.binary, 2)

    return tool


def train_on_its_own(case):
    y = np.where(np.arange(N) < N // 2, case.y, -1)
    params = {"criterion": "k_best", "k_best": 6, "max_iter": 2}
    training = SelfTrainingClassifier(model(), **params).fit(case.X, y)
    assert np.bincount(training.labeled_iter_ + 1).tolist() == [6, 18, 6, 6]
    return judge(training, case)


def several_outputs(case):
    y = np.column_stack([case.y, case.binary])
    fitted = MultiOutputClassifier(model()).fit(case.X, y)
    predicted = fitted.predict(case.X)
    assert predicted.shape == y.shape
    numbers = np.hstack(fitted.predict_proba(case.X))
    return numbers, beyond_chance(predicted[:, 0] == case.y)


def regression(wrapper, **params):
    def tool(case):
        fitted = wrapper(regressor(), **params).fit(case.X, case.y.astype(float))
        return fitted.predict(case.X), fitted.score(*case.data)

    return tool


def axes():
    """Return axes of a figure that pyplot does not keep."""
    return Figure().subplots()


def display(kind, *attributes):
    def tool(case):
        half = N // 2
        fitted = model().fit(case.X[:half], case.binary[:half])
        X, y = case.X[half:], case.binary[half:]
        drawn = kind.from_estimator(fitted, X, y, ax=axes())
        numbers = np.concatenate([np.ravel(getattr(drawn, a)) for a in attributes])
        return numbers, beyond_chance(fitted.score(X, y), 2)

    return tool


def display_of_scores(kind, **params):
    def tool(case):
        drawn = kind.from_estimator(model(), *case.data, cv=2, ax=axes(), **params)
        scores = [drawn.train_scores, drawn.test_scores]
        return scores, beyond_chance(scores[1][-1])

    return tool


TOOLS = {
    "Splits": {
        "train_test_split": split_once,
        "KFold": split_by(KFold(2)),
        "StratifiedKFold": split_by(StratifiedKFold(2)),
        "GroupKFold": split_by(GroupKFold(2)),
        "ShuffleSplit": split_by(ShuffleSplit(2, test_size=0.5, random_state=1)),
        "TimeSeriesSplit": split_by(TimeSeriesSplit(2)),
    },
    "Scores and curves": {
        "cross_validate": validate,
        "cross_val_predict": predict_across,
        "learning_curve": learn_curve,
        "validation_curve": validate_curve,
        "permutation_test_score": permuted,
        "permutation_importance": importance,
    },
    "Searches": {
        "GridSearchCV": search_grid,
        "RandomizedSearchCV": search_at_random,
        "HalvingGridSearchCV": search_by_halving(factor=2, min_resources=18),
        'HalvingGridSearchCV(resource="max_iter")': search_by_halving(
            resource="max_iter", factor=2, min_resources=2, max_resources=4
        ),
        "OptunaSearchCV": search_with_optuna,
    },
    "Pipelines": {
        "Pipeline(memory=...)": pipeline,
        "FeatureUnion": union,
        "ColumnTransformer": column,
        "ColumnTransformer, beside numbers": beside_numbers,
    },
    "Ensembles": {
        "VotingClassifier": vote,
        "StackingClassifier": stack(passthrough=False),
        "StackingClassifier(passthrough=True)": stack(passthrough=True),
        "BaggingClassifier": wrapped(BaggingClassifier, n_estimators=2, **SEED),
        "BaggingRegressor": regression(BaggingRegressor, n_estimators=2, **SEED),
        "AdaBoostClassifier": wrapped(
            AdaBoostClassifier, max_iter=2, n_estimators=3, **SEED
        ),
    },
    "Wrappers": {
        'CalibratedClassifierCV(method="sigmoid")': wrapped(
            CalibratedClassifierCV, method="sigmoid", cv=2
        ),
        'CalibratedClassifierCV(method="isotonic")': wrapped(
            CalibratedClassifierCV, method="isotonic", cv=2
        ),
        "OneVsRestClassifier": wrapped(OneVsRestClassifier),
        "OneVsOneClassifier": one_against_one,
        "FixedThresholdClassifier": threshold(FixedThresholdClassifier, threshold=0.4),
        "TunedThresholdClassifierCV": threshold(
            TunedThresholdClassifierCV, thresholds=9, cv=2, **SEED
        ),
        "SelfTrainingClassifier": train_on_its_own,
        "MultiOutputClassifier": several_outputs,
        "TransformedTargetRegressor": regression(
            TransformedTargetRegressor, func=np.log1p, inverse_func=np.expm1
        ),
    },
    "Displays": {
        "ConfusionMatrixDisplay": display(ConfusionMatrixDisplay, "confusion_matrix"),
        "RocCurveDisplay": display(RocCurveDisplay, "fpr", "tpr", "roc_auc"),
        "PrecisionRecallDisplay": display(
            PrecisionRecallDisplay, "precision", "recall", "average_precision"
        ),
        "DetCurveDisplay": display(DetCurveDisplay, "fpr", "fnr"),
        "CalibrationDisplay": display(CalibrationDisplay, "prob_true", "prob_pred"),
        "LearningCurveDisplay": display_of_scores(LearningCurveDisplay, **SIZES),
        "ValidationCurveDisplay": display_of_scores(ValidationCurveDisplay, **EPOCHS),
    },
}
FUNCTIONS = {name: f for tools in TOOLS.values() for name, f in tools.items()}

# --- the cells ------------------------------------------------------------------------


def run(tool, case):
    """Run a tool on a case, with warnings as errors, and return its numbers."""
    with threadpool_limits(1), warnings.catch_warnings():
        warnings.simplefilter("error")
        numbers, score = FUNCTIONS[tool](case)
    numbers = np.asarray(numbers, dtype=float)
    assert np.isfinite(numbers).all()
    assert 0.5 < score <= 1, f"{tool} reaches {score}"
    return numbers


@functools.cache
def expected(tool, container):
    """Return the numbers that a cell must have, or None where nothing else works.

    A list of equally long lists is a 2-D array to some tools, and is no model for one.
    """
    for compared in (object_column,) if container in EQUAL else (list, object_column):
        try:
            return run(tool, Case(container, compared))
        except (TypeError, ValueError):  # the container, not an assertion
            pass
    return None


# Why a tool cannot take a container: the text of the page, and messages of errors.
REASONS = {
    "a": (
        "The tool makes a table of X, or takes columns from it, and this container has "
        "no columns. Use an object array of shape `(n, 1)` or a DataFrame with one "
        "column.",
        [
            "Expected 2D array, got 1D",
            "Expected a 2-dimensional container but got",
            "tuple index out of range",
            "inhomogeneous shape after 1 dimensions",
            r"dimensions.* 1 dimension\(s\)",
        ],
    ),
    "b": (
        "The tool takes no arrays with three dimensions. Use an object array of shape "
        "`(n, 1)` with an array of shape `(T, d)` in each cell.",
        ["with dim 3", "with 3 dimension", r"dimensions.* 3 dimension\(s\)"],
    ),
    "c": (
        "The tool looks for NaN by comparing cells, which must not be arrays. Use an "
        "object array of shape `(n, 1)`, or a pandas DataFrame, with lists in it.",
        ["AdaBoostClassifier.*truth value of an array"],
    ),
    "d": (
        "The tool makes numbers of X, except of a polars DataFrame and of `Sequences`. "
        "Use those. In place of OneVsOneClassifier, OneVsRestClassifier will do; "
        "RNNClassifier needs neither.",
        ["(OneVsOne|SelfTraining)Classifier.*"],
    ),
}


def cell(tool, container):
    """Run a cell and return what the table says: yes, or the letter of the reason."""
    wanted = expected(tool, container)
    try:
        numbers = run(tool, Case(container))
    except (IndexError, TypeError, ValueError) as error:
        message = f"{tool}: {type(error).__name__}: {error}"
        # the most special comes first
        for letter, (_, patterns) in reversed(REASONS.items()):
            if any(re.search(p, message, re.DOTALL) for p in patterns):
                return letter
        raise
    if wanted is not None:
        np.testing.assert_allclose(numbers, wanted, rtol=0, atol=1e-4)
    return "yes"
