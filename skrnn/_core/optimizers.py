"""Optimizers, gradient clipping and learning-rate schedules.

A rule has a method ``update(p, g, slots, lr, t)`` that changes arrays in place: the
parameters p by their gradient g, with one array in `slots` for each moment that the
rule keeps, at step t = 1, 2 ... It serves the flat vector and the touched rows of the
table alike; rows that a batch does not touch keep their values and their moments.
"""

import math

import numpy as np

from skrnn._core import kernels


class SGD:
    """Stochastic gradient descent, with classical or Nesterov's momentum.

    References
    ----------
    Sutskever, I. et al. (2013). On the importance of initialization and momentum in
    deep learning. ICML.
    """

    def __init__(self, momentum=0.9, nesterovs_momentum=True):
        self.momentum, self.nesterovs_momentum = momentum, nesterovs_momentum
        self.n_slots = 1 if momentum else 0

    def update(self, p, g, slots, lr, t):
        """Change p in place."""
        descent = lr * g
        if self.n_slots:
            (velocity,) = slots
            velocity *= self.momentum
            velocity -= descent
            if not self.nesterovs_momentum:
                p += velocity
                return
            p += self.momentum * velocity
        p -= descent

    def compiled_update(self, p, rows, g, slots, lr, t, scale):
        """Do the same by the kernels, for some rows of p, and for scale * g."""
        velocity = slots[0] if slots else None
        kernels.compiled.sgd(
            p=p,
            rows=rows,
            g=g,
            velocity=velocity,
            scale=scale,
            momentum=self.momentum,
            rate=lr,
            nesterov=self.nesterovs_momentum,
        )


class Adagrad:
    """Steps divided by the root of the sum of all squared gradients.

    References
    ----------
    Duchi, J. et al. (2011). Adaptive subgradient methods for online learning and
    stochastic optimization. JMLR 12.
    """

    n_slots = 1
    compiled_update = None  # by numpy only

    def __init__(self, epsilon=1e-8):
        self.epsilon = epsilon

    def update(self, p, g, slots, lr, t):
        """Change p in place."""
        (total,) = slots
        total += g * g
        p -= lr * g / (np.sqrt(total) + self.epsilon)


class RMSProp:
    """Steps divided by the root of a running mean of squared gradients.

    References
    ----------
    Tieleman, T. and Hinton, G. (2012). Lecture 6.5, Neural networks for machine
    learning, Coursera.
    """

    n_slots = 1
    compiled_update = None  # by numpy only

    def __init__(self, rho=0.9, epsilon=1e-8):
        self.rho, self.epsilon = rho, epsilon

    def update(self, p, g, slots, lr, t):
        """Change p in place."""
        (mean,) = slots
        mean *= self.rho
        mean += (1 - self.rho) * (g * g)
        p -= lr * g / (np.sqrt(mean) + self.epsilon)


class Adam:
    """Steps from bias-corrected running means of gradients and squared gradients.

    References
    ----------
    Kingma, D. P. and Ba, J. (2015). Adam: a method for stochastic optimization. ICLR.
    """

    n_slots = 2

    def __init__(self, beta_1=0.9, beta_2=0.999, epsilon=1e-8):
        self.beta_1, self.beta_2, self.epsilon = beta_1, beta_2, epsilon

    def update(self, p, g, slots, lr, t):
        """Change p in place."""
        mean, mean_square = slots
        mean *= self.beta_1
        mean += (1 - self.beta_1) * g
        mean_square *= self.beta_2
        square = g * g
        square *= 1 - self.beta_2
        mean_square += square
        # the corrections 1 - beta ** t, moved out of the arrays
        root = math.sqrt(1 - self.beta_2**t)
        step = np.sqrt(mean_square, out=square)
        step += self.epsilon * root
        np.divide(mean, step, out=step)
        step *= lr * root / (1 - self.beta_1**t)
        p -= step

    def compiled_update(self, p, rows, g, slots, lr, t, scale):
        """Do the same by the kernels, for some rows of p, and for scale * g."""
        mean, square = slots
        root = math.sqrt(1 - self.beta_2**t)
        kernels.compiled.adam(
            p=p,
            rows=rows,
            g=g,
            mean=mean,
            square=square,
            scale=scale,
            beta_1=self.beta_1,
            beta_2=self.beta_2,
            rate=lr * root / (1 - self.beta_1**t),
            epsilon=self.epsilon * root,
        )


RULES = {"sgd": SGD, "adagrad": Adagrad, "rmsprop": RMSProp, "adam": Adam}


class Optimizer:
    """A rule with the moments it keeps for one set of parameters.

    Parameters
    ----------
    rule : object
        One of `RULES`.
    params : Params
        The parameters to update.
    """

    def __init__(self, rule, params):
        self.rule, self.t = rule, 0
        self.flat_slots = [np.zeros_like(params.flat) for _ in range(rule.n_slots)]
        self.table_slots = [np.zeros_like(params.table) for _ in range(rule.n_slots)]

    def step(self, params, grads, lr, scale=1.0):
        """Update the parameters in place, by the gradients times `scale`."""
        self.t += 1
        update = self.rule.compiled_update
        if kernels.compiled is not None and update is not None:
            options = lr, self.t, scale
            update(params.flat, None, grads.flat, self.flat_slots, *options)
            rows, values = grads.table
            rows = None if isinstance(rows, slice) else rows
            update(params.table, rows, values, self.table_slots, *options)
            return
        grads.flat *= scale
        grads.table.values[...] *= scale
        self.rule.update(params.flat, grads.flat, self.flat_slots, lr, self.t)
        rows, values = grads.table
        arrays = (params.table, *self.table_slots)
        p, *slots = (array[..., rows, :] for array in arrays)
        self.rule.update(p, values, slots, lr, self.t)
        for array, part in zip(arrays, (p, *slots), strict=True):
            if not np.may_share_memory(array, part):
                array[..., rows, :] = part

    def state(self):
        """Return the number of steps and the moments, for `load`."""
        return self.t, tuple(self.flat_slots), tuple(self.table_slots)

    def load(self, state):
        """Copy the values of `state`."""
        self.t = state[0]
        self.flat_slots = [slot.copy() for slot in state[1]]
        self.table_slots = [slot.copy() for slot in state[2]]


def finish_grads(grads, params, n_terms, alpha, max_norm):
    """Add the L2 penalty; return the norm, and the factor that averages and clips.

    Parameters
    ----------
    grads : Params
        Summed over the terms of the loss; the penalty is added to them.
    params : Params
        The weights.
    n_terms : float
        The number of terms, or the sum of their weights.
    alpha : float
        The penalty is ``alpha / 2 * sum(W ** 2) / n_terms``, over the weights (not
        the biases) and the touched rows of the table.
    max_norm : float or None
        The largest Euclidean norm of all gradients together: larger ones are scaled
        down to it. None: no clipping.

    Returns
    -------
    norm : float
        The norm of the mean gradient, before clipping.
    scale : float
        The factor that turns the summed gradients into their mean, clipped.
    """
    rows, values = grads.table
    if alpha:
        n = params.n_penalized
        grads.flat[:n] += alpha * params.flat[:n]
        values += alpha * params.table[..., rows, :]
    norm = math.sqrt(_squares(grads.flat) + _squares(values)) / n_terms
    scale = 1 / n_terms
    if max_norm is not None and norm > max_norm:
        scale *= max_norm / norm
    return norm, scale


def _squares(x):
    return float(np.einsum("...i,...i", x, x).sum(dtype=np.float64))


def learning_rate_at(
    epoch, *, schedule, init, power_t, decay_rate, decay_steps, decay_start
):
    """Return the learning rate of an epoch, counted from 0.

    - "constant", and "adaptive" before any reduction: ``init``;
    - "invscaling": ``init / (epoch + 1) ** power_t``;
    - "exponential": ``init * decay_rate ** (decaying / decay_steps)``;
    - "step": ``init * decay_rate ** (decaying // decay_steps)``;

    where ``decaying`` is ``max(0, epoch - decay_start)``.
    """
    decaying = max(0, epoch - decay_start)
    if schedule == "invscaling":
        return init / (epoch + 1) ** power_t
    if schedule == "exponential":
        return init * decay_rate ** (decaying / decay_steps)
    if schedule == "step":
        return init * decay_rate ** (decaying // decay_steps)
    return init
