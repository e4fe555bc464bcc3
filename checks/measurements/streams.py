"""Random streams of a cell: everything random in it comes from the ``stream`` it is given.

A stream is [run seed, claim, part, case], whole numbers, names hashed. Draw k of a case has the seed sequence
``SeedSequence(run seed, spawn_key=(claim, part, case, k))``; its data and targets have one of their own. Two run seeds, claims,
parts, cases or draws share nothing.
"""

import inspect
from collections.abc import Callable, Iterable, Sequence
from functools import wraps

import numpy as np

DATA = 2**40  # in place of the number of a draw


def seed_of(stream: Sequence[int], draw: int) -> int:
    """The seed, below 2^63, of one draw."""
    entropy, *names = stream
    return int(
        np.random.SeedSequence(entropy, spawn_key=(*names, draw)).generate_state(1, np.uint64)[0] >> np.uint64(1)
    )


def draw_seeds(stream: Sequence[int], first: int, draws: int) -> list[int]:
    """Seeds of the draws ``first`` … ``first`` + ``draws`` − 1."""
    return [seed_of(stream, k) for k in range(first, first + draws)]


def data_seed(stream: Sequence[int]) -> int:
    """The seed of the data and targets that all draws of a case share."""
    return seed_of(stream, DATA)


def stacked(rows: Iterable[dict]) -> dict[str, np.ndarray]:
    """Numbers and arrays by name, one row each along a new first axis."""
    rows = list(rows)
    return {key: np.array([row[key] for row in rows]) for key in rows[0]}


def each_draw(one: Callable[..., dict]) -> Callable[..., dict[str, np.ndarray]]:
    """The cell that stacks ``one(seed, **configuration)`` over the seeds of its draws."""

    def cell(*, stream: Sequence[int], first: int, draws: int, **configuration: object) -> dict[str, np.ndarray]:
        return stacked(one(seed, **configuration) for seed in draw_seeds(stream, first, draws))

    given, (_, *own) = inspect.signature(cell), inspect.signature(one).parameters.values()
    wraps(one)(cell)
    cell.__signature__ = given.replace(parameters=[*[*given.parameters.values()][:3], *own])
    return cell
