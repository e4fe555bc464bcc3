"""diffrax: gradient flow of a network with one hidden layer, explicit and implicit."""

import diffrax
import jax
import jax.numpy as jnp
from serve import serve

jax.config.update("jax_enable_x64", True)


def flow(request, arrays):
    """(W^1, a) flattened at the end of the flow of R = mean of (f − y)²/2, f = κ/m a·tanh(W^1 x), and the steps taken."""
    X, y = jnp.asarray(arrays["X"]), jnp.asarray(arrays["y"])
    kappa, t_end, rtol = request["kappa"], request["t_end"], request["rtol"]

    def loss(params):
        W, a = params
        return 0.5 * jnp.mean((kappa / len(a) * jnp.tanh(X @ W.T) @ a - y) ** 2)

    gradient = jax.grad(loss)
    term = diffrax.ODETerm(lambda t, params, args: jax.tree_util.tree_map(jnp.negative, gradient(params)))
    solver = getattr(diffrax, request["method"])()
    control = diffrax.PIDController(rtol=rtol, atol=1e-3 * rtol)

    @jax.jit
    def end(params):
        run = diffrax.diffeqsolve(
            term, solver, 0.0, t_end, None, params, stepsize_controller=control, max_steps=10**7,
            saveat=diffrax.SaveAt(t1=True),
        )  # fmt: skip
        return jnp.concatenate([array[-1].ravel() for array in run.ys])

    params = jnp.asarray(arrays["W1"]), jnp.asarray(arrays["a"])
    return lambda: jax.block_until_ready(end(params))


serve({"flow": flow})
