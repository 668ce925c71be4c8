"""Paragraphs that the docstrings of the recurrent estimators share."""

from skrnn._core.pooling import POOLINGS
from skrnn._validation import StrOptions

# The constraint of the parameter `pooling`.
POOLING = {"pooling": [StrOptions(set(POOLINGS))]}
BIDIRECTIONAL_WORDS = "Whether every layer reads in both directions."

CELL = """\
cell : {"lstm", "gru", "rnn", "gru_reset_before", "gru_update_only", \
"lstm_peephole"}, default="lstm"
    The recurrent cell. ``"gru"`` applies the reset gate after the product with the
    recurrent weights, ``"gru_reset_before"`` before it; ``"gru_update_only"`` has no
    reset gate; ``"rnn"`` is the simple cell.
hidden_layer_sizes : int or sequence of int, default=(100,)
    The number of units of each layer{in_directions}, from the input up."""

BIDIRECTIONAL = """\
bidirectional : bool, default=True
    {bidirectional}"""

LAYERS = """\
activation : {"tanh", "relu"}, default="tanh"
    The activation function of the cell ``"rnn"``; other cells ignore it.
embedding_dim : int, default=None
    The length of learned vectors that represent tokens or sparse features; the
    vectors of several features of a step are added. If None, one-hot rows are the
    input of the first layer.
dropout : float or pair of floats, default=0.0
    The share of the inputs of each layer, and of the output layer, that is set to
    zero in training. A pair gives the rate for the inputs of the first layer and
    the rate for all layers above it."""

TRAINING = """\
solver : {"adam", "sgd", "rmsprop", "adagrad"}, default="adam"
    The optimiser. An update leaves the input weights, or embeddings, of tokens and
    features that do not occur in the batch unchanged.
learning_rate : {"constant", "invscaling", "adaptive", "exponential", "step"}, \
default="constant"
    The learning-rate schedule, t counting epochs from 0:

    - "constant": `learning_rate_init` in every epoch;
    - "invscaling": ``learning_rate_init / (t + 1) ** power_t``;
    - "adaptive": divided by 5 whenever training would otherwise stop, see
      `n_iter_no_change`;
    - "exponential": ``learning_rate_init * decay_rate ** (s / decay_steps)``, where
      ``s = max(0, t - decay_start)``;
    - "step": the same with ``s // decay_steps``.

learning_rate_init : float, default=0.005
    The first learning rate.
power_t : float, default=0.5
    The exponent of "invscaling".
decay_rate : float, default=0.5
    The factor of "exponential" and "step".
decay_steps : int, default=1
    The number of epochs after which the rate has decayed by `decay_rate`.
decay_start : int, default=0
    The epoch t at which the decay of "exponential" and "step" starts.
momentum : float, default=0.9
    Momentum of the solver "sgd".
nesterovs_momentum : bool, default=True
    Whether that momentum is Nesterov's.
alpha : float, default=0.0
    Strength of the L2 penalty on input, recurrent, output and embedding weights.
    Biases, peephole weights and the score vector of additive attention are not
    penalised. As in :class:`~sklearn.neural_network.MLPClassifier` the penalty is
    divided by the number of terms of the loss in the batch, here {terms}. Input
    weights, or embeddings, of tokens that are not in the batch are left out.
max_grad_norm : float or None, default=5.0
    The largest norm of the gradient of the mean loss; larger gradients are scaled
    down to it. None: no limit.
batch_size : int, default=32
    {batch_size}
max_iter : int, default=50
    The maximum number of epochs, passes over the data.
shuffle : bool, default=True
    Whether to draw a new random order of the sequences in every epoch. Equal
    sequences with equal targets are then merged into one with their summed weight.
    If False, the given order is kept and nothing is merged.
tol : float, default=1e-4
    The least improvement that counts as progress, see `n_iter_no_change`.
early_stopping : bool, default=False
    Whether to hold out a part of the sequences for validation, score the model on
    them after each epoch, and keep the weights of the best epoch.
validation_fraction : float, default=0.1
    The share of sequences to hold out.
n_iter_no_change : int, default=10
    Training stops when the loss, or with early stopping the validation score, has
    not improved on its best value by `tol` for more than this number of consecutive
    epochs.
warm_start : bool, default=False
    Whether `fit` continues where the last fit ended, with its optimiser and random
    numbers, instead of starting from new initial weights."""

CLASS_WEIGHT = """\
class_weight : dict or "balanced", default=None
    The weight of each label, 1 for labels that are not in the dict. "balanced" gives
    all labels the same total weight."""

RUN = """\
random_state : int, RandomState instance or None, default=None
    Determines initial weights, shuffling, dropout and the validation split. The same
    int gives the same model to the last bit.
n_jobs : int, default=None
    The number of threads; None means 1, -1 all processors. Results do not depend
    on it.
verbose : bool or int, default=False
    Whether to print a line after each epoch.
dtype : {"float32", "float64"}, default="float32"
    The precision of weights and computations."""

FITTED = """\
n_iter_ : int
    The number of epochs trained.
loss_curve_ : list of ``n_iter_`` floats
    The mean loss per {term} in each epoch, {unit}, averaged over the updates of the
    epoch.
best_loss_ : float
    The smallest loss of an epoch.
validation_scores_ : list of floats or None
    With early stopping, the {score} on the held-out sequences, for each epoch.
best_validation_score_ : float or None
    The largest validation score.
input_kind_ : {"ids", "dense", "sparse"}
    The kind of the steps of X in `fit`.
input_size_ : int
    The number of tokens, or of features per step.
n_features_in_ : int
    The number of columns, if X was a 2-D array in `fit`.
feature_names_in_ : ndarray of str
    Their names, if X was a DataFrame of numbers with string names."""

PARAGRAPHS = {
    "cell": CELL,
    "bidirectional": BIDIRECTIONAL,
    "layers": LAYERS,
    "training": TRAINING,
    "class_weight": CLASS_WEIGHT,
    "run": RUN,
    "fitted": FITTED,
}


WORDS = {
    "in_directions": " in each direction",
    "batch_size": "The number of sequences per update.",
}


def shared_docs(**words):
    """Return a decorator that inserts the shared paragraphs into a class's docstring.

    Paragraphs replace lines such as ``%(cell)s``; `words` replace names in braces.
    """
    words = WORDS | words

    def fill(cls):
        for name, paragraph in PARAGRAPHS.items():
            for word, value in words.items():
                paragraph = paragraph.replace("{" + word + "}", value)
            indented = paragraph.replace("\n", "\n    ").replace("\n    \n", "\n\n")
            cls.__doc__ = (cls.__doc__ or "").replace(f"%({name})s", indented)
        return cls

    return fill
