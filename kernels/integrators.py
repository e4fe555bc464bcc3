"""Adaptive integration of gradient flow: step control, endings, and what is observed on the way.

A step of the scheme in `kernels.exponential_scheme` is accepted if

1. its displacement error is at most the tolerance, relative to ‖θ − θ_0‖;
2. its error in the outputs is at most the tolerance, relative to the residual that the step leaves, and not below what
   rounding does to the outputs. Without this the late steps, which hardly move θ, would decay as the linearised model does,
   whatever the network;
3. the loss does not rise, beyond its own rounding at this point and beyond what the estimated error in the outputs explains;

and no step is tried in which the predicted loss falls more than tenfold. Where the last error was small the step of the
linearised model, one evaluation, is tried first: the lazier the model, the cheaper the flow.

No minimum of the loss is assumed: whether the flow has come to rest is read off the residual w, the gradient in the metric of
the curvature, against the rounding of the outputs.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from scipy.optimize import brentq

from kernels.exponential_scheme import (
    LAST_NODE,
    TINY,
    UNIT,
    Linearisation,
    Point,
    Problem,
    Stage,
    State,
    Step,
    increment,
    length,
    linearise,
    make_vector,
    output_error,
    second_stage,
    third_stage,
)
from kernels.losses import SquareLoss, rounding_loss

LARGEST_DECAY = 0.1  # of the predicted loss in one step
LONGEST = 1e6  # steps are at most this over the least positive eigenvalue
FIRST = 1e-2  # first step, as a share of the longest
LOSS_RISE = 1e-9  # relative, by rounding
SAFETY, SLOWER, FASTER = 0.85, 0.2, 5.0
LINEAR_SHARE = 0.1  # share of the tolerance that a step of the linearised model may use
ESTIMATE, KINKED_ESTIMATE = 3.0, 1.5  # what may be estimated for an error of one tolerance: the solution kept is better
SLOWED = 0.7  # a residual above this share of the last one falls no further
LEAST_RTOL = 1e-14  # tolerances below would ask for more digits than there are
UNSEEN = 1e-8  # change of the gradient, relative to it, that the stages need not have seen
LANDED = 1e-9  # share of a step to which the place of a loss in it is found
NULL = 1e-8  # share of the residual that may be left outside of the null space on a plateau


class Ending(StrEnum):
    """Why an integration ended, as a sentence."""

    TARGET = "target reached: the loss has fallen to the requested ratio"
    TIME = "end of the time interval"
    FLOOR = "rounding floor: what is left of the residual is of the size that rounding causes and falls no further"
    STATIONARY = "stationary point: the gradient vanishes"
    PLATEAU = "plateau: the residual lies in the null space of the tangent kernel, to the rounding of the kernel"
    OVERFLOW = "overflow: outputs, loss or tangent kernel are not finite"
    CAP = "evaluation cap: the largest allowed number of evaluations is used up"
    UNDERFLOW = "underflow: the tangent kernel is below the smallest numbers, though the gradient does not vanish"
    STALLED = "stalled: the step fell below the rounding of the time"


RESTING = (Ending.FLOOR, Ending.STATIONARY)
"""Endings after which the state stays as it is, to rounding, for all later times."""


@dataclass(frozen=True)
class Outcome:
    """End of an integration: why, when and where; evaluations, steps, rejected steps; a bound on sup_t ‖θ_t − θ_0‖.

    ``unresolved`` is the largest residual on the way in directions that the rounding of the tangent kernel hides, as a share
    of that at the start; ``motion`` a bound on the displacement there, which is not followed; ``drift`` ‖θ_t − θ_0‖;
    ``step_error`` the least ``atol`` that every step has kept to.
    """

    ending: Ending
    time: float
    theta: State
    evaluations: int
    steps: int
    rejected: int
    drift_bound: float
    drift: float
    unresolved: float
    motion: float
    rtol: float
    step_error: float

    @property
    def status(self) -> str:
        """The ending, and whether a part of the residual is not resolved that may move θ by more than the tolerance."""
        if self.motion <= self.rtol * self.drift or self.ending is Ending.PLATEAU:
            return self.ending
        return (
            f"{self.ending}; {self.unresolved:.2g} of the residual is not resolved, as the rounding of the tangent kernel "
            "hides its directions: no tolerance holds for the displacement there"
        )


Observe = Callable[[float, State, Point | None], None]
"""Called with a time, the state there (to be read at once, not kept), and its point if that is known already."""

Callback = Callable[[float, float, int], object]
"""Called with the time, the loss and the evaluations so far."""


def integrate(
    problem: Problem,
    start: State,
    observe: Observe,
    *,
    t_end: float | None = None,
    loss_ratio: float | None = None,
    land: bool = False,
    times: Sequence[float] | None = None,
    rtol: float,
    atol: float | None = None,
    max_evaluations: int,
    callback: Callback | None = None,
) -> Outcome:
    """Follow θ' = −S∇R(f(θ)) from ``start`` until one of the endings; nothing is checked.

    Parameters
    ----------
    problem : the model, see `Problem`.
    start : θ_0, which is only read. Two more states are allocated.
    observe : called at every accepted step, t = 0 included, or at ``times`` alone, inside steps by the continuous
        extension.
    t_end : end of the interval; None for none.
    loss_ratio : R(θ_t)/R(θ_0) at which to stop; None for none. ``land``: stop inside the last step, where the continuous
        extension has this loss, and observe that time too; else at the end of the step.
    times : increasing, not negative, at most ``t_end``. After a rounding floor or a stationary point the remaining ones
        are observed too, in the final state.
    rtol : aim for the displacement error relative to ‖θ_t − θ_0‖, and for the error in the residual.
    atol : displacement error of a step that is not exceeded either; None for none. For small differences between two
        flows, which a relative tolerance does not see.
    max_evaluations : of points; the integration ends rather than exceed it, but for the dozen that ``land`` may take.
    callback : called at the start and after every accepted step.

    Notes
    -----
    ``drift_bound`` is max_k ½(D_k + D_{k+1} + √(r h_k(R_k − R_{k+1}))) over the steps, and at least D_k, D_k = ‖θ_k −
    θ_0‖, r the largest rate. A path from θ_k to θ_{k+1} has length ∫|θ'| ≤ √(h ∫|θ'|²) ≤ √(r h (R_k − R_{k+1})) because
    R' = −θ'ᵀS⁻¹θ', and no point of it is further from θ_0 than half of D_k + D_{k+1} + length.
    """
    with np.errstate(over="ignore", invalid="ignore", divide="ignore"):  # an overflow becomes an ending
        run = Integration(problem, start, t_end, loss_ratio, rtol, atol, max_evaluations)
        return run.follow(observe, times, callback, land)


@dataclass(slots=True, eq=False)
class Trial:
    """A step that leads from the current state to the scratch state: its error over the tolerance, the distance it reaches, the
    rise of the loss that it explains, and its displacement error over the share of ``atol`` that it may have.
    """

    step: Step
    ratio: float
    drift: float
    explained_rise: float
    error: float


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
        self.scratch, self.spare = problem.rooms(start)
        self.here = problem.point(start)
        self.t_end, self.max_evaluations = np.inf if t_end is None else t_end, max_evaluations
        self.target = -np.inf if loss_ratio is None else loss_ratio * self.here.loss
        self.estimate = KINKED_ESTIMATE if problem.kinked else ESTIMATE
        self.asked, self.rtol, self.atol = rtol, self.estimate * rtol, np.inf if atol is None else self.estimate * atol
        self.t, self.h, self.drift, self.drift_bound = 0.0, np.inf, 0.0, 0.0
        self.ratio = 0.0  # error of the last step over the tolerance
        self.evaluations, self.steps, self.rejected = 1, 0, 0
        self.left_before, self.noise = np.inf, 0.0  # resolved residual before the last step, rounding of the residual
        self.scale, self.unresolved, self.motion, self.error = 0.0, 0.0, 0.0, 0.0

    def follow(
        self, observe: Observe, times: Sequence[float] | None, callback: Callback | None = None, land: bool = False
    ) -> Outcome:
        """Step until the end, and observe."""
        report = callback or (lambda *_: None)
        report(0.0, self.here.loss, self.evaluations)
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
            landing = self.crossing(step) if land and self.here.loss < self.target else None
            stop = self.t if landing is None else before + landing * step.h
            while waiting and waiting[0] < stop:
                s = (waiting[0] - before) / step.h
                observe(waiting.pop(0), self.inside(step, s), None)
            if landing is not None:
                self.retreat(step, landing, stop)
            report(self.t, self.here.loss, self.evaluations)
            if landing is not None or times is None or (waiting and waiting[0] == self.t):
                observe(self.t, self.current, self.here)
                waiting = waiting[1:]
            del found, step, linear  # they hold the factors of two points
        if found in RESTING and np.isfinite(self.t_end) and self.t < self.t_end:
            self.t = self.t_end
            for when in [self.t] if times is None else waiting:
                observe(when, self.current, self.here)
        return Outcome(
            found,
            self.t,
            self.current,
            self.evaluations,
            self.steps,
            self.rejected,
            float(self.drift_bound),
            float(self.drift),
            self.unresolved,
            self.motion,
            self.asked,
            float(self.error / self.estimate),
        )

    def ending(self, linear: Linearisation | None) -> Ending | None:
        """Whether the integration is over before the next step is tried."""
        if linear is None:
            return Ending.OVERFLOW
        self.scale = max(self.scale, linear.size(0.0))
        if linear.hidden > 0.0:
            self.unresolved = max(self.unresolved, linear.hidden / self.scale)
        if self.here.loss <= self.target:
            return Ending.TARGET
        if self.t >= self.t_end:
            return Ending.TIME
        if not (linear.left * linear.resolved_values).any():
            self.problem.add(None, [(self.here, self.here.gradient)], self.scratch)
            if not any(array.any() for array in self.scratch):
                return Ending.STATIONARY
            if linear.push is None and linear.values[-1] <= TINY:
                return Ending.UNDERFLOW
        left, self.noise = linear.left, self.output_noise()
        size = length(left)
        slowed = self.steps > 0 and size >= SLOWED * self.left_before
        self.left_before = size
        if linear.push is not None:
            return None
        rest = float(np.hypot(linear.hidden, linear.outside))
        if slowed and linear.hidden <= self.noise and (np.abs(left) <= self.noise + linear.leak * rest).all():
            return Ending.FLOOR
        if self.t_end == np.inf and rest > self.noise:
            least = self.noise + np.maximum(NULL, linear.leak) * linear.size(0.0)
            if (np.abs(left) <= least).all():
                ahead = float(np.linalg.norm(left / np.sqrt(linear.resolved_values)))
                if slowed or ahead <= self.rtol * self.drift:
                    return Ending.PLATEAU
        return None

    def output_noise(self) -> float:
        """‖H^½δ‖, what rounding of the outputs by δ does to the residual w."""
        self.sizes = self.problem.rounding(self.current, self.here)
        return length(np.sqrt(np.maximum(self.here.curvature, 0.0)) * self.sizes)

    def advance(self, linear: Linearisation) -> Trial | Ending:
        """Try steps until one passes; its state is the scratch state, its point `reached`."""
        if self.h == np.inf:
            self.h = first_step(self.problem, linear)
        growth = FASTER
        while self.evaluations + 3 <= self.max_evaluations:
            h = self.fitted(longest_step(linear, self.h))
            if not self.t < self.t + h < np.inf:
                return Ending.STALLED
            trial = self.attempt(linear, h)
            self.ratio = np.inf
            if trial is not None:
                self.ratio = trial.ratio
                if self.ratio <= 1.0:
                    if self.falls(trial):
                        self.h = h * min(growth, factor(self.ratio))
                        return trial
                    self.ratio = np.inf
            self.h, growth = h * min(SAFETY, factor(self.ratio)), 1.0
            self.rejected += 1
        return Ending.CAP

    def falls(self, trial: Trial) -> bool:
        """Whether the loss does not rise, as far as it can be told."""
        rise, loss = self.reached.loss - self.here.loss, self.problem.loss
        if rise <= max(LOSS_RISE * abs(self.here.loss), trial.explained_rise):
            return True
        return bool(rise <= rounding_loss(loss, self.here.outputs, self.problem.rounding(self.current, self.here)))

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
        if trial is not None and trial.ratio <= 1.0:
            self.reached = self.problem.point(self.scratch)
            self.evaluations += 1
            ratio, error = self.surprise(trial)
            trial.ratio, trial.error = max(trial.ratio, ratio), max(trial.error, error)
        return trial

    def surprise(self, trial: Trial) -> tuple[float, float]:
        """Error over the tolerance, and displacement error, of what the gradient at the end of a step has that no stage has
        seen; 0 if there is none.

        With b(f) = ∇R(f) − g_k − H(f − f_k), which is 0 for quadratic losses, quadratic in the step for smooth ones and a jump
        where the step ran out of a saturated region, the vector (h/8)φ2(hL)S J_kᵀ(b(f_{k+1}) − (9/4)b(f₃)), a quadrature error.
        """
        if isinstance(self.problem.loss, SquareLoss):  # b is its rounding
            return 0.0, 0.0
        step, here, last = trial.step, self.here, trial.step.last.point
        bent = [P.gradient - here.gradient - here.curvature * (P.outputs - here.outputs) for P in (self.reached, last)]
        missed = bent[0] - bent[1] / LAST_NODE**2
        rounding = 16 * here.curvature * self.sizes
        scale = np.abs(here.gradient) + np.abs(self.reached.gradient) + np.abs(last.gradient)
        if (np.abs(missed) <= UNSEEN * scale + rounding).all():
            return 0.0, 0.0
        stage = Stage(here, 1.0, make_vector(self.problem, step.linear, [(here, missed)]))
        ratio, _ = self.errors(step, [(step.h / 8, stage)])
        error = self.problem.norm(increment(step.linear, step.h, [(step.h / 8, stage)], flow=False))
        return max(ratio, over(error, self.tolerance(trial.drift))), error

    def errors(self, step: Step, parts: list[tuple[float, Stage]]) -> tuple[float, float]:
        """The error of the outputs over its tolerance, and the rise of the loss that it explains."""
        error, left = output_error(step.linear, step.h, parts), step.linear.size(step.h)
        explained = error * (left + 0.5 * error) - step.linear.fall(step.h)
        return over(error, self.rtol * left + self.noise), explained

    def tolerance(self, drift: float) -> float:
        """Of the displacement error of a step that ends at the distance ``drift``."""
        return min(self.rtol * max(self.drift, drift), self.atol)

    def judge(self, step: Step, second: Stage, share: float) -> Trial | None:
        """The step with its error over the tolerance, its end left in the scratch state; None if above ``share``, or NaN."""
        parts = step.error_parts(second)
        ratio, explained_rise = self.errors(step, parts)
        if not ratio <= share:
            return None
        error = self.problem.norm(increment(step.linear, step.h, parts, flow=False))
        if step.last is not None:  # else the second stage, which is there already, is the end of the step
            self.problem.add(self.current, step.increment(), self.scratch)
        drift = self.problem.distance(self.scratch, self.start)
        other = over(error, self.tolerance(drift))
        return (
            Trial(step, max(ratio, other), drift, explained_rise, error / min(share, 1.0)) if other <= share else None
        )

    def accept(self, trial: Trial) -> None:
        """Make the scratch state the current one."""
        h, fall = trial.step.h, max(self.here.loss - self.reached.loss, 0.0)
        fall += 4 * UNIT * (abs(self.here.loss) + abs(self.reached.loss))  # what their difference may have lost
        path = np.sqrt(self.problem.largest_rate * h * fall)
        self.drift_bound = max(self.drift_bound, trial.drift, 0.5 * (self.drift + trial.drift + path))
        self.t = self.t_end if h >= self.t_end - self.t else self.t + h
        free = self.spare if self.current is self.start else self.current
        self.current, self.scratch = self.scratch, free
        linear, hidden = trial.step.linear, trial.step.linear.hidden
        if hidden > 0.0:  # eigenvalues below the least resolved one move θ by at most their root times the residual
            self.motion += h * float(np.sqrt(linear.spectrum.resolution * linear.values[-1])) * hidden
        self.here, self.drift, self.error = self.reached, trial.drift, max(self.error, trial.error)
        self.steps += 1

    def crossing(self, step: Step) -> float:
        """s at which the continuous extension of the step that was accepted last has the target's loss."""
        ends = {0.0: step.linear.here.loss, 1.0: self.here.loss}

        def excess(s: float) -> float:
            if s not in ends:
                ends[s] = self.problem.point(self.inside(step, s)).loss
                self.evaluations += 1
            return float(np.log(max(ends[s] / self.target, TINY)))

        return float(brentq(excess, 0.0, 1.0, xtol=LANDED, rtol=LANDED))

    def retreat(self, step: Step, s: float, t: float) -> None:
        """Make the state at ``t``, a share s of the step that was accepted last, the current one, and its loss the target."""
        self.inside(step, s)
        self.current, self.scratch = self.scratch, self.current
        self.here, self.t = self.problem.point(self.current), t
        self.evaluations += 1
        self.drift = self.problem.distance(self.current, self.start)
        self.target = self.here.loss

    def inside(self, step: Step, s: float) -> State:
        """θ(t_k + sh) of the step that was accepted last, written to the scratch state."""
        terms = [(P, a - b) for (P, a), (_, b) in zip(step.increment(s), step.increment(), strict=True)]
        self.problem.add(self.current, terms, self.scratch)
        return self.scratch


def factor(ratio: float) -> float:
    """Change of the step length after an error of ``ratio`` tolerances, which grows with its third power."""
    return max(SLOWER, SAFETY * max(ratio, 1e-9) ** (-1 / 3))


def over(error: float, tolerance: float) -> float:
    """error/tolerance, 0 for no error whatever the tolerance; NaN stays NaN."""
    if error == 0.0:
        return 0.0
    return error / tolerance if tolerance > 0.0 else np.inf * error


def first_step(problem: Problem, linear: Linearisation) -> float:
    """A share of the longest step, or where nothing is curved of the time in which outputs change by their own size."""
    if len(linear.resolved_values):
        return FIRST * longest_step(linear, np.inf)
    here = linear.here
    speed = float(np.linalg.norm(problem.gram(here, here) @ here.gradient))
    return FIRST * (1.0 + float(np.linalg.norm(here.outputs))) / max(speed, TINY)


def longest_step(linear: Linearisation, h: float) -> float:
    """At most ``h``, and short enough that φ and the predicted loss stay in their ranges."""
    if not len(linear.resolved_values):
        return h
    h = min(h, LONGEST / linear.resolved_values[0])
    least = np.sqrt(LARGEST_DECAY) * linear.size(0.0)
    return h if linear.size(h) >= least else linear.longest(h, least)
