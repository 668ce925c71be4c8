"""All transformers; Tokenizer, VocabularyEncoder, SequenceOneHotEncoder, Stepwise."""

from collections import Counter
from itertools import chain

import joblib
import numpy as np
import pandas as pd
import pytest
from common import cases, column
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal
from scipy import sparse
from sklearn import config_context
from sklearn.base import BaseEstimator, TransformerMixin, clone
from sklearn.compose import ColumnTransformer
from sklearn.decomposition import PCA, TruncatedSVD
from sklearn.exceptions import NotFittedError
from sklearn.impute import SimpleImputer
from sklearn.linear_model import SGDClassifier
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline, make_union
from sklearn.preprocessing import FunctionTransformer, StandardScaler
from sklearn.utils import get_tags

from skrnn import Sequences
from skrnn._validation import as_sequences
from skrnn.preprocessing import (
    Delta,
    LogMelSpectrogram,
    SequenceOneHotEncoder,
    Stepwise,
    Tokenizer,
    VocabularyEncoder,
)

TEXTS = ["the cat sat", "on the mat", "the dog", "a cat and a dog"]
WORDS = [text.split() for text in TEXTS]
IDS = [[3, 0, 1], [2, 2, 0], [4, 1], [0, 0, 3, 1, 4]]
ROWS = [np.arange(2.0 * len(ids)).reshape(-1, 2) ** 2 for ids in IDS]
SPARSE_ROWS = list(map(sparse.csr_array, ROWS))
WAVES = [np.sin(np.arange(n) ** 1.5) for n in (700, 30, 200, 1234)]

# a transformer and what it takes, four sequences
CASES = [
    (Tokenizer(), TEXTS),
    (Tokenizer(analyzer="char"), TEXTS),
    (VocabularyEncoder(), WORDS),
    (VocabularyEncoder(max_tokens=2), IDS),
    (SequenceOneHotEncoder(), WORDS),
    (SequenceOneHotEncoder(sparse_output=False), IDS),
    (Stepwise(StandardScaler()), ROWS),
    (Stepwise(StandardScaler(with_mean=False)), SPARSE_ROWS),
    (LogMelSpectrogram(8000, f_min=50), WAVES),
    (Delta(), ROWS),
    (make_pipeline(Tokenizer(), VocabularyEncoder(), SequenceOneHotEncoder()), TEXTS),
    (
        make_pipeline(
            SequenceOneHotEncoder(), Stepwise(TruncatedSVD(2, random_state=0))
        ),
        WORDS,
    ),
]
every_transformer = cases("transformer, X", *CASES, ids=[repr(t) for t, _ in CASES])


def as_lists(sequences):
    return [
        (item.toarray() if sparse.issparse(item) else item).tolist()
        for item in as_sequences(sequences, allow_empty=True, tokens=True)
    ]


# --- what all of them do (besides the checks of skrnn.utils in test_utils.py) ---------


@cases("transformer, X", *(CASES[i] for i in (3, 5, 6, 7, 8, 9)))
def test_reads_its_input_from_a_read_only_memory_map(transformer, X, tmp_path):
    joblib.dump(as_sequences(X), tmp_path / "X.joblib")
    mapped = joblib.load(tmp_path / "X.joblib", mmap_mode="r")
    expected = as_lists(clone(transformer).fit_transform(X))
    assert as_lists(clone(transformer).fit_transform(mapped)) == expected


@every_transformer
@pytest.mark.parametrize("output", ["pandas", "polars"])
def test_a_column_of_sequences_comes_out_or_a_frame(transformer, X, output):
    out = clone(transformer).fit_transform(X)
    assert isinstance(out, Sequences)
    assert out.shape == (4, 1)
    expected = as_lists(out)
    names = clone(transformer).fit(X).get_feature_names_out().tolist()
    framed = clone(transformer).set_output(transform=output)
    for frame in (framed.fit_transform(X), framed.transform(X)):
        assert type(frame).__module__.startswith(output)
        assert list(frame.columns) == names
        assert as_lists(frame) == expected
    with config_context(transform_output=output):
        assert as_lists(clone(transformer).fit_transform(X)) == expected
        assert as_lists(clone(transformer).fit(X).transform(X)) == expected
    if output == "pandas":
        frame = framed.transform(pd.Series(X, index=[3, 1, 0, 2]))
        assert frame.index.tolist() == [3, 1, 0, 2]


@every_transformer
def test_the_name_of_the_column(transformer, X):
    fitted = clone(transformer).fit(X)
    names = {Stepwise: "sequences", Delta: "sequences", LogMelSpectrogram: "frames"}
    default = names.get(type(transformer), "tokens")
    assert fitted.get_feature_names_out().tolist() == [default]
    assert fitted.get_feature_names_out(["review"]).tolist() == ["review"]
    fitted = clone(transformer).fit(pd.DataFrame({"review": X}))
    assert fitted.get_feature_names_out().tolist() == ["review"]
    assert fitted.get_feature_names_out().dtype == object
    with pytest.raises(ValueError, match="feature_names_in_"):
        fitted.get_feature_names_out(["other"])


@cases(
    "transformer, name",
    (VocabularyEncoder(), "tokens"),
    (SequenceOneHotEncoder(), "tokens"),
    (Stepwise(StandardScaler()), "sequences"),
)
def test_the_columns_of_a_table_become_one(transformer, name):
    table = pd.DataFrame({"first": [1, 2], "second": [3, 4]})
    out = clone(transformer).set_output(transform="pandas").fit_transform(table)
    assert (out.shape, list(out.columns)) == ((2, 1), [name])


@every_transformer
def test_a_failed_fit_changes_nothing(transformer, X):
    transformer = clone(transformer).fit(pd.DataFrame({"review": X}))
    expected, before = as_lists(transformer.transform(X)), dict(vars(transformer))
    for bad in ([None], [X[0], None], pd.DataFrame({"a": [0.5, np.inf], "b": [1, 2]})):
        with pytest.raises((ValueError, TypeError)):
            transformer.fit(bad)
        assert vars(transformer) == before
    assert as_lists(transformer.transform(X)) == expected
    assert transformer.get_feature_names_out().tolist() == ["review"]


@cases(
    "transformer, X, broken, bad",
    (VocabularyEncoder(), WORDS, {"min_count": 9}, WORDS),
    (SequenceOneHotEncoder(), WORDS, {"min_count": 9}, WORDS),
    (SequenceOneHotEncoder(), IDS, {}, [[1, -1]]),
    (Stepwise(PCA(1)), ROWS, {"transformer__n_components": 3}, ROWS),
)
def test_a_fit_that_fails_late_changes_nothing(transformer, X, broken, bad):
    transformer = clone(transformer).fit(pd.DataFrame({"review": X}))
    expected, before = as_lists(transformer.transform(X)), set(vars(transformer))
    transformer.set_params(**broken)
    with pytest.raises(ValueError, match=r"empty|Negative|n_components"):
        transformer.fit(bad)
    assert set(vars(transformer)) == before
    assert transformer.feature_names_in_.tolist() == ["review"]
    assert as_lists(transformer.transform(X)) == expected


@cases("transformer, X", *CASES[2:8])
def test_must_be_fitted(transformer, X):
    unfitted = clone(transformer)
    with pytest.raises(NotFittedError):
        unfitted.get_feature_names_out()
    for method in (unfitted.transform, unfitted.inverse_transform):
        with pytest.raises(NotFittedError):
            method(X)


@cases(
    "transformer, X, name",
    (Tokenizer(), TEXTS, "tokens"),
    (Delta(), ROWS, "sequences"),
    (LogMelSpectrogram(8000, f_min=50), WAVES, "frames"),
)
def test_needs_no_fit(transformer, X, name):
    assert not get_tags(transformer).requires_fit
    assert transformer.get_feature_names_out().tolist() == [name]
    expected = as_lists(clone(transformer).fit_transform(X))
    assert as_lists(clone(transformer).transform(X)) == expected


BAD_PARAMETERS = [
    (Tokenizer(), {"analyzer": "sentence", "lowercase": "yes", "strip_accents": "all"}),
    (Tokenizer(), {"preprocessor": 3, "tokenizer": "spacy", "token_pattern": None}),
    (VocabularyEncoder(), {"max_tokens": 0, "min_count": 0, "vocabulary": "abc"}),
    (VocabularyEncoder(), {"vocabulary": {"a", "b"}}),
    (SequenceOneHotEncoder(), {"max_tokens": 0, "min_count": 0.5, "sparse_output": 1}),
    (Stepwise(PCA()), {"transformer": None}),
    (Stepwise(PCA()), {"transformer": "passthrough"}),
    (Delta(), {"width": 0, "order": 0, "append": "yes"}),
    (LogMelSpectrogram(), {"sample_rate": 0, "n_mels": 0, "dtype": "float16"}),
    (LogMelSpectrogram(), {"sample_rate": "8k", "n_mels": 2.5, "preemphasis": 1.5}),
    (LogMelSpectrogram(), {"frame_length": 0, "frame_step": -1, "f_min": -1}),
    (LogMelSpectrogram(), {"f_max": 0, "window": None, "n_fft": 0, "floor": 0}),
]


@cases(
    "transformer, bad",
    *((t, bad) for t, bads in BAD_PARAMETERS for bad in bads.items()),
)
def test_parameters_are_checked(transformer, bad):
    name, value = bad
    transformer = clone(transformer).set_params(**{name: value})
    methods = [transformer.fit]
    if not get_tags(transformer).requires_fit:
        methods.append(transformer.transform)
    for method in methods:
        with pytest.raises(ValueError, match=f"'{name}' parameter"):
            method(TEXTS)


# --- Tokenizer ------------------------------------------------------------------------


@cases(
    "text, tokens",
    ("Hello, World!", ["Hello", ",", "World", "!"]),
    ("It isn't so.", ["It", "isn't", "so", "."]),
    ("It isn\u2019t.", ["It", "isn\u2019t", "."]),
    ("a well-known state-of-the-art", ["a", "well-known", "state-of-the-art"]),
    ("'quoted' - or -- not...", [*"'", "quoted", *"'-", "or", *"--", "not", *"..."]),
    ("dogs' tails", ["dogs", "'", "tails"]),
    ("in 1984\n\t(twice)", ["in", "1984", "(", "twice", ")"]),
    ("Übergröße café 日本", ["Übergröße", "café", "日本"]),
    ("a_name x", ["a_name", "x"]),
    ("", []),
    (" \n", []),
)
def test_words_and_punctuation_marks(text, tokens):
    assert as_lists(Tokenizer().transform([text])) == [tokens]


@cases(
    "params, text, tokens",
    ({"analyzer": "char"}, "a  b\n", ["a", " ", " ", "b", "\n"]),
    ({"analyzer": "char"}, "ç", ["ç"]),
    ({"token_pattern": r"\S+"}, "<unk> do n't N .", ["<unk>", "do", "n't", "N", "."]),
)
def test_characters_keep_white_space_and_tokens_their_marks(params, text, tokens):
    assert as_lists(Tokenizer(**params).transform([text])) == [tokens]


@cases(
    "params, tokens",
    ({"lowercase": True}, ["naïve", "éa", "ß"]),
    ({"strip_accents": "unicode"}, ["Naive", "EA", "ß"]),
    ({"strip_accents": "ascii", "lowercase": True}, ["naive", "ea"]),
    ({"strip_accents": str.swapcase}, ["nAÏVE", "éa", "SS"]),
    ({"preprocessor": str.upper, "lowercase": True}, ["NAÏVE", "ÉA", "SS"]),
    ({"tokenizer": str.split}, ["Naïve", "ÉA", "ß"]),
    ({"tokenizer": lambda text: iter(text[:2])}, ["N", "a"]),
    ({"token_pattern": r"\w\w+"}, ["Naïve", "ÉA"]),
    ({"token_pattern": r"(\w)\w+"}, ["N", "É"]),
    ({"analyzer": "char", "tokenizer": str.split}, list("Naïve ÉA ß")),
    ({"analyzer": str.split, "lowercase": True}, ["Naïve", "ÉA", "ß"]),
    ({"analyzer": lambda text: [(1, len(text))]}, [(1, 10)]),
)
def test_parameters_of_countvectorizer(params, tokens):
    tokenizer = Tokenizer(**params)
    X = tokenizer.fit(["Naïve ÉA ß"]).transform(["Naïve ÉA ß"])
    assert X.kind == "tokens"
    assert as_lists(X) == [tokens]


@cases(
    "pattern, message",
    (r"(\w)(\w)", r"has 2 capturing groups.*one"),
    ("(", r"token_pattern='\(' is not a regular expression"),
)
def test_what_is_no_token_pattern(pattern, message):
    with pytest.raises(ValueError, match=message):
        Tokenizer(token_pattern=pattern).fit(TEXTS)


def test_texts_without_tokens_are_for_the_estimator_to_refuse():
    X = Tokenizer().transform(["a", "", "b"])
    assert X.lengths.tolist() == [1, 0, 1]
    assert VocabularyEncoder().fit_transform(X).lengths.tolist() == [1, 0, 1]
    with pytest.raises(ValueError, match=r"X\[1\] has no steps"):
        as_sequences(VocabularyEncoder().fit_transform(X))
    assert Tokenizer().transform(["", ""]).lengths.tolist() == [0, 0]


def test_tokens_are_joined():
    for X in (WORDS, Tokenizer().transform(TEXTS), column(WORDS)):
        texts = Tokenizer().inverse_transform(X)
        assert (texts.shape, texts.dtype) == ((4,), object)
        assert texts.tolist() == TEXTS
    assert Tokenizer().inverse_transform([["a", 1], []]).tolist() == ["a 1", ""]
    table = np.array([["a", "b"], ["c", "d"]])
    assert Tokenizer(analyzer="char").inverse_transform(table).tolist() == ["ab", "cd"]


@given(st.lists(st.text(max_size=10), min_size=1, max_size=5))
def test_characters_make_a_round_trip(texts):
    tokenizer = Tokenizer(analyzer="char")
    X = tokenizer.fit_transform(texts)
    assert X.lengths.tolist() == list(map(len, texts))
    assert tokenizer.inverse_transform(X).tolist() == texts


@given(st.text())
def test_no_mark_and_no_letter_is_lost(text):
    (tokens,) = Tokenizer().transform([text])
    assert "".join(tokens) == "".join(text.split())


# --- VocabularyEncoder ----------------------------------------------------------------


def test_tokens_without_an_order_come_as_they_appear():
    encoder = VocabularyEncoder().fit([["b", 2, None, "a", 2], [("c",), 1]])
    assert encoder.tokens_.tolist() == ["<unk>", 2, "b", None, "a", ("c",), 1]


@cases(
    "params, known",
    ({"max_tokens": 2}, ["c", "b"]),
    ({"max_tokens": 3}, ["c", "b", "d"]),
    ({"max_tokens": None}, ["c", "b", "d", "a"]),
    ({"min_count": 2}, ["c", "b", "d"]),
    ({"min_count": 2, "max_tokens": 1}, ["c"]),
    ({"min_count": 3}, ["c"]),
)
def test_ids_by_falling_frequency_and_then_by_order(params, known):
    X = [["b", "c", "c", "a"], ["d", "d", "c", "b"]]
    encoder = VocabularyEncoder(**params).fit(X)
    assert encoder.tokens_.tolist() == list(encoder.vocabulary_) == ["<unk>", *known]
    assert encoder.tokens_.dtype == object
    ids = {token: i for i, token in enumerate(["<unk>", *known])}
    assert encoder.vocabulary_ == ids
    out = encoder.transform(X)
    assert out.n_tokens == encoder.n_tokens_ == len(ids)
    assert as_lists(out) == [[ids.get(t, 0) for t in tokens] for tokens in X]
    assert (out.kind, out.rows.dtype) == ("ids", np.int32)


@pytest.mark.parametrize("X", [WORDS, [[], []], [["<unk>", "<unk>"]]])
def test_vocabulary_that_would_be_empty(X):
    n = len(set(chain.from_iterable(X)) - {"<unk>"})
    message = f"X contains {n} different tokens, none of them at least min_count=9"
    with pytest.raises(ValueError, match=message):
        VocabularyEncoder(min_count=9).fit(X)


def test_the_unknown_token():
    encoder = VocabularyEncoder().fit(WORDS)
    out = encoder.transform([["the", "zebra", None, 3, ("the",)], []])
    assert as_lists(out) == [[encoder.vocabulary_["the"], 0, 0, 0, 0], []]
    encoder = VocabularyEncoder().fit([["<unk>", "<unk>", "a"]])
    assert encoder.vocabulary_ == {"<unk>": 0, "a": 1}
    assert as_lists(encoder.transform([["a", "<unk>"]])) == [[1, 0]]
    encoder = VocabularyEncoder(unknown_token=-1).fit([[-1, 5], [7, 7]])
    assert encoder.vocabulary_ == {-1: 0, 7: 1, 5: 2}
    with pytest.raises(TypeError, match=r"unknown_token=\[\] is not hashable"):
        VocabularyEncoder(unknown_token=[]).fit(WORDS)


LISTED = [["b", "a"], ("b", "a"), ["b", "<unk>", "a"], np.array(["b", "a"])]
LISTED += [np.array(["b", "a"], dtype=object)]
NUMBERED = [{"b": 1, "a": 2}, {"a": 2, "b": 1, "<unk>": 0}]


@pytest.mark.parametrize("vocabulary", LISTED + NUMBERED, ids=repr)
def test_a_given_vocabulary(vocabulary):
    encoder = VocabularyEncoder(vocabulary=vocabulary, max_tokens=1, min_count=5)
    encoder = clone(encoder).fit([["c", "c"]])
    assert encoder.vocabulary_ == {"<unk>": 0, "b": 1, "a": 2}
    assert list(encoder.vocabulary_) == encoder.tokens_.tolist() == ["<unk>", "b", "a"]
    assert set(map(type, encoder.tokens_)) == {str}
    assert as_lists(encoder.transform([["a", "b", "c"]])) == [[2, 1, 0]]


@cases(
    "vocabulary, message",
    (["a", "b", "a"], "'a' more than once"),
    ([], "contains no known token"),
    (["<unk>"], "contains no known token"),
    ({"<unk>": 0}, "contains no known token"),
    ({"a": 0, "b": 1}, "its ids are not 1 to 2.*pass a list"),
    ({"a": 1, "b": 3}, "ids are not 1 to 2"),
    ({"a": 1, "b": 1}, "ids are not 1 to 2"),
    ({"a": 0, "<unk>": 1}, "ids are not 1 to 1"),
    ({"a": "b"}, "ids are not 1 to 1"),
)
def test_what_is_no_vocabulary(vocabulary, message):
    with pytest.raises(ValueError, match=message):
        VocabularyEncoder(vocabulary=vocabulary).fit(WORDS)


def test_chords_and_integers_are_tokens():
    chords = [[(60, 64, 67), (60, 65, 69)], [(60, 64, 67), (48,), ()]]
    encoder = VocabularyEncoder().fit(chords)
    assert encoder.vocabulary_[60, 64, 67] == 1
    assert as_lists(encoder.inverse_transform(encoder.transform(chords))) == chords
    encoder = VocabularyEncoder().fit([[-3, 10**12], [-3]])
    assert encoder.vocabulary_ == {"<unk>": 0, -3: 1, 10**12: 2}
    assert as_lists(encoder.transform([[10**12, 0]])) == [[2, 0]]


def test_decoding_takes_ids_in_any_container():
    encoder = VocabularyEncoder().fit([["a", "a", "b"]])
    ids = [[1, 2], [0]]
    of_tokens = encoder.transform([["a", "b"], ["x"]])
    for given_ids in (ids, list(map(np.array, ids)), column(ids), of_tokens):
        decoded = encoder.inverse_transform(given_ids)
        assert decoded.kind == "tokens"
        assert as_lists(decoded) == [["a", "b"], ["<unk>"]]
    table = np.array([[1, 2], [2, 0]])
    assert as_lists(encoder.inverse_transform(table)) == [["a", "b"], ["b", "<unk>"]]
    assert as_lists(encoder.inverse_transform([[], [1]])) == [[], ["a"]]


token_lists = st.lists(
    st.lists(st.one_of(st.text(max_size=2), st.integers(-3, 3))), min_size=1
).filter(lambda lists: any(set(tokens) - {"<unk>"} for tokens in lists))


@given(token_lists, st.randoms(use_true_random=False))
def test_the_order_of_sequences_does_not_matter(lists, random):
    lists = [list(map(str, tokens)) for tokens in lists]
    shuffled = random.sample(lists, len(lists))
    a, b = VocabularyEncoder().fit(lists), VocabularyEncoder().fit(shuffled)
    assert a.vocabulary_ == b.vocabulary_


@given(token_lists, st.integers(1, 5), st.integers(1, 2))
def test_known_tokens_make_a_round_trip(lists, max_tokens, min_count):
    counts = Counter(token for tokens in lists for token in tokens)
    encoder = VocabularyEncoder(max_tokens=max_tokens, min_count=min_count)
    try:
        X = encoder.fit_transform(lists)
    except ValueError:
        assert max(n for token, n in counts.items() if token != "<unk>") < min_count
        return
    known = encoder.tokens_.tolist()[1:]
    assert 1 <= len(known) <= max_tokens
    known_counts = [counts[token] for token in known]
    assert known_counts == sorted(known_counts, reverse=True)
    assert min(known_counts) >= min_count
    decoded = as_lists(encoder.inverse_transform(X))
    expected = [[t if t in known else "<unk>" for t in tokens] for tokens in lists]
    assert decoded == expected


# --- SequenceOneHotEncoder ------------------------------------------------------------


@pytest.mark.parametrize("sparse_output", [True, False])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_ids_have_a_column_each(sparse_output, dtype):
    encoder = SequenceOneHotEncoder(sparse_output=sparse_output, dtype=dtype)
    X = encoder.fit_transform(IDS)
    assert encoder.n_tokens_ == 5
    assert encoder.vocabulary_encoder_ is None
    assert X.kind == ("sparse" if sparse_output else "dense")
    assert X.rows.dtype == dtype
    assert as_lists(X) == [np.eye(5)[ids].tolist() for ids in IDS]
    if sparse_output:
        assert isinstance(X.rows, sparse.csr_array)
        assert X.rows.has_canonical_format


def test_one_hot_rows_are_floats():
    for dtype in (int, "float16", object, "nonsense"):
        with pytest.raises(ValueError, match=r"dtype is .*: use float32 or float64"):
            SequenceOneHotEncoder(dtype=dtype).fit(IDS)


def test_tokens_have_a_column_each_and_unknown_ones_the_first():
    encoder = SequenceOneHotEncoder(max_tokens=2, sparse_output=False)
    X = encoder.fit_transform([["b", "b", "c"], ["c", "a"]])
    assert encoder.vocabulary_encoder_.vocabulary_ == {"<unk>": 0, "b": 1, "c": 2}
    assert as_lists(X) == [np.eye(3)[[1, 1, 2]].tolist(), np.eye(3)[[2, 0]].tolist()]
    assert as_lists(encoder.transform([["x", "b"]])) == [np.eye(3)[[0, 1]].tolist()]
    frequent = SequenceOneHotEncoder(min_count=3).fit([["b", "b", "b", "a"]])
    assert frequent.n_tokens_ == 2


def test_one_hot_rows_are_those_of_the_ids_and_as_many_as_the_vocabulary():
    encoder = VocabularyEncoder().fit(WORDS)
    expected = as_lists(SequenceOneHotEncoder().fit_transform(WORDS))
    ids = encoder.transform(WORDS)
    assert as_lists(SequenceOneHotEncoder().fit_transform(ids)) == expected
    one_hot = SequenceOneHotEncoder().fit(encoder.transform([["a"]]))
    assert one_hot.n_tokens_ == encoder.n_tokens_ > 2


@pytest.mark.parametrize("X", [[["a", "b"], ["a"]], [[0, 1], [2]]])
def test_one_hot_rows_enter_linear_models(X, monkeypatch):
    with monkeypatch.context() as patch:
        patch.delattr(sparse, "get_index_dtype", raising=False)  # as before scipy 1.11
        rows = SequenceOneHotEncoder().fit_transform(X).rows
    assert rows.indices.dtype == rows.indptr.dtype == np.int32
    SGDClassifier().fit(rows, [0, 1, 0])


@pytest.mark.parametrize("X", [WORDS, IDS])
@pytest.mark.parametrize("sparse_output", [True, False])
def test_one_hot_rows_make_a_round_trip(X, sparse_output):
    encoder = SequenceOneHotEncoder(sparse_output=sparse_output)
    out = encoder.fit_transform(X)
    containers = [out, list(out), np.asarray(out)]
    if sparse_output:
        containers.append(Sequences(sparse.csr_matrix(out.rows), out.offsets))
    for rows in containers:
        decoded = encoder.inverse_transform(rows)
        assert as_lists(decoded) == X
        assert decoded.kind == ("tokens" if X is WORDS else "ids")
    if X is IDS:
        assert decoded.n_tokens == encoder.n_tokens_


def test_probabilities_are_decoded_to_the_most_probable():
    encoder = SequenceOneHotEncoder().fit(IDS)
    probabilities = np.random.default_rng(0).random((3, 2, 5))
    decoded = encoder.inverse_transform(probabilities)
    assert_array_equal(list(decoded), probabilities.argmax(axis=2))


@pytest.mark.parametrize("X", [[["a"], []], [[2], []]])
@pytest.mark.parametrize("sparse_output", [True, False])
def test_empty_sequences_stay_empty(X, sparse_output):
    encoder = SequenceOneHotEncoder(sparse_output=sparse_output).fit(X)
    out = encoder.transform(X)
    assert out.lengths.tolist() == [1, 0]
    assert as_lists(encoder.inverse_transform(out)) == X
    assert encoder.transform([[], []]).lengths.tolist() == [0, 0]
    with pytest.raises(ValueError, match="X has no steps, as all sequences are empty"):
        encoder.fit([[], []])


# --- Stepwise -------------------------------------------------------------------------


DENSE_IN = [StandardScaler(), PCA(1), make_pipeline(StandardScaler(), PCA(1))]
DENSE_IN += [FunctionTransformer(np.log1p), FunctionTransformer(sparse.csc_array)]
DENSE_IN += [StandardScaler().set_output(transform=to) for to in ("pandas", "polars")]
SPARSE_IN = [StandardScaler(with_mean=False), TruncatedSVD(1, random_state=0)]


@cases(
    "transformer, X",
    *((transformer, ROWS) for transformer in DENSE_IN),
    *((transformer, SPARSE_ROWS) for transformer in SPARSE_IN),
    ids=map(repr, DENSE_IN + SPARSE_IN),
)
def test_steps_are_rows_of_one_table(transformer, X):
    stack = sparse.vstack if X is SPARSE_ROWS else np.vstack
    expected, kind = clone(transformer).fit_transform(stack(X)), np.ndarray
    if sparse.issparse(expected):
        expected, kind = expected.toarray(), sparse.csr_array
    stepwise = Stepwise(transformer)
    for out in (stepwise.fit_transform(X), stepwise.fit(X).transform(X)):
        assert out.lengths.tolist() == [x.shape[0] for x in X]
        assert type(out.rows) is kind
        rows = out.rows.toarray() if kind is sparse.csr_array else out.rows
        assert_allclose(rows, expected, rtol=1e-12, atol=1e-12)


def test_any_numbers_can_be_transformed():
    cube = np.random.default_rng(0).normal(size=(3, 4, 2))
    expected = StandardScaler().fit_transform(cube.reshape(12, 2))
    rows = Stepwise(StandardScaler()).fit_transform(cube).rows
    assert_allclose(rows, expected, rtol=1e-12)
    rows = Stepwise(StandardScaler()).fit_transform(cube.astype(np.float32)).rows
    assert rows.dtype == np.float32
    stepwise = Stepwise(StandardScaler()).fit([[0.5, 1.5], [2.5]])
    assert_allclose(stepwise.transformer_.mean_, [1.5], rtol=1e-12)
    assert stepwise.transform([[1, 2, 3]]).lengths.tolist() == [3]
    table = np.arange(6.0).reshape(2, 3)
    stepwise = Stepwise(StandardScaler()).fit(table)
    assert stepwise.n_features_in_ == 3
    assert_allclose(stepwise.transformer_.mean_, [2.5], rtol=1e-12)
    assert stepwise.transform(table).lengths.tolist() == [3, 3]


def test_nested_parameters_and_clones():
    inner = StandardScaler()
    pipeline = make_pipeline(Stepwise(inner))
    pipeline.set_params(stepwise__transformer__with_mean=False).fit(ROWS)
    assert not pipeline[0].transformer_.with_mean
    assert pipeline[0].transformer is inner
    assert pipeline[0].transformer_ is not inner
    assert not hasattr(inner, "scale_")
    assert clone(pipeline).get_params()["stepwise__transformer__with_mean"] is False


class _Counting(TransformerMixin, BaseEstimator):
    calls: list = []

    def fit(self, X, y=None):
        assert y is None
        self.calls.append("fit")
        return self

    def fit_transform(self, X, y=None):
        assert y is None
        self.calls.append("fit_transform")
        return X

    def transform(self, X):
        self.calls.append("transform")
        return X


class _Plain:
    """A transformer without any base class."""

    def fit(self, X, y=None):
        self.shift = X.mean()
        return self

    def transform(self, X):
        return X - self.shift

    def get_params(self, deep=False):
        return {}


def test_fit_transform_fits_once_and_need_not_exist():
    _Counting.calls.clear()
    Stepwise(_Counting()).fit_transform(ROWS, y=[1, 2, 3, 4])
    assert _Counting.calls == ["fit_transform"]
    Stepwise(_Counting()).fit(ROWS, y=[1, 2, 3, 4]).transform(ROWS)
    assert _Counting.calls == ["fit_transform", "fit", "transform"]
    out = Stepwise(_Plain()).fit_transform(ROWS)
    assert_allclose(out.rows.mean(), 0, atol=1e-12)


def test_steps_are_transformed_back():
    for X in (ROWS, SPARSE_ROWS):
        stepwise = Stepwise(StandardScaler(with_mean=False))
        back = stepwise.inverse_transform(stepwise.fit_transform(X))
        assert back.lengths.tolist() == list(map(len, ROWS))
        assert_allclose(np.vstack(as_lists(back)), np.vstack(ROWS), rtol=1e-12)
    out = Stepwise(PCA(1)).fit(ROWS)
    assert out.inverse_transform(out.transform(ROWS)).rows.shape == (13, 2)


def test_inverse_transform_only_where_the_transformer_has_it():
    assert hasattr(Stepwise(StandardScaler()), "inverse_transform")
    assert not hasattr(Stepwise(_Counting()), "inverse_transform")
    with pytest.raises(AttributeError, match="inverse_transform"):
        Stepwise(_Counting()).fit(ROWS).inverse_transform(ROWS)


@cases(
    "function, shape",
    (lambda X: X[1:], r"\(12, 2\)"),
    (lambda X: X.sum(axis=1), r"\(13,\)"),
    (lambda X: 0.0, r"\(\)"),
)
def test_the_number_of_rows_must_stay(function, shape):
    stepwise = Stepwise(FunctionTransformer(function))
    message = f"FunctionTransformer returned an array of shape {shape} for 13 steps"
    for transform in (stepwise.fit_transform, stepwise.fit(ROWS).transform):
        with pytest.raises(ValueError, match=message):
            transform(ROWS)


def test_nan_is_for_transformers_that_allow_it():
    X = [np.array([[1.0, np.nan], [3.0, 2.0]]), np.array([[np.nan, 4.0]])]
    stepwise = Stepwise(SimpleImputer())
    assert get_tags(stepwise).input_tags.allow_nan
    expected = [[1.0, 3.0], [3.0, 2.0], [2.0, 4.0]]
    assert stepwise.fit_transform(X).rows.tolist() == expected
    assert stepwise.transform(X).rows.tolist() == expected
    scaler = Stepwise(StandardScaler())
    scaled = scaler.fit_transform(X)
    assert_allclose(scaler.inverse_transform(scaled).rows, np.vstack(X), rtol=1e-12)
    assert not get_tags(Stepwise(PCA())).input_tags.allow_nan
    with pytest.raises(ValueError, match=r"X\[0\] contains NaN or infinity at step 0"):
        Stepwise(PCA()).fit(X)


def test_transformer_that_is_a_class():
    stepwise = Stepwise(StandardScaler)
    message = r"transformer is the class StandardScaler: pass .* StandardScaler\(\)"
    for fit in (stepwise.fit, stepwise.fit_transform):
        with pytest.raises(TypeError, match=message):
            fit(ROWS)


# --- what is refused ------------------------------------------------------------------

TOKENIZE = [Tokenizer().fit, Tokenizer().transform, Tokenizer().fit_transform]
NO_TEXTS = [
    ("one text", "X is a single string"),
    (["one text", None], r"X\[1\] is None"),
    (WORDS, r"X\[0\] is \['the', 'cat', 'sat'\], of type list, not a text"),
    ([], "0 texts"),
]
join = Tokenizer().inverse_transform
decode = VocabularyEncoder().fit([["a", "a", "b"]]).inverse_transform
encode = SequenceOneHotEncoder().fit(IDS).transform
decode_rows = SequenceOneHotEncoder().fit(IDS).inverse_transform
fit_steps = Stepwise(StandardScaler()).fit
transform_steps = Stepwise(StandardScaler()).fit(ROWS).transform
wide = [sparse.eye_array(6)]
too_large = Sequences(np.array([0, 1, 7]), [0, 1, 3], n_tokens=5)

ID = "contains the token id"
DENSE = r"X\[0\] has dense rows of numbers"
NO_ROWS = "needs sequences of dense or sparse rows"


@cases(
    "method, X, message",
    *((method, *text) for method in TOKENIZE for text in NO_TEXTS),
    (join, IDS, rf"X\[0\] {ID} 3.*inverse_transform of the Vocab"),
    (join, ROWS, DENSE),
    (join, "text", "single string"),
    (decode, [[], [0, 3]], rf"X\[1\] {ID} 3 at step 1.*ids from 0 to 2.*transform"),
    (decode, [[1], [2, -1]], rf"X\[1\] {ID} -1 at step 1.*ids from 0 to 2"),
    (decode, [[1], [2, "a"]], r"X\[1\] contains 'a' at step 1.*ids from 0 to 2"),
    (decode, ROWS, DENSE),
    (encode, [[0], [1, 5]], rf"X\[1\] {ID} 5 at step 1.*ids from 0 to 4.*Vocabulary"),
    (encode, [[0], [-1]], rf"Negative values in data: X\[1\] {ID} -1 at step 0"),
    (encode, [[0], [1, "a"]], r"X\[1\] contains 'a' at step 1.*ids from 0 to 4"),
    (encode, ROWS, f"{DENSE} where SequenceOneHotEncoder needs"),
    (encode, TEXTS, r"X\[0\] is the string 'the cat sat'.*put a Tokenizer before it"),
    (SequenceOneHotEncoder().fit, too_large, rf"X\[1\] {ID} 7 at step 1"),
    (decode_rows, [np.eye(4)], r"dense rows of 4 features>.*rows of 5 features"),
    (decode_rows, wide, r"sparse rows of 6 features>.*rows of 5 features"),
    (decode_rows, IDS, f"token ids>.*{NO_ROWS}"),
    (decode_rows, WORDS, f"tokens>.*{NO_ROWS}"),
    (decode_rows, np.eye(5), f"X is a ndarray.*{NO_ROWS}"),
    (fit_steps, IDS, rf"X\[0\] {ID} 3.*put a SequenceOneHotEncoder before"),
    (fit_steps, WORDS, r"X\[0\] contains the token 'the'"),
    (fit_steps, TEXTS, r"X\[0\] is the string 'the cat sat'"),
    (fit_steps, [[0.5], []], r"X\[1\] has no steps"),
    (fit_steps, [[0.5], [np.inf]], r"X\[1\] contains infinity at step 0"),
    (transform_steps, [np.ones((2, 3))], r"X\[0\] has 3 .* per step.*expecting 2"),
    (transform_steps, [[0, 1]], rf"X\[0\] {ID} 0"),
)
def test_refused_by_its_index(method, X, message):
    with pytest.raises(ValueError, match=message):
        method(X)


# --- together -------------------------------------------------------------------------


@pytest.mark.parametrize("left", [True, False])
@pytest.mark.parametrize("right", [True, False])
def test_a_union_is_joined_step_by_step(left, right):
    one_hot = [SequenceOneHotEncoder(sparse_output=kind) for kind in (left, right)]
    union = make_union(*(make_pipeline(VocabularyEncoder(), e) for e in one_hot))
    out = union.fit_transform(WORDS)
    assert out.shape == (4, 2)
    X = as_sequences(out)
    assert X.kind == ("sparse" if left or right else "dense")
    ids = VocabularyEncoder().fit_transform(WORDS)
    hot = np.eye(ids.n_tokens)[ids.rows]
    rows = X.rows.toarray() if X.kind == "sparse" else X.rows
    assert_array_equal(rows, np.hstack([hot, hot]))
    assert X.lengths.tolist() == list(map(len, WORDS))
    assert len(union.get_feature_names_out()) == 2


@pytest.mark.parametrize("output", ["default", "pandas"])
def test_columns_of_a_frame_are_joined_step_by_step(output):
    frame = pd.DataFrame({"word": WORDS, "id": IDS, "rows": ROWS})
    transformer = ColumnTransformer(
        [
            ("words", SequenceOneHotEncoder(), ["word"]),
            ("ids", SequenceOneHotEncoder(sparse_output=False), ["id"]),
            ("rows", Stepwise(StandardScaler()), ["rows"]),
        ]
    ).set_output(transform=output)
    with pytest.raises(ValueError, match=r"X\[1\] has 3 steps in column 0 and 2"):
        as_sequences(transformer.fit_transform(frame.assign(id=[IDS[0], IDS[2]] * 2)))
    frame = frame.assign(word=[["w"] * len(ids) for ids in IDS])
    X = as_sequences(transformer.fit_transform(frame))
    assert X.kind == "sparse"
    assert X.rows.shape == (13, 2 + 5 + 2)
    ids = [i for sequence in IDS for i in sequence]
    assert_array_equal(X.rows[:, 2:7].toarray(), np.eye(5)[ids])
    names = transformer.get_feature_names_out().tolist()
    assert names == ["words__word", "ids__id", "rows__rows"]


def like_4_columns(model, X, y=None):
    """Score one-hot rows by how many columns there are."""
    return -abs(model.transform(X).rows.shape[1] - 4)


@pytest.mark.parametrize("container", [list, np.array, pd.Series])
def test_grid_search_over_the_vocabulary(container, tmp_path):
    model = make_pipeline(Tokenizer(), VocabularyEncoder(), SequenceOneHotEncoder())
    grid = {"vocabularyencoder__max_tokens": [1, 3, None]}
    search = GridSearchCV(model, grid, scoring=like_4_columns, cv=2)
    search.set_params(error_score="raise").fit(container(TEXTS))
    assert search.best_params_ == {"vocabularyencoder__max_tokens": 3}
    joblib.dump(search, tmp_path / "search.joblib")
    loaded = joblib.load(tmp_path / "search.joblib")
    assert loaded.score(TEXTS) == search.score(TEXTS) == 0


def test_texts_make_a_round_trip_through_a_pipeline():
    pipeline = make_pipeline(Tokenizer(), VocabularyEncoder(), SequenceOneHotEncoder())
    X = pipeline.fit_transform(TEXTS)
    assert pipeline.inverse_transform(X).tolist() == TEXTS
    assert pipeline.get_feature_names_out(["review"]).tolist() == ["review"]
