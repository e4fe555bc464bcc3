"""Square matrices of weights under training: as at the start, plus a product of low rank that is not multiplied out."""

import numpy as np

LEAST = 256  # rows from which on factors cost less than reading and writing the matrix at every step
SHARE = 2  # they are kept up to a rank of the rows over this: of higher rank they cost more than the matrix
BLOCK = 2**16  # entries in flight when arrays are compared


class UpdatedMatrix:
    """W + UV (m, m) with U (m, r), V (r, m), the first r columns and rows of a memory that the states of a run share.

    What is added to the current state is written behind its own columns and rows, over what an earlier trial left there. Where
    the memory is full the state becomes an array, and all later ones are.
    """

    def __init__(self, start: np.ndarray, memory: list[np.ndarray], rank: int = 0) -> None:
        self.start, self.memory, self.rank, self.shape = start, memory, rank, start.shape
        self.array: np.ndarray | None = None
        self.square: float | None = 0.0  # ‖UV‖², None where it is not known yet
        self.before = (0, 0.0)  # rank and ‖UV‖² of the state to which the last product was added

    @property
    def factors(self) -> tuple[np.ndarray, np.ndarray]:
        """U (m, r) and V (r, m)."""
        return self.memory[0][:, : self.rank], self.memory[1][: self.rank]

    @property
    def T(self) -> "np.ndarray | UpdatedMatrix":
        """The transposed matrix, to be multiplied."""
        if self.array is not None:
            return self.array.T
        U, V = self.memory
        return UpdatedMatrix(self.start.T, [V.T, U.T], self.rank)

    def __matmul__(self, x: np.ndarray) -> np.ndarray:
        if self.array is not None:
            return self.array @ x
        U, V = self.factors
        product = self.start @ x
        product += U @ (V @ x)
        return product

    def __array__(self, dtype: object = None, copy: bool | None = None) -> np.ndarray:
        if self.array is not None:
            return self.array.copy() if copy else self.array
        full = np.matmul(*self.factors)
        full += self.start
        return full

    def any(self) -> bool:
        """Whether an entry is not zero."""
        return bool(np.asarray(self).any())

    def append(self, base: "np.ndarray | UpdatedMatrix", U: np.ndarray, V: np.ndarray) -> bool:
        """Become ``base`` + UV, ``base`` the start or the current state, and say so; False where there is no room."""
        self.square = None
        if getattr(base, "array", None) is not None:
            return False
        rank, square = (base.rank, base.norm_square()) if isinstance(base, UpdatedMatrix) else (0, 0.0)
        end = rank + len(V)
        if end > len(self.memory[1]):
            return False
        self.memory[0][:, rank:end], self.memory[1][rank:end] = U, V
        self.rank, self.array, self.before = end, None, (rank, square)
        return True

    def fill(self) -> np.ndarray:
        """Become an array, for good: the memory of the factors is given back."""
        if self.array is None:
            self.array = np.asarray(self)
            self.memory.clear()
        return self.array

    def blank(self) -> np.ndarray:
        """An array for what this state is to become."""
        self.square = None
        if self.array is None:
            self.array = np.empty(self.shape)
        return self.array

    def norm_square(self) -> float:
        """‖UV‖²: with the last product u v it grows by 2⟨UV, uv⟩ + ‖uv‖²; of arrays by their entries."""
        if self.square is None and self.array is not None:
            self.square = square_distance(self.array, self.start)
        elif self.square is None:
            (U, V), (rank, square) = self.factors, self.before
            products = (U.T @ U[:, rank:]) * (V @ V[rank:].T)
            self.square = max(square + float(2 * products[:rank].sum() + products[rank:].sum()), 0.0)
        return self.square


def updated_matrices(start: np.ndarray) -> tuple[UpdatedMatrix, UpdatedMatrix]:
    """Two states of W = ``start`` (m, m) with one memory; columns of U and rows of V are contiguous."""
    shape = (len(start) // SHARE, len(start))
    memory = [np.empty(shape).T, np.empty(shape)]
    return UpdatedMatrix(start, memory), UpdatedMatrix(start, memory)


def square_distance(array: np.ndarray, base: np.ndarray | None) -> float:
    """‖array − base‖_F², block by block; without ``base`` that of the array."""
    flat, old, total = array.reshape(-1), None if base is None else base.reshape(-1), 0.0
    for start in range(0, flat.size, BLOCK):
        part = flat[start : start + BLOCK]
        if old is not None:
            part = part - old[start : start + BLOCK]
        total += part @ part
    return total
