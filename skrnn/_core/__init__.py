"""The numeric core: recurrent networks and their training on plain arrays.

It knows numpy and scipy only. Shapes use N rows, B sequences, T steps, D directions,
H units, G gates, K classes, V tokens or features.
"""

from skrnn._core.network import Network
from skrnn._core.seq2seq import EncoderDecoder

__all__ = ["make_network"]


def make_network(spec, n_threads=1):
    """Return the network of a spec.

    Parameters
    ----------
    spec : dict
        The arguments of `Network`, or, if "attention" is among them, of
        `EncoderDecoder`; all but `n_threads`.
    n_threads : int, default=1
        The number of threads of the kernels. It does not change a bit.

    Returns
    -------
    Network or EncoderDecoder
    """
    network = EncoderDecoder if "attention" in spec else Network
    return network(**spec, n_threads=n_threads)
