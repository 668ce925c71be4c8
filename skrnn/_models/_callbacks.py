"""Reports on the epochs of a fit: printed lines and scikit-learn's callbacks."""

import copy
import time


class FitReport:
    """Reports the epochs of one fit.

    Parameters
    ----------
    context : CallbackContext
        scikit-learn's context of the fit.
    estimator : estimator
        The estimator that the user called.
    model : estimator
        The copy of it that is being fitted.
    X, y : containers
        The arguments of `fit`.
    params : Params
        The weights, which training changes in place.
    history : History
        Extended by training before each call of `on_epoch`.
    """

    def __init__(self, context, estimator, model, X, y, params, history):
        self.context, self.estimator, self.model = context, estimator, model
        self.params, self.history = params, history
        self.arguments = {"estimator": estimator, "X": X, "y": y}
        self.start = time.perf_counter()
        context.call_on_fit_task_begin(**self.arguments)

    def on_epoch(self, epoch):
        """Report an epoch, counted from 0; return whether a callback stops training."""
        if self.model.verbose:
            self._print(epoch)
        task = self.context.subcontext(task_name="epoch")
        task.call_on_fit_task_begin(**self.arguments)
        return task.call_on_fit_task_end(
            **self.arguments, reconstruction_attributes=self._attributes_so_far
        )

    def finish(self):
        """Report the end of the fit; the model has its fitted attributes by now."""
        self.context.call_on_fit_task_end(
            **self.arguments,
            reconstruction_attributes=lambda: self._changes(self.model),
        )

    def _print(self, epoch):
        scores = [f"validation score {s:.4f}" for s in self.history.scores[-1:]]
        seconds = f"{time.perf_counter() - self.start:.1f} s"
        loss = f"loss {self.history.losses[-1]:.5f}"
        print(f"Epoch {epoch + 1}", loss, *scores, seconds, sep=", ")

    def _attributes_so_far(self):
        """Return the attributes of the model as if training ended here."""
        snapshot = copy.copy(self.model)
        snapshot._store_training(self.params.copy(), self.history)
        return self._changes(snapshot)

    def _changes(self, model):
        """Return the attributes that differ from those of the estimator."""
        before, now = vars(self.estimator), vars(model).items()
        return {k: v for k, v in now if k not in before or before[k] is not v}
