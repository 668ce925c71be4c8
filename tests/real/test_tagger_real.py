"""RNNTagger on real data: the figures that docs/results.md reports.

Settings were chosen on development sets or by cross-validation on training sets; test
sets are used here only.
"""

import numpy as np
import pytest
from scipy.io import loadmat
from sklearn.pipeline import FeatureUnion, make_pipeline
from sklearn.preprocessing import FunctionTransformer
from token_columns import lower, of_affixes, one_hot, shift

from skrnn import RNNTagger, Stepwise
from skrnn.datasets import read_conll
from skrnn.metrics import convert_labels, span_f1_score, step_log_loss

SEEDS = (0, 1, 2)


def casing(X):
    return [[_casing(word) for word in words] for words in X]


def _casing(word):
    if word.isdigit():
        return "digits"
    if any(map(str.isdigit, word)):
        return "some digits"
    if word.islower():
        return "lower"
    if word.isupper():
        return "upper" if len(word) > 1 else "one letter"
    if word[0].isupper():
        return "capital"
    return "mixed" if any(map(str.isupper, word)) else "other"


def words_and_casing():
    return [("word", one_hot(lower, min_count=2)), ("casing", one_hot(casing))]


# parameters of the networks of words
WORDS = {"dropout": 0.5, "learning_rate": "exponential", "decay_steps": 4}


def mean_over_seeds(features, tagger, train, test, score):
    """Fit with every seed; return the mean score on the test set, and print all."""
    features = FeatureUnion(features)
    X_train, X_test = features.fit_transform(train[0]), features.transform(test[0])
    scores = []
    for seed in SEEDS:
        model = tagger.set_params(random_state=seed).fit(X_train, train[1])
        scores.append(score(test[1], model.predict(X_test)))
    print(f"{np.mean(scores):.4f}", scores)
    return np.mean(scores)


@pytest.mark.long
def test_named_entities(data_dir):
    """CoNLL-2003, words and casing only: span F1; a PyTorch twin reaches 0.80."""
    train, test = (
        read_conll(data_dir / f"conll2003/eng.{part}") for part in ("train", "testb")
    )
    train, test = ((X, convert_labels(y, "IOB2")) for X, y in (train, test))
    sizes = {"embedding_dim": 100, "hidden_layer_sizes": 100}
    tagger = RNNTagger(**WORDS, **sizes, learning_rate_init=0.003, max_iter=15)
    score = mean_over_seeds(words_and_casing(), tagger, train, test, span_f1_score)
    assert score >= 0.79


@pytest.mark.long
@pytest.mark.parametrize(("affixes", "bar"), [(False, 0.94), (True, 0.95)])
def test_parts_of_speech(data_dir, affixes, bar):
    """UD English EWT, universal tags; PyTorch twins reach 0.941 and 0.953."""
    train, test = (
        read_conll(data_dir / "ud_english_ewt" / f"{part}.tsv", (0, 1), sep="\t")
        for part in ("train", "test")
    )
    features = words_and_casing()
    if affixes:
        features += of_affixes((1, 2, 3), (1, 2, 3, 4))
    sizes = {"embedding_dim": 200, "hidden_layer_sizes": 150}
    tagger = RNNTagger(**WORDS, **sizes, learning_rate_init=0.004, max_iter=13)

    def accuracy(y_true, y_pred):
        return np.mean(np.concatenate(y_true) == np.concatenate(y_pred))

    assert mean_over_seeds(features, tagger, train, test, accuracy) >= bar


def read_proteins(path):
    """Return the residues and the structures of all chains of a file."""
    X, y = [], []
    residues, structures = [], []
    for line in path.read_text().split("\n"):
        fields = line.split()
        if len(fields) == 2 and not line.startswith("#"):
            residues.append(fields[0])
            structures.append(fields[1])
        elif residues and fields and fields[0] in ("<>", "end", "<end>"):
            X.append(residues)
            y.append(structures)
            residues, structures = [], []
    return X, y


# hydropathy (Kyte and Doolittle 1982), volume of the side chain, charge, propensity for
# helix and for sheet (Chou and Fasman 1978)
AMINO_ACIDS = {
    "A": (1.8, 88.6, 0, 1.42, 0.83),
    "R": (-4.5, 173.4, 1, 0.98, 0.93),
    "N": (-3.5, 114.1, 0, 0.67, 0.89),
    "D": (-3.5, 111.1, -1, 1.01, 0.54),
    "C": (2.5, 108.5, 0, 0.70, 1.19),
    "Q": (-3.5, 143.8, 0, 1.11, 1.10),
    "E": (-3.5, 138.4, -1, 1.51, 0.37),
    "G": (-0.4, 60.1, 0, 0.57, 0.75),
    "H": (-3.2, 153.2, 0.5, 1.00, 0.87),
    "I": (4.5, 166.7, 0, 1.08, 1.60),
    "L": (3.8, 166.7, 0, 1.21, 1.30),
    "K": (-3.9, 168.6, 1, 1.16, 0.74),
    "M": (1.9, 162.9, 0, 1.45, 1.05),
    "F": (2.8, 189.9, 0, 1.13, 1.38),
    "P": (-1.6, 112.7, 0, 0.57, 0.55),
    "S": (-0.8, 89.0, 0, 0.77, 0.75),
    "T": (-0.7, 116.1, 0, 0.83, 1.19),
    "W": (-0.9, 227.8, 0, 1.08, 1.37),
    "Y": (-1.3, 193.6, 0, 0.69, 1.47),
    "V": (4.2, 140.0, 0, 1.06, 1.70),
}


def properties(X, by):
    """Return the standardised properties of the residue some steps away, or zeros."""
    table = np.array([*AMINO_ACIDS.values()])
    table = (table - table.mean(axis=0)) / table.std(axis=0)
    rows = dict(zip(AMINO_ACIDS, table, strict=True))
    nothing = np.zeros(table.shape[1])
    return [np.array([rows.get(a, nothing) for a in chain]) for chain in shift(X, by)]


@pytest.mark.long
def test_protein_secondary_structure(data_dir):
    """Residue accuracy of ten networks together; 0.643 in Qian and Sejnowski (1988).

    Settings come from cross-validation by groups of related chains: the chains of the
    test set are related to none of the training set.
    """
    name = "protein-secondary-structure"
    train, test = (
        read_proteins(data_dir / "protein_secondary_structure" / f"{name}.{part}")
        for part in ("train", "test")
    )
    assert (len(train[0]), len(test[0])) == (111, 17)
    assert (sum(map(len, train[0])), sum(map(len, test[0]))) == (18_105, 3_520)
    features = [(f"residue{by}", one_hot(shift, by=by)) for by in range(-7, 8)]
    for by in range(-7, 8):
        values = FunctionTransformer(properties, kw_args={"by": by})
        as_rows = Stepwise(FunctionTransformer())
        features.append((f"properties{by}", make_pipeline(values, as_rows)))
    window = FeatureUnion(features)
    X_train, X_test = window.fit_transform(train[0]), window.transform(test[0])
    truth, single, summed = np.concatenate(test[1]), [], 0
    params = {"cell": "gru", "embedding_dim": 24, "hidden_layer_sizes": 60}
    params |= {"dropout": (0.3, 0.6), "batch_size": 8, "learning_rate_init": 0.002}
    for seed in range(10):
        tagger = RNNTagger(**params, max_iter=36, random_state=seed)
        proba = np.concatenate(tagger.fit(X_train, train[1]).predict_proba(X_test))
        single.append(np.mean(tagger.classes_[proba.argmax(axis=1)] == truth))
        summed = summed + proba
    together = np.mean(tagger.classes_[summed.argmax(axis=1)] == truth)
    print(f"one network {np.mean(single):.4f}, ten {together:.4f}", single)
    assert together >= 0.643


@pytest.mark.long
def test_chorales(data_dir):
    """JSB Chorales, the next step from those before it; LSTM 8.45 (Bai et al. 2018)."""
    music = loadmat(data_dir / "music" / "JSB_Chorales.mat")
    train, test = (
        [piece.astype(np.float32) for piece in music[f"{part}data"].ravel()]
        for part in ("train", "test")
    )
    params = {"bidirectional": False, "hidden_layer_sizes": 200, "dropout": (0.0, 0.3)}
    params |= {"batch_size": 8, "learning_rate_init": 0.003, "max_iter": 53}
    losses = []
    for seed in SEEDS:
        model = RNNTagger(**params, random_state=seed)
        model.fit([x[:-1] for x in train], [x[1:] for x in train])
        proba = model.predict_proba([x[:-1] for x in test])
        truth = [x[1:].astype(int) for x in test]
        losses.append(step_log_loss(truth, proba, labels=model.classes_))
    print(f"{np.mean(losses):.3f}", losses)
    assert np.mean(losses) <= 8.8
