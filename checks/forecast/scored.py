"""The networks on which the claim numerics/forecast scores forecasts, and what of another network is not among them."""

from checks.forecast.prediction import Network

SCHEMES = ("ntk", "mean-field", "he", "lecun", "xavier", 4.0, 16.0, 64.0)  # numbers are κ
ACTIVATIONS, DEPTHS, LEAST_ROWS, LEAST_WIDTH, LOSSES = ("relu", "tanh", "gelu"), (1, 2), 20, 64, (0.01, 0.5)
BANDS = {"drift": 1.1, "layer": 1.2, "kernel": 2.0, "time": 2.0}  # factors within which a forecast is to be right


def unscored(network: Network, n: int, loss_ratio: float) -> list[str]:
    """What the claim does not draw of a network, its rows and its loss ratio, in words."""
    scales = [own for own in SCHEMES if isinstance(own, float)]
    named = isinstance(network.scheme, str) and network.scheme in SCHEMES
    own = network.scheme == "kappa" and min(scales) <= network.kappa <= max(scales)
    said = {
        "this σ": network.activation not in ACTIVATIONS,
        f"{network.params.hidden_layers} hidden layers": network.params.hidden_layers not in DEPTHS,
        "this scheme": not (named or own),
        f"a width of {network.params.width}": network.params.width < LEAST_WIDTH,
        f"{n} rows": n < LEAST_ROWS,
        "this loss": not LOSSES[0] * (1 - 1e-9) <= loss_ratio <= LOSSES[1],
    }
    return [name for name, outside in said.items() if outside]
