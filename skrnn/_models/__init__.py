"""The recurrent estimators: their parameters, targets and predictions."""
