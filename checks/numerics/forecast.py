"""forecast: what is foretold of a network before it is trained holds wherever the forecast calls itself valid."""

import numpy as np

from checks.claim import Arrays, Case, Claim, Control, Part
from checks.judges import Counts, Frequency
from checks.measurements.forecasts import BANDS, BEYOND, STEPS, VALID, forecasts

SIZES = {
    "quick": {"largest_n": 40, "widths": [64, 256]},
    "standard": {"largest_n": 100, "widths": [64, 256, 1024]},
    "full": {"largest_n": 300, "widths": [64, 256, 1024, 2048]},
}
DRAWS = {"quick": 96, "standard": 192, "full": 384}
OFTEN = 0.25  # largest share of valid forecasts that may be wrong


def drawn(tier: str) -> list[Case]:
    """Networks on rows of five data sets, half of them with columns of mean 0 and deviation 1, half with rows of length 1."""
    return [Case("", SIZES[tier], DRAWS[tier], chunk=8)]


def wrong(found: Arrays, **factors: float) -> Counts:
    """Valid forecasts of which a number is off by more than its factor; a run that did not get there is one."""
    valid = found["valid"].astype(bool)
    right = np.all([(found[key] < most) & (found[key] > 1 / most) for key, most in factors.items()], axis=0)[valid]
    return Counts(int((~right).sum()), int(valid.sum()), OFTEN, int((~valid).sum()))


def rises(found: Arrays, key: str) -> Counts:
    """Networks with a valid forecast whose loss rose."""
    valid = found["valid"].astype(bool)
    return Counts(int((found[key][valid] != 1).sum()), int(valid.sum()), OFTEN, int((~valid).sum()))


CLAIM = Claim(
    paper="numerics",
    name="forecast",
    source="no paper: python -m checks forecast, scored on fresh draws; derivation in docs/theory.md",
    summary="a forecast that calls itself valid foretells drift, layers, kernel change and the stable step",
    statement=(
        "for a network without biases on real data, of any scheme, the forecast from its tangent kernel at the start calls "
        "itself valid where its two paths, linearised and once corrected, have losses within a factor "
        f"{VALID['losses']:g} and a kernel change below {VALID['kernel']:g}. Then, in more than three of four cases, its "
        "drift per neuron is right to a "
        f"factor {BANDS['drift']:g}, the change of the layer that changes most to {BANDS['layer']:g}, the kernel change to "
        f"{BANDS['kernel']:g}, the time to {BANDS['time']:g}, and the first {STEPS} steps of descent, of 0.95 of the "
        "largest stable one, never raise the loss"
    ),
    assumptions=(
        "iris, wine, breast cancer, diabetes, digits; 20 rows and more; NTK, mean field, He, LeCun, Xavier and κ = 4, 16, 64; "
        "relu, tanh, gelu; one and two hidden layers; down to a share of the loss between 0.5 and 0.01; f_0 taken off or not. "
        "Forecasts that do not call themselves valid are counted as excluded"
    ),
    figure="forecast",
    parts=(
        Part(
            letter="a",
            says="share of valid forecasts whose drift per neuron is off by more than a tenth",
            status="measured",
            cases=drawn,
            cell=forecasts,
            read=lambda case, found: wrong(found, drift=BANDS["drift"]),
            judge=Frequency(),
            controls=(
                Control("the forecast of another scheme", read=lambda case, found: wrong(found, other=BANDS["drift"])),
            ),
            why="the linearised path as far as training goes; all the way it overstates the drift",
        ),
        Part(
            letter="b",
            says="share of valid forecasts whose change of the layer that changes most is off by more than a fifth",
            status="measured",
            cases=drawn,
            cell=forecasts,
            cells_of="a",
            read=lambda case, found: wrong(found, layer=BANDS["layer"]),
            judge=Frequency(),
            controls=(Control("all layers change alike", read=lambda case, found: wrong(found, alike=BANDS["layer"])),),
        ),
        Part(
            letter="c",
            says="share of valid forecasts whose kernel change is off by more than a factor of 2",
            status="measured",
            cases=drawn,
            cell=forecasts,
            cells_of="a",
            read=lambda case, found: wrong(found, kernel=BANDS["kernel"]),
            judge=Frequency(),
            controls=(
                Control(
                    "the square of the drift, as if it were of second order",
                    read=lambda case, found: wrong(found, square=BANDS["kernel"]),
                ),
            ),
            why="measured where training has the loss of the forecast",
        ),
        Part(
            letter="d",
            says="share of valid forecasts whose time to the loss is off by more than a factor of 2",
            status="measured",
            cases=drawn,
            cell=forecasts,
            cells_of="a",
            read=lambda case, found: wrong(found, time=BANDS["time"]),
            judge=Frequency(),
            controls=(
                Control(
                    "all modes decay like the fastest", read=lambda case, found: wrong(found, fastest=BANDS["time"])
                ),
            ),
        ),
        Part(
            letter="e",
            says="share of valid forecasts after which the first 30 steps of 0.95 of the largest stable one raise the loss",
            status="measured",
            cases=drawn,
            cell=forecasts,
            cells_of="a",
            read=lambda case, found: rises(found, "stable"),
            judge=Frequency(),
            controls=(
                Control(f"{BEYOND:g} times the largest stable step", read=lambda case, found: rises(found, "beyond")),
            ),
        ),
    ),
)
