"""What the docstrings of all recurrent estimators have in common."""

CELL = """\
cell : {"lstm", "gru", "rnn", "gru_reset_before", "gru_update_only", \
"lstm_peephole"}, default="lstm"
    The recurrent cell. ``"gru"`` applies the reset gate after the product with the
    recurrent weights, ``"gru_reset_before"`` before it, ``"gru_update_only"`` has
    none; ``"rnn"`` is the simple cell.
hidden_layer_sizes : int or sequence of int, default=(100,)
    The number of units of each layer, {in_directions}from the input up."""

BIDIRECTIONAL = """\
bidirectional : bool, default=True
    {bidirectional}"""

LAYERS = """\
activation : {"tanh", "relu"}, default="tanh"
    What the cell ``"rnn"`` applies; the others ignore it.
embedding_dim : int, default=None
    If given, tokens or sparse features first become vectors of this length, whose
    values are learned; the vectors of several features of a step are added. If
    None, one-hot rows enter the first layer as they are.
dropout : float or pair of floats, default=0.0
    The share of inputs of each layer, and of the output layer, that is set to
    zero in training. A pair gives the rate for the inputs of the first layer and
    that for everything above it."""

TRAINING = """\
solver : {"adam", "sgd", "rmsprop", "adagrad"}, default="adam"
    The optimiser. The input weights, or embeddings, of tokens and features that do
    not occur in a batch are left alone by the step.
learning_rate : {"constant", "invscaling", "adaptive", "exponential", "step"}, \
default="constant"
    How the learning rate changes, t counting epochs from 0:

    - "constant": not at all;
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
    After how many epochs this factor is reached.
decay_start : int, default=0
    The epoch t until which "exponential" and "step" wait.
momentum : float, default=0.9
    Momentum of the solver "sgd".
nesterovs_momentum : bool, default=True
    Whether that momentum is Nesterov's.
alpha : float, default=0.0
    Strength of the L2 penalty on weights, not biases. As in
    :class:`~sklearn.neural_network.MLPClassifier` it is divided by the number of
    terms of the loss in the batch, which are {terms} here. Of the input weights, or
    embeddings, those of tokens that are not in the batch are left out.
max_grad_norm : float or None, default=5.0
    If the norm of the gradient of the mean loss is larger, the gradient is scaled
    down to it. None: never.
batch_size : int, default=32
    {batch_size}
max_iter : int, default=50
    The number of epochs, passes over the data, at most.
shuffle : bool, default=True
    Whether to go through the sequences in a new random order in every epoch. Equal
    sequences with equal targets are then merged into one that counts more. If
    False, the order given is kept and nothing is merged.
tol : float, default=1e-4
    What counts as progress, see `n_iter_no_change`.
early_stopping : bool, default=False
    Whether to hold out a part of the sequences, score the model on them after each
    epoch, and keep the weights of the best epoch.
validation_fraction : float, default=0.1
    The share of sequences to hold out.
n_iter_no_change : int, default=10
    Training stops when for more than this number of epochs in a row the loss, or
    with early stopping the validation score, was not better by `tol` than ever
    before.
warm_start : bool, default=False
    Whether `fit` goes on from where the last one ended, optimiser and random
    numbers included, instead of starting afresh."""

CLASS_WEIGHT = """\
class_weight : dict or "balanced", default=None
    The weight of each label, 1 where the dict has none. "balanced" makes all labels
    count alike in total."""

RUN = """\
random_state : int, RandomState instance or None, default=None
    Determines initial weights, shuffling, dropout and what is held out. The same
    int gives the same model to the last bit.
n_jobs : int, default=None
    The number of threads; None means 1, -1 all processors. It never changes a
    result.
verbose : bool or int, default=False
    Whether to print a line after each epoch.
dtype : {"float32", "float64"}, default="float32"
    The precision of weights and computations."""

FITTED = """\
n_iter_ : int
    The number of epochs done.
loss_curve_ : list of ``n_iter_`` floats
    The mean loss of a {term} in each epoch, {unit}, as it was met on the way.
best_loss_ : float
    The smallest of them.
validation_scores_ : list of floats or None
    With early stopping, the {score} on what was held out, for each epoch.
best_validation_score_ : float or None
    The largest of them.
input_kind_ : {"ids", "dense", "sparse"}
    What the steps of X were in `fit`.
input_size_ : int
    The number of tokens, or of features of a step.
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
    "in_directions": "in each direction, ",
    "batch_size": "The number of sequences an update is computed from.",
}


def shared_docs(**words):
    """Return a decorator that writes the shared paragraphs into a class's docstring.

    They replace lines such as ``%(cell)s``; in them, `words` replace names in braces.
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
