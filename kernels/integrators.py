"""Adaptive integration of gradient flow: step control, endings, and what is observed on the way.

A step of the scheme in `kernels.exponential_scheme` is accepted if

1. its displacement error is at most the tolerance, relative to ‖θ − θ_0‖;
2. its error in the outputs is at most the tolerance, relative to the residual that the step leaves. Without this the late
   steps, which hardly move θ, would decay as the linearised model does, whatever the network;
3. the loss does not rise, beyond rounding and beyond what the estimated error in the outputs explains;

and no step is tried in which the predicted loss falls more than tenfold. Where the last error was small the step of the
linearised model, one evaluation, is tried first: the lazier the model, the cheaper the flow.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum

import numpy as np

from kernels.exponential_scheme import (
    UNIT,
    Linearisation,
    Point,
    Problem,
    Stage,
    State,
    Step,
    increment,
    linearise,
    output_error,
    second_stage,
    third_stage,
)

LARGEST_DECAY = 0.1  # of the predicted loss in one step
LONGEST = 1e6  # steps are at most this over the least positive eigenvalue
FIRST = 1e-2  # first step, as a share of the longest
LOSS_RISE = 1e-9  # relative, by rounding
SAFETY, SLOWER, FASTER = 0.85, 0.2, 5.0
LINEAR_SHARE = 0.1  # share of the tolerance that a step of the linearised model may use
ESTIMATE, KINKED_ESTIMATE = 3.0, 1.5  # what may be estimated for an error of one tolerance: the solution kept is better
FLOOR = 1e-20  # relative loss that counts as rounding once it falls no further


class Ending(StrEnum):
    """Why an integration ended, as a sentence."""

    TARGET = "target reached: the loss has fallen to the requested ratio"
    TIME = "end of the time interval"
    FLOOR = "rounding floor: the loss is of the size that rounding causes and falls no further"
    STATIONARY = "stationary point: the gradient vanishes"
    PLATEAU = "plateau: the residual lies in the null space of the tangent kernel"
    OVERFLOW = "overflow: outputs, loss or tangent kernel are not finite"
    CAP = "evaluation cap: the largest allowed number of evaluations is used up"
    STALLED = "stalled: the step fell below the rounding of the time"


RESTING = (Ending.FLOOR, Ending.STATIONARY)
"""Endings after which the state stays as it is, to rounding, for all later times."""


@dataclass(frozen=True)
class Outcome:
    """End of an integration: why, when and where; evaluations, steps, rejected steps; a bound on sup_t ‖θ_t − θ_0‖."""

    ending: Ending
    time: float
    theta: State
    evaluations: int
    steps: int
    rejected: int
    drift_bound: float


Observe = Callable[[float, State, Point | None], None]
"""Called with a time, the state there (to be read at once, not kept), and its point if that is known already."""


def integrate(
    problem: Problem,
    start: State,
    observe: Observe,
    *,
    t_end: float | None = None,
    loss_ratio: float | None = None,
    times: Sequence[float] | None = None,
    rtol: float,
    atol: float | None = None,
    max_evaluations: int,
) -> Outcome:
    """Follow θ' = −S∇R(f(θ)) from ``start`` until one of the endings; nothing is checked.

    Parameters
    ----------
    problem : the model, see `Problem`.
    start : θ_0, which is only read. Two more copies of it are allocated.
    observe : called at every accepted step, t = 0 included, or at ``times`` alone, inside steps by the continuous
        extension.
    t_end : end of the interval; None for none.
    loss_ratio : R(θ_t)/R(θ_0) at which to stop; None for none.
    times : increasing, not negative, at most ``t_end``. After a rounding floor or a stationary point the remaining ones
        are observed too, in the final state.
    rtol : aim for the displacement error relative to ‖θ_t − θ_0‖, and for the error in the residual.
    atol : displacement error of a step that is not exceeded either; None for none. For small differences between two
        flows, which a relative tolerance does not see.
    max_evaluations : of points; the integration ends rather than exceed it.

    Notes
    -----
    ``drift_bound`` is max_k ½(D_k + D_{k+1} + √(r h_k(R_k − R_{k+1}))) over the steps, and at least D_k, D_k = ‖θ_k −
    θ_0‖, r the largest rate. A path from θ_k to θ_{k+1} has length ∫|θ'| ≤ √(h ∫|θ'|²) ≤ √(r h (R_k − R_{k+1})) because
    R' = −θ'ᵀS⁻¹θ', and no point of it is further from θ_0 than half of D_k + D_{k+1} + length.
    """
    with np.errstate(over="ignore", invalid="ignore"):  # an overflow becomes an ending
        run = Integration(problem, start, t_end, loss_ratio, rtol, atol, max_evaluations)
        return run.follow(observe, times)


@dataclass(frozen=True)
class Trial:
    """A step that leads from the current state to the scratch state, its error over the tolerance, and what it explains."""

    step: Step
    ratio: float
    drift: float
    explained_loss: float


class Integration:
    """One run of `integrate`: the current state, a scratch state, and the quantities that control the next step."""

    def __init__(
        self,
        problem: Problem,
        start: State,
        t_end: float | None,
        loss_ratio: float | None,
        rtol: float,
        atol: float | None,
        max_evaluations: int,
    ) -> None:
        self.problem, self.start, self.current = problem, start, start
        self.scratch, self.spare = (tuple(np.empty_like(a) for a in start) for _ in range(2))
        self.here = problem.point(start)
        self.t_end, self.max_evaluations = np.inf if t_end is None else t_end, max_evaluations
        self.target = -1.0 if loss_ratio is None else loss_ratio * self.here.loss
        self.floor = max(FLOOR * self.here.loss, problem.rounding(start, self.here))
        estimate = KINKED_ESTIMATE if problem.kinked else ESTIMATE
        self.rtol, self.atol = estimate * rtol, np.inf if atol is None else estimate * atol
        self.t, self.h, self.drift, self.drift_bound = 0.0, np.inf, 0.0, 0.0
        self.ratio = 0.0  # error of the last step over the tolerance
        self.evaluations, self.steps, self.rejected = 1, 0, 0

    def follow(self, observe: Observe, times: Sequence[float] | None) -> Outcome:
        """Step until the end, and observe."""
        waiting = [] if times is None else list(times)
        if times is None or (waiting and waiting[0] == 0):
            observe(0.0, self.current, self.here)
            waiting = waiting[1:]
        while True:
            linear = linearise(self.problem, self.here) if np.isfinite(self.here.loss) else None
            found = self.ending(linear) or self.advance(linear)
            if isinstance(found, Ending):
                break
            before, step = self.t, found.step
            self.accept(found)
            while waiting and waiting[0] < self.t:
                s = (waiting[0] - before) / step.h
                observe(waiting.pop(0), self.inside(step, s), None)
            if times is None or (waiting and waiting[0] == self.t):
                observe(self.t, self.current, self.here)
                waiting = waiting[1:]
            del found, step, linear  # they hold the factors of two points
        if found in RESTING and np.isfinite(self.t_end) and self.t < self.t_end:
            self.t = self.t_end
            for when in [self.t] if times is None else waiting:
                observe(when, self.current, self.here)
        return Outcome(
            found, self.t, self.current, self.evaluations, self.steps, self.rejected, float(self.drift_bound)
        )

    def ending(self, linear: Linearisation | None) -> Ending | None:
        """Whether the integration is over before the next step is tried."""
        if linear is None:
            return Ending.OVERFLOW
        if self.here.loss <= self.target:
            return Ending.TARGET
        if self.t >= self.t_end:
            return Ending.TIME
        if not (linear.values[-1] > 0 and self.here.loss > 0):
            return Ending.STATIONARY
        if self.steps and self.here.loss <= self.floor and self.here.loss > 0.5 * self.loss_before:
            return Ending.FLOOR
        if self.t_end == np.inf and in_null_space(linear):
            return Ending.PLATEAU
        return None

    def advance(self, linear: Linearisation) -> Trial | Ending:
        """Try steps until one passes; its state is the scratch state, its point `reached`."""
        if self.h == np.inf:
            self.h = FIRST * longest_step(linear, np.inf)
        growth = FASTER
        while self.evaluations + 3 <= self.max_evaluations:
            h = self.fitted(longest_step(linear, self.h))
            if self.t + h <= self.t:
                return Ending.STALLED
            trial = self.attempt(linear, h)
            self.ratio = np.inf
            if trial is not None:
                self.ratio = trial.ratio
                if self.ratio <= 1.0:
                    highest = max(self.here.loss * (1 + LOSS_RISE), trial.explained_loss)
                    if self.reached.loss <= highest:
                        self.h = h * min(growth, factor(self.ratio))
                        return trial
                    if max(self.reached.loss, self.here.loss) <= self.floor:
                        return Ending.FLOOR
                    self.ratio = np.inf
            self.h, growth = h * min(SAFETY, factor(self.ratio)), 1.0
            self.rejected += 1
        return Ending.CAP

    def fitted(self, h: float) -> float:
        """``h``, or what is left of the interval, or half of that so that no tiny step remains."""
        left = self.t_end - self.t
        return left if h >= left else min(h, 0.5 * left) if h > 0.5 * left else h

    def attempt(self, linear: Linearisation, h: float) -> Trial | None:
        """One step of length ``h`` with one, two or three evaluations; None if a stage is not finite."""
        easy = self.ratio <= LINEAR_SHARE
        second = second_stage(self.problem, linear, h, 1.0 if easy else 0.5, self.current, self.scratch)
        self.evaluations += 1
        if second is None:
            return None
        if easy:
            trial = self.judge(Step(linear, h, None), second, LINEAR_SHARE)
            if trial is not None:
                self.reached = second.point
                return trial
        third = third_stage(self.problem, linear, h, second, self.current, self.scratch)
        self.evaluations += 1
        if third is None:
            return None
        trial = self.judge(Step(linear, h, third), second, np.inf)
        del second  # its factors are not needed any more
        if trial.ratio <= 1.0:
            self.reached = self.problem.point(self.scratch)
            self.evaluations += 1
        return trial

    def judge(self, step: Step, second: Stage, share: float) -> Trial | None:
        """The step with its error over the tolerance, its end left in the scratch state; None if above ``share``."""
        parts, left = step.error_parts(second), step.linear.size(step.h)
        error = output_error(step.linear, step.h, parts)
        ratio = error / (self.rtol * left)
        explained_loss = self.here.loss * ((left + error) / step.linear.size(0.0)) ** 2
        if ratio > share:
            return None
        self.problem.add(None, increment(step.linear, step.h, parts, flow=False), self.scratch)
        error = self.problem.distance(self.scratch, None)
        self.problem.add(self.current, step.increment(), self.scratch)
        drift = self.problem.distance(self.scratch, self.start)
        tolerance = min(self.rtol * max(self.drift, drift), self.atol)
        ratio = max(ratio, error / max(tolerance, 1e-300))
        return Trial(step, ratio, drift, explained_loss) if ratio <= share else None

    def accept(self, trial: Trial) -> None:
        """Make the scratch state the current one."""
        h, fall = trial.step.h, max(self.here.loss - self.reached.loss, 0.0)
        length = np.sqrt(self.problem.largest_rate * h * fall)
        self.drift_bound = max(self.drift_bound, trial.drift, 0.5 * (self.drift + trial.drift + length))
        self.t = self.t_end if h >= self.t_end - self.t else self.t + h
        free = self.spare if self.current is self.start else self.current
        self.current, self.scratch = self.scratch, free
        self.loss_before, self.here, self.drift = self.here.loss, self.reached, trial.drift
        self.steps += 1

    def inside(self, step: Step, s: float) -> State:
        """θ(t_k + sh) of the step that was accepted last, written to the scratch state."""
        terms = [(P, a - b) for (P, a), (_, b) in zip(step.increment(s), step.increment(), strict=True)]
        self.problem.add(self.current, terms, self.scratch)
        return self.scratch


def factor(ratio: float) -> float:
    """Change of the step length after an error of ``ratio`` tolerances, which grows with its third power."""
    return max(SLOWER, SAFETY * max(ratio, 1e-9) ** (-1 / 3))


def longest_step(linear: Linearisation, h: float) -> float:
    """At most ``h``, and short enough that φ and the predicted loss stay in their ranges."""
    h = min(h, LONGEST / linear.values[linear.positive][0])
    least = np.sqrt(LARGEST_DECAY) * linear.size(0.0)
    if linear.size(h) >= least:
        return h
    low, high = 0.0, np.log(h * linear.values[-1])  # at h = 1/λ_max the loss falls by less than e²
    for _ in range(20):
        middle = 0.5 * (low + high)
        low, high = (middle, high) if linear.size(np.exp(middle) / linear.values[-1]) >= least else (low, middle)
    return float(np.exp(low) / linear.values[-1])


def in_null_space(linear: Linearisation) -> bool:
    """Whether the residual is, to rounding, in the null space of the tangent kernel."""
    values = linear.values[linear.positive]
    noise = np.maximum(1e-8, 4 * len(linear.values) * UNIT * values[-1] / values)
    return bool((np.abs(linear.residual[linear.positive]) <= noise * np.linalg.norm(linear.residual)).all())
