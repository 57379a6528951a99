from os import PathLike
from typing import Any, Callable, Dict, List, Literal, Mapping, Optional, Sequence, Tuple, Union, final

from numpy import float64
from numpy.typing import ArrayLike, NDArray

__all__ = [
    "__version__",
    "IrcpmError",
    "ConvergenceWarning",
    "DensityWarning",
    "Flow",
    "fit",
    "train",
    "load",
    "targets",
    "set_threads",
    "threads",
]

__version__: str

_Array = NDArray[float64]
_Energy = Callable[[_Array], Union[ArrayLike, Tuple[ArrayLike, ArrayLike]]]
_Progress = Callable[[Dict[str, Any]], object]

class IrcpmError(ValueError): ...
class ConvergenceWarning(UserWarning): ...
class DensityWarning(UserWarning): ...

@final
class Flow:
    @property
    def manifold(self) -> str: ...
    @property
    def dim(self) -> int: ...
    @property
    def coordinates(self) -> int: ...
    @property
    def layers(self) -> int: ...
    @property
    def parameters(self) -> _Array: ...
    @property
    def report(self) -> Optional[Dict[str, Any]]: ...
    @property
    def context(self) -> int: ...
    def sample(self, n: int, seed: int = 0, *, context: Optional[ArrayLike] = None) -> _Array: ...
    def sample_and_log_prob(
        self, n: int, seed: int = 0, *, context: Optional[ArrayLike] = None
    ) -> Tuple[_Array, _Array]: ...
    def log_prob(self, points: ArrayLike, /, *, context: Optional[ArrayLike] = None) -> _Array: ...
    def forward(
        self, base_points: ArrayLike, /, *, context: Optional[ArrayLike] = None
    ) -> Tuple[_Array, _Array]: ...
    def inverse(self, points: ArrayLike, /, *, context: Optional[ArrayLike] = None) -> Tuple[_Array, _Array]: ...
    def save(self, path: Union[str, PathLike[str]], /) -> None: ...
    def to_arviz(self, n: int = 4000, seed: int = 0, chains: int = 1) -> Any: ...

def fit(
    points: ArrayLike,
    manifold: str = "S2",
    *,
    context: Optional[ArrayLike] = None,
    weights: Optional[ArrayLike] = None,
    layers: Union[Literal["auto"], int] = "auto",
    held_out: float = 0.1,
    seed: int = 0,
    samples: int = 65536,
    progress: Optional[_Progress] = None,
) -> Flow: ...
def train(
    energy: Union[str, _Energy],
    manifold: Optional[str] = None,
    *,
    parameters: Optional[Mapping[str, Any]] = None,
    beta: float = 1.0,
    log_z: Optional[float] = None,
    goal: float = 1e-6,
    steps: Optional[int] = None,
    seed: int = 0,
    hidden: Sequence[int] = (16, 16),
    layers: Union[Literal["auto"], int] = "auto",
    features: Union[str, Dict[str, Any], None] = None,
    symmetry: Union[str, Sequence[str], None] = None,
    output_scale: float = 1.0,
    optimiser: Literal["auto", "levenberg-marquardt", "lbfgs", "adam"] = "auto",
    points: Optional[int] = None,
    learning_rate: float = 5e-3,
    samples: int = 65536,
    progress: Optional[_Progress] = None,
) -> Flow: ...
def load(path: Union[str, PathLike[str]], /) -> Flow: ...
def targets() -> List[str]: ...
def set_threads(n: int, /) -> None: ...
def threads() -> int: ...
