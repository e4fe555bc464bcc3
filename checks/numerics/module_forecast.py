"""module-forecast: what is foretold of a module of PyTorch holds wherever the forecast calls itself valid."""

from checks.claim import Case, Claim, Control, Part
from checks.judges import Frequency
from checks.measurements.forecasts import BANDS, VALID, module_forecasts
from checks.numerics.forecast import wrong

SETS = ["iris", "wine", "breast_cancer", "diabetes"]
WIDTHS = [64, 128, 256]
SIZES = {
    "quick": {"sets": SETS, "largest_n": 24, "widths": WIDTHS},
    "standard": {"sets": [*SETS, "digits"], "largest_n": 30, "widths": WIDTHS},
    "full": {"sets": [*SETS, "digits"], "largest_n": 40, "widths": WIDTHS},
}
DRAWS = {"quick": 256, "standard": 256, "full": 512}  # a fifth of them valid


def drawn(tier: str) -> list[Case]:
    """Modules as PyTorch starts them, on rows of several data sets."""
    return [Case("", SIZES[tier], DRAWS[tier], chunk=16)]


CLAIM = Claim(
    paper="numerics",
    name="module-forecast",
    source="no paper: python -m checks forecast --module, scored on fresh draws; derivation in docs/theory.md",
    summary="a forecast of a module that calls itself valid foretells drift, layers, kernel change and time",
    statement=(
        "for a dense module of PyTorch, with biases and one output or one a class, in the state in which PyTorch makes it, the "
        f"forecast calls itself valid where its two paths have losses within a factor {VALID['losses']:g} and a kernel change "
        f"below {VALID['kernel']:g}. Then, in more than three of four cases, its drift is right to a factor "
        f"{BANDS['drift']:g} and the change of the layer that changes most to {BANDS['layer']:g}, the kernel change to "
        f"{BANDS['kernel']:g}, the time to {BANDS['time']:g}"
    ),
    assumptions=(
        "data, losses and bands of forecast, digits from the standard tier on; relu, tanh, gelu; one and two hidden layers; "
        "forecasts that do not call themselves valid are counted as excluded"
    ),
    figure="",
    parts=(
        Part(
            letter="a",
            says="share of valid forecasts whose drift is off by more than a tenth, or the layer that changes most by a fifth",
            status="measured",
            cases=drawn,
            cell=module_forecasts,
            read=lambda case, found: wrong(found, drift=BANDS["drift"], layer=BANDS["layer"]),
            judge=Frequency(),
            controls=(
                Control("the forecast of another start", read=lambda case, found: wrong(found, other=BANDS["drift"])),
                Control("all layers change alike", read=lambda case, found: wrong(found, alike=BANDS["layer"])),
            ),
            needs=("torch",),
        ),
        Part(
            letter="b",
            says="share of valid forecasts whose kernel change is off by more than a factor of 2",
            status="measured",
            cases=drawn,
            cell=module_forecasts,
            cells_of="a",
            read=lambda case, found: wrong(found, kernel=BANDS["kernel"]),
            judge=Frequency(),
            controls=(
                Control("the square of the drift", read=lambda case, found: wrong(found, square=BANDS["kernel"])),
            ),
            needs=("torch",),
        ),
        Part(
            letter="c",
            says="share of valid forecasts whose time to the loss is off by more than a factor of 2",
            status="measured",
            cases=drawn,
            cell=module_forecasts,
            cells_of="a",
            read=lambda case, found: wrong(found, time=BANDS["time"]),
            judge=Frequency(),
            controls=(
                Control(
                    "all modes decay like the fastest", read=lambda case, found: wrong(found, fastest=BANDS["time"])
                ),
            ),
            needs=("torch",),
        ),
    ),
)
