"""Densities of points."""

import pickle

import numpy as np
import pytest

import ircpm
from conftest import von_mises


def test_von_mises_points_give_their_density(circle):
    angles = np.linspace(0, 2 * np.pi, 200)
    exact = 2.0 * np.cos(angles - 1.0) - np.log(2 * np.pi * np.i0(2.0))
    p = np.exp(exact) * 2 * np.pi / 200
    # Kullback-Leibler divergence of the fit from the density: about one parameter's worth per 2000 points.
    assert 0 <= (p * (exact - circle.log_prob(angles))).sum() < 0.01
    report = circle.report
    assert report["held_out_points"] == 200 and not report["folded"] and abs(report["mass"] - 1) < 1e-6
    entropy = np.log(2 * np.pi * np.i0(2.0)) - 2.0 * 0.697774657964008  # I1(2)/I0(2)
    assert abs(report["held_out_log_likelihood"] + entropy) < 4 * report["held_out_log_likelihood_se"]


def test_sphere_points():
    rng = np.random.default_rng(2)
    points = rng.normal(size=(500, 3)) + [0, 0, 2]
    points /= np.linalg.norm(points, axis=1, keepdims=True)
    flow = ircpm.fit(points, layers=2, samples=2048)
    assert (flow.manifold, flow.dim, flow.coordinates) == ("S2", 2, 3)
    drawn = flow.sample(2000)
    np.testing.assert_allclose(np.linalg.norm(drawn, axis=1), 1, atol=1e-12)
    np.testing.assert_allclose(drawn.mean(0), points.mean(0), atol=0.08)


def test_real_columns_keep_their_units():
    rng = np.random.default_rng(3)
    x = rng.normal(1000.0, 50.0, (800, 1))
    flow = ircpm.fit(x, "R1", samples=2048)
    exact = -0.5 * np.log(2 * np.pi * 50.0**2)
    assert abs(flow.log_prob([[1000.0]])[0] - exact) < 0.2
    at = np.linspace(600, 1400, 4001)
    assert abs(np.exp(flow.log_prob(at)).sum() * 0.2 - 1) < 1e-3
    assert abs(flow.sample(4000).mean() - 1000) < 10


def test_same_seed_gives_the_same_bits_on_one_and_two_threads():
    points, found = von_mises(300, seed=4), []
    before = ircpm.threads()
    for threads in [1, 2]:
        ircpm.set_threads(threads)
        flow = ircpm.fit(points, "T1", seed=5, samples=1024)
        found.append((flow.parameters, flow.sample(200, seed=6)))
    ircpm.set_threads(before)
    for one, two in zip(*found):
        np.testing.assert_array_equal(one, two)


def test_importance_weights_give_the_density_that_they_are_of():
    rng = np.random.default_rng(7)
    points = rng.uniform(0, 2 * np.pi, 2000)
    weights = np.exp(2.0 * np.cos(points - 1.0))
    flow = ircpm.fit(points, "T1", weights=weights, samples=1024)
    angles = np.linspace(0, 2 * np.pi, 200, endpoint=False)
    exact = 2.0 * np.cos(angles - 1.0) - np.log(2 * np.pi * np.i0(2.0))
    p = np.exp(exact) * 2 * np.pi / 200
    assert 0 <= (p * (exact - flow.log_prob(angles))).sum() < 0.03
    equal = [ircpm.fit(points[:200], "T1", samples=1024, **more) for more in ({}, {"weights": [3] * 200})]
    np.testing.assert_array_equal(equal[0].parameters, equal[1].parameters)


@pytest.mark.parametrize(
    "points, options, text",
    [
        ([[0.1], [np.inf]], {}, "point 1, counted from 0, is not on the flow's manifold"),
        ([0.5], {}, "1 points, of which 1 are left to learn from: give at least two"),
        ([0.5] * 20, {}, "no density exists"),
        (von_mises(20), {"layers": 0}, "layers: 0 is not an integer from 1 to 64"),
        (von_mises(20), {"layers": "many"}, 'layers: "many" is neither "auto" nor an integer from 1 to 64'),
        (von_mises(20), {"held_out": 1.0}, "the option held_out is 1: give a share"),
        (von_mises(20), {"samples": 1}, "the option samples is 1"),
        (von_mises(20), {"weights": [1.0] * 19}, r"weights of 20 points have the shape \(20,\), not \(19,\)"),
        (von_mises(20), {"weights": [[1.0] * 20]}, r"not \(1, 20\)"),
        (von_mises(20), {"weights": [1.0] * 19 + [-1.0]}, "weight 19, counted from 0, is -1: give a finite number"),
        (von_mises(20), {"weights": [np.nan] * 20}, "weight 0, counted from 0, is NaN"),
        (von_mises(20), {"weights": [0] * 20}, "all 20 weights are zero"),
        (von_mises(20), {"weights": [0] * 19 + [1]}, "1 points, of which 1 are left to learn from"),
    ],
)
def test_what_makes_no_sense_is_refused(points, options, text):
    with pytest.raises(ircpm.IrcpmError, match=text):
        ircpm.fit(points, "T1", **options)


def test_unknown_manifold():
    with pytest.raises(ircpm.IrcpmError, match="K7"):
        ircpm.fit(von_mises(20), "K7")


def test_progress_and_its_exceptions():
    steps = []
    ircpm.fit(von_mises(200), "T1", samples=1024, progress=steps.append)
    assert [step["step"] for step in steps] == list(range(len(steps))) and steps

    def stop(step):
        raise RuntimeError("enough")

    with pytest.raises(RuntimeError, match="enough"):
        ircpm.fit(von_mises(2000), "T1", samples=1024, progress=stop)


def test_density_given_a_context():
    rng = np.random.default_rng(5)
    context = rng.uniform(size=1000)
    angles = (1 + 2 * context + 0.3 * rng.normal(size=1000)) % (2 * np.pi)
    flow = ircpm.fit(angles, "T1", context=context, samples=8192)
    assert (flow.manifold, flow.context, flow.coordinates) == ("T1", 1, 1)
    for c in (0.1, 0.9):
        grid = (np.arange(400) + 0.5) * 2 * np.pi / 400
        density = np.exp(flow.log_prob(grid, context=c))
        assert density.mean() * 2 * np.pi == pytest.approx(1, abs=1e-6)
        assert grid[density.argmax()] == pytest.approx(1 + 2 * c, abs=0.25)
        points, log_q = flow.sample_and_log_prob(500, seed=1, context=c)
        assert points.shape == (500, 1)
        assert flow.log_prob(points, context=np.full(500, c)) == pytest.approx(log_q, abs=1e-9)
        base, log_det = flow.inverse(points, context=c)
        again, _ = flow.forward(base, context=c)
        assert again == pytest.approx(points, abs=1e-8)
    assert flow.sample(2, context=[[0.1], [0.9]]).shape == (4, 1)
    copy = pickle.loads(pickle.dumps(flow))
    assert np.array_equal(copy.sample(3, context=0.5), flow.sample(3, context=0.5))
    with pytest.raises(ircpm.IrcpmError, match="conditional on 1 numbers"):
        flow.sample(3)
    with pytest.raises(ircpm.IrcpmError, match="rows of context"):
        flow.log_prob([0.1, 0.2, 0.3], context=[0.1, 0.2])
    with pytest.raises(ircpm.IrcpmError, match="rows of context"):
        ircpm.fit(angles, "T1", context=context[:10])
    with pytest.raises(ircpm.IrcpmError, match="not conditional"):
        ircpm.fit(angles, "T1", samples=1024).sample(3, context=0.5)
