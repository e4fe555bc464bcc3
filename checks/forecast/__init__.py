"""Whether a network of your own is lazy on data of your own: a forecast before it is trained, and training to compare."""

from checks.forecast.prediction import Forecast, Network, forecast, make_network

__all__ = ["Forecast", "Network", "forecast", "make_network"]
