"""Normalising flows on curved spaces with exact likelihoods (implicit Riemannian concave potential maps).

`fit` makes a flow from points, `train` from an energy, `load` from a file; a `Flow` draws samples and tells densities.
Points are rows of numpy arrays of shape (n, coordinates): angles in radians, unit vectors, real numbers, the factors of
the manifold one after the other. Densities are with respect to the Riemannian volume, their logarithms in nats.

>>> import ircpm
>>> flow = ircpm.train("torus-unimodal", samples=4096)
>>> flow.sample(1000).shape
(1000, 2)
"""

from ircpm._ircpm import (
    ConvergenceWarning,
    DensityWarning,
    Flow,
    IrcpmError,
    __version__,
    fit,
    load,
    set_threads,
    targets,
    threads,
    train,
)

__all__ = [
    "ConvergenceWarning",
    "DensityWarning",
    "Flow",
    "IrcpmError",
    "__version__",
    "fit",
    "load",
    "set_threads",
    "targets",
    "threads",
    "train",
]
