"""torch.func: the Gram matrix of given weights from the gradient of every output."""

import torch
from serve import serve


def gram(request, arrays):
    """Tangent kernel of f = a·x^L/m with x^l = relu(W^l x^{l−1}/√m)."""
    tensors = {name: torch.from_numpy(array) for name, array in arrays.items()}
    X, a = tensors.pop("X"), tensors["a"]

    def network(params, x):
        for l in range(1, request["hidden_layers"] + 1):
            x = torch.relu(params[f"W{l}"] @ x / (1.0 if l == 1 else len(a) ** 0.5))
        return params["a"] @ x / len(a)

    def kernel():
        gradients = torch.func.vmap(torch.func.grad(network), (None, 0))(tensors, X)
        blocks = (g.reshape(len(X), -1) for g in gradients.values())
        return sum(g @ g.T for g in blocks).numpy()

    return kernel


serve({"gram": gram})
