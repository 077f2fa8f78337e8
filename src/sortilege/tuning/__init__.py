"""Tuning: the space of a sampler's knobs, objectives with guards, and studies that lose nothing.

``tune`` runs a study over the space of a method (``read_method``) and returns it as it stands (``Tuned``). Optuna is
imported when it is called.
"""

from sortilege.tuning.objectives import Guard, Objective, Term, measured, read_objective
from sortilege.tuning.results import Trial, Tuned
from sortilege.tuning.space import Dimension, InfeasibleError, Space, read_method
from sortilege.tuning.storages import StorageError
from sortilege.tuning.study import tune

__all__ = [
    "Dimension",
    "Guard",
    "InfeasibleError",
    "Objective",
    "Space",
    "StorageError",
    "Term",
    "Trial",
    "Tuned",
    "measured",
    "read_method",
    "read_objective",
    "tune",
]
