"""Images of handwritten digits as series."""

from sklearn.datasets import load_digits
from sklearn.utils import Bunch

DESCRIPTION = """Images of handwritten digits as series.

Each series is an image, read row by row (8 steps) or pixel by pixel (64 steps), from
top to bottom. Its values are those of scikit-learn's load_digits, described below,
divided by 16.

"""


def load_digit_rows(*, steps="rows", return_X_y=False):
    """Load images of handwritten digits as series, read from top to bottom.

    The images are those of `sklearn.datasets.load_digits`: 1797 of them, about 180 of
    each digit, of 8 x 8 pixels. Read row by row, an image is a series of 8 steps with 8
    features. Read pixel by pixel, each row from left to right, it is a series of 64
    steps with one feature, a task with long-range dependencies.

    Parameters
    ----------
    steps : {"rows", "pixels"}, default="rows"
        The content of a step: a row of 8 pixels, or one pixel.
    return_X_y : bool, default=False
        If True, return ``(data, target)`` instead of a Bunch.

    Returns
    -------
    digits : Bunch
        With the attributes

        data : ndarray of float64, shape (1797, 8, 8) or (1797, 64, 1)
            The images, of shape (n_series, n_steps, n_features). Values are between 0
            (white) and 1 (black).
        target : ndarray of int, shape (1797,)
            The digit of each image.
        DESCR : str
            A description of the values, and scikit-learn's of the images.

    (data, target) : tuple
        If `return_X_y` is True.

    See Also
    --------
    sklearn.datasets.load_digits : The same images as rows of a 2-D array.
    read_ts : Read series of any length from a file.

    References
    ----------
    Quoc V. Le, Navdeep Jaitly and Geoffrey E. Hinton, "A Simple Way to Initialize
    Recurrent Networks of Rectified Linear Units", arXiv:1504.00941: digits read pixel
    by pixel.

    Examples
    --------
    >>> from skrnn.datasets import load_digit_rows
    >>> digits = load_digit_rows()
    >>> digits.data.shape
    (1797, 8, 8)
    >>> digits.target[:4].tolist()
    [0, 1, 2, 3]
    >>> X, y = load_digit_rows(steps="pixels", return_X_y=True)
    >>> X.shape
    (1797, 64, 1)
    """
    shapes = {"rows": (-1, 8, 8), "pixels": (-1, 64, 1)}
    if steps not in shapes:
        raise ValueError(f"steps is {steps!r}: use 'rows' or 'pixels'.")
    digits = load_digits()
    X = digits.data.reshape(shapes[steps]) / 16
    if return_X_y:
        return X, digits.target
    return Bunch(data=X, target=digits.target, DESCR=DESCRIPTION + digits.DESCR)
