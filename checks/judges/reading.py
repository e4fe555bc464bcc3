"""What a judge is given: the numbers of one case, sorted by the kind of question that they answer."""

from dataclasses import dataclass, field

import numpy as np


@dataclass(frozen=True)
class Draws:
    """Independent draws: ``values`` (S,) for a constant or a gap, (S, W) at the sizes ``x`` (W,) for an exponent.

    ``excluded`` draws did not meet the hypotheses and are not among the values.
    """

    values: np.ndarray
    x: np.ndarray | None = None
    excluded: int = 0


@dataclass(frozen=True)
class Curves:
    """What is not random: ``values`` (R, W), one curve a row, at the sizes ``x`` (W,), known to ``error`` (R,), relative.

    Each is made of ``members`` models. ``excluded`` models did not meet the hypotheses and are not among the values.
    """

    values: np.ndarray
    x: np.ndarray
    error: np.ndarray | float = 0.0
    excluded: int = 0
    members: int = 1


@dataclass(frozen=True)
class Sides:
    """An inequality: ``measured`` against ``bound``, of any shapes that fit; ``holds`` says where the hypotheses hold.

    ``error``, absolute, is the change of ``measured`` when every numerical tolerance is cut by ten. Where ``holds`` is false
    nothing is judged: the entry is counted as excluded.
    """

    measured: np.ndarray | float
    bound: np.ndarray | float
    error: np.ndarray | float = 0.0
    holds: np.ndarray | bool = True


@dataclass(frozen=True)
class Counts:
    """``failures`` among ``trials`` independent trials, and the ``bound`` on their probability.

    ``excluded`` trials did not meet the hypotheses and are not among them.
    """

    failures: int
    trials: int
    bound: float
    excluded: int = 0


@dataclass(frozen=True)
class Proof:
    """A proved lower bound ``lower`` on the least eigenvalue of ``matrix`` (n, n), −inf where nothing is proved.

    ``method`` says how it was proved; ``vector`` (n,) is a candidate null vector, for a control.
    """

    lower: float
    method: str
    matrix: np.ndarray = field(repr=False)
    vector: np.ndarray | None = None


Reading = Draws | Curves | Sides | Counts | Proof
