from typing import NamedTuple

from sortilege.numerics._arrays import Array


class Solved(NamedTuple):
    """What a solver returns: it never raises and never branches on data.

    value: the solution; where ``ok`` is false, the documented fallback.
    ok: (B,) booleans, true where the solution meets the solver's tolerance.
    steps: (B,) integers, the steps taken until the tolerance was met (all of them where it was not).
    """

    value: Array
    ok: Array
    steps: Array
