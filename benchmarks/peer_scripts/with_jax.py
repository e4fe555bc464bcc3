"""neural-tangents: kernels of infinite width, and Gram matrices of given weights."""

import importlib.machinery
import sys
import types
from functools import partial

# neural-tangents imports tf2jax, needs nothing of it here, and the real one no longer fits this JAX.
stub = sys.modules["tf2jax"] = types.ModuleType("tf2jax")
stub.__spec__ = importlib.machinery.ModuleSpec("tf2jax", None)

import jax
import jax.numpy as jnp
import neural_tangents as nt
from neural_tangents import stax
from serve import serve

jax.config.update("jax_enable_x64", True)

LAYERS = {
    "relu": stax.Relu,
    "leaky_relu": partial(stax.LeakyRelu, 0.01),
    "abs": stax.Abs,
    "erf": stax.Erf,
    "gelu": stax.Gelu,
    "sin": stax.Sin,
    "cos": stax.Cos,
}


def limit(request, arrays):
    """(ntk, nngp) of a plain network, weights of unit variance."""
    X = jnp.asarray(arrays["X"])
    widths = [stax.Dense(1, W_std=float(X.shape[1]) ** 0.5, b_std=0.0)]
    for _ in range(request["hidden_layers"]):
        widths += [LAYERS[request["activation"]](), stax.Dense(1, W_std=1.0, b_std=0.0)]
    kernel = jax.jit(lambda X: tuple(stax.serial(*widths)[2](X, None, ("ntk", "nngp"))))
    return lambda: jax.block_until_ready(kernel(X))


def gram(request, arrays):
    """Tangent kernel of f = a·x^L/m with x^l = relu(W^l x^{l−1}/√m)."""
    X = jnp.asarray(arrays["X"])
    weights = [jnp.asarray(arrays[f"W{l}"]) for l in range(1, request["hidden_layers"] + 1)]

    def network(params, X):
        *weights, a = params
        x = X
        for l, W in enumerate(weights):
            x = jax.nn.relu(x @ W.T / (1.0 if l == 0 else len(W) ** 0.5))
        return (x @ a / len(a))[:, None]

    kernel = jax.jit(nt.empirical_ntk_fn(network, vmap_axes=0))  # by Jacobian contraction, its default
    params = [*weights, jnp.asarray(arrays["a"])]
    return lambda: jax.block_until_ready(kernel(X, None, params))


serve({"limit": limit, "gram": gram})
