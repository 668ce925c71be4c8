"""Parameters of the estimators, shared by several workloads."""

CONLL = {
    "embedding_dim": 100,
    "hidden_layer_sizes": 100,
    "batch_size": 32,
    "learning_rate_init": 0.001,
}
SST2 = {
    "embedding_dim": 128,
    "hidden_layer_sizes": 128,
    "bidirectional": False,
    "batch_size": 32,
    "learning_rate_init": 0.001,
}
SHAKESPEARE = {
    "stream": True,
    "bptt": 100,
    "batch_size": 64,
    "hidden_layer_sizes": 256,
    "learning_rate_init": 0.002,
}
PTB = {
    "stream": True,
    "bptt": 20,
    "batch_size": 20,
    "embedding_dim": 200,
    "hidden_layer_sizes": (200, 200),
    "solver": "sgd",
    "momentum": 0.0,
    "learning_rate_init": 20.0,
}
CMUDICT = {
    "embedding_dim": 64,
    "hidden_layer_sizes": 128,
    "batch_size": 128,
    "learning_rate_init": 0.003,
}


def configure(estimator, n_epochs, max_norm=None, **params):
    """Return an estimator with this number of epochs and norm for gradient clipping."""
    return estimator(
        max_iter=n_epochs, tol=0.0, max_grad_norm=max_norm, random_state=0, **params
    )
