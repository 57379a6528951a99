"""Draws of a flow in ArviZ's format."""

import numpy as np


def inference_data(flow, n, seed, chains):
    """The draws of `Flow.to_arviz`."""
    try:
        import arviz
    except ImportError as error:
        raise ImportError("Flow.to_arviz needs ArviZ: install it by `pip install arviz`") from error
    if chains < 1:
        from ircpm import IrcpmError

        raise IrcpmError(f"{chains} chains: give at least 1")
    points, log_prob = flow.sample_and_log_prob(n * chains, seed)
    posterior = {"x": points.reshape(chains, n, flow.coordinates)}
    sample_stats = {"lp": log_prob.reshape(chains, n)}
    dims = {"x": ["coordinate"]}
    coords = {"coordinate": np.arange(flow.coordinates)}
    if int(arviz.__version__.split(".")[0]) >= 1:
        groups = {"posterior": posterior, "sample_stats": sample_stats}
        return arviz.from_dict(groups, coords=coords, dims=dims)
    return arviz.from_dict(posterior=posterior, sample_stats=sample_stats, coords=coords, dims=dims)
