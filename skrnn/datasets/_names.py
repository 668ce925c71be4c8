"""English sentences with labels for the names of persons."""

from importlib import resources

import numpy as np
from sklearn.utils import Bunch


def load_names(*, return_X_y=False):
    """Load English sentences in which the names of persons are marked.

    The label of a word is 1 if it belongs to the name of a person and 0 otherwise.
    About a third of the sentences have no name. Many words are a name in one sentence
    and not in another, and often only the words after them decide: "Teddy Roosevelt was
    a great president", but "Teddy bears are on sale".

    The sentences were written for this project and labelled by hand. The set is small
    enough to read: it shows how tagging works, but scores on it do not predict those on
    newspaper text.

    Parameters
    ----------
    return_X_y : bool, default=False
        If True, return ``(data, target)`` instead of a Bunch.

    Returns
    -------
    names : Bunch
        With the attributes

        data : list of list of str
            The words of each sentence. A punctuation mark is a word.
        target : list of ndarray of int
            One array of 0 and 1 for each sentence, as long as the sentence.
        DESCR : str
            The definition of a name.

    (data, target) : tuple
        If `return_X_y` is True.

    See Also
    --------
    load_python_source : A larger set, characters with several labels.
    read_conll : Read labelled sentences from a file.

    Examples
    --------
    >>> from skrnn.datasets import load_names
    >>> names = load_names()
    >>> for word, label in zip(names.data[0], names.target[0], strict=True):
    ...     print(label, word)
    1 Harry
    1 Potter
    0 and
    1 Hermione
    1 Granger
    0 invented
    0 a
    0 new
    0 spell
    """
    file = resources.files("skrnn.datasets") / "names.txt"
    lines = file.read_text(encoding="utf-8").split("\n")[:-1]
    sentences = [line.split(" ") for line in lines if not line.startswith("#")]
    X = [[word.removeprefix("*") for word in words] for words in sentences]
    y = [np.array([int(w.startswith("*")) for w in words]) for words in sentences]
    if return_X_y:
        return X, y
    head = [line[2:] for line in lines if line.startswith("#")]
    return Bunch(data=X, target=y, DESCR="\n".join(head) + "\n")
