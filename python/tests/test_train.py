"""Densities of energies: names of targets, and Python functions."""

import signal
import threading
import time

import numpy as np
import pytest

import ircpm


def coupled(points):
    """-cos(a - b) - cos(a)/2: without a gradient."""
    a, b = points.T
    return -np.cos(a - b) - 0.5 * np.cos(a)


def well(points):
    """A quadratic well on R2 with its gradient: a normal density of variance 1/4 about (1, 0)."""
    shifted = points - [1.0, 0.0]
    return 2.0 * (shifted**2).sum(1), 4.0 * shifted


def test_targets_are_listed():
    assert "torus-unimodal" in ircpm.targets() and len(ircpm.targets()) >= 15


def test_function_on_the_torus():
    seen = []

    def energy(points):
        seen.append((points.shape[1], points.dtype, points.flags.c_contiguous))
        return coupled(points)

    flow = ircpm.train(energy, "T2", goal=1e-4, samples=8192, seed=1)
    assert set(seen) == {(2, np.dtype(np.float64), True)}
    report = flow.report
    assert report["target"] == "energy" and report["ess"] > 0.999 and report["optimiser"] == "levenberg-marquardt"
    # The integral over b is 2 pi I0(1), whatever a is, and that over a is 2 pi I0(1/2).
    exact = np.log((2 * np.pi) ** 2 * np.i0(1.0) * np.i0(0.5))
    assert abs(report["log_z"] - exact) < 4 * report["log_z_se"] + 1e-6
    again = ircpm.train(coupled, "T2", goal=1e-4, samples=8192, seed=1)
    np.testing.assert_array_equal(again.parameters, flow.parameters)


def test_text_is_the_function_that_it_describes():
    text = "-cos(theta1 - theta2 - shift[1]) - h * cos(theta1)"
    parameters = {"shift": np.array([0.0]), "h": 0.5}
    flow = ircpm.train(text, "T2", parameters=parameters, goal=1e-4, samples=8192, seed=1)
    function = ircpm.train(coupled, "T2", goal=1e-4, samples=8192, seed=1)
    points = np.random.default_rng(0).uniform(0, 2 * np.pi, (50, 2))
    np.testing.assert_allclose(flow.log_prob(points), function.log_prob(points), atol=1e-6)


def test_beta_and_layers_and_hidden():
    with pytest.warns(ircpm.ConvergenceWarning, match="coupled on T2: UNFINISHED; see flow.report"):
        flow = ircpm.train(coupled, "T2", beta=0.5, layers=2, hidden=(4,), steps=20, samples=2048)
    assert flow.layers == 2 and flow.report["beta"] == 0.5
    exact = np.log((2 * np.pi) ** 2 * np.i0(0.5) * np.i0(0.25))
    assert abs(flow.report["log_z"] - exact) < 4 * flow.report["log_z_se"] + 1e-3


def test_function_with_gradients_on_the_plane():
    flow = ircpm.train(well, "R2", steps=300, learning_rate=0.02, samples=2048)
    assert flow.report["optimiser"] == "adam" and flow.report["ess"] > 0.9
    np.testing.assert_allclose(flow.sample(4000).mean(0), [1.0, 0.0], atol=0.1)


def test_missing_gradients_are_named():
    with pytest.raises(ircpm.IrcpmError, match=r"`coupled` returns no gradients, which Adam and L-BFGS need"):
        ircpm.train(coupled, "T2", optimiser="adam", samples=1024)
    with pytest.raises(ircpm.IrcpmError, match="returns no gradients"):
        ircpm.train(lambda points: (points**2).sum(1), "R2", samples=1024)


def test_exceptions_of_the_function_are_raised_as_they_are():
    class OwnError(Exception):
        pass

    def energy(points):
        raise OwnError("of my own")

    with pytest.raises(OwnError, match="of my own"):
        ircpm.train(energy, "T2", samples=1024)


@pytest.mark.parametrize(
    "returned, text",
    [
        (lambda p: np.zeros(len(p) + 1), r"returned an array of shape \(\d+,\) for points of shape \(\d+, 2\)"),
        (lambda p: np.zeros((len(p), 1)), r"returned an array of shape \(\d+, 1\)"),
        (lambda p: 1.0, r"returned an array of shape \(1,\)"),
        (lambda p: None, "must hold real numbers, not dtype object"),
        (lambda p: np.zeros(len(p), complex), "not dtype complex128"),
        (lambda p: (np.zeros(len(p)),) * 3, "returned a tuple of 3"),
        (lambda p: np.full(len(p), np.nan), r"the energy is NaN at the point \["),
    ],
)
def test_wrong_values_of_the_function_are_refused(returned, text):
    with pytest.raises(ircpm.IrcpmError, match=text):
        ircpm.train(returned, "T2", samples=1024)


def test_wrong_gradients_are_refused():
    with pytest.raises(ircpm.IrcpmError, match=r"returned gradients of shape \(\d+,\)"):
        ircpm.train(lambda p: (p[:, 0], p[:, 0]), "R2", samples=1024)


@pytest.mark.parametrize(
    "energy, options, text",
    [
        ("torus-unimodel", {}, r'no target is called "torus-unimodel" \(did you mean "torus-unimodal"\?\)'),
        ("cos(theta1)", {}, "if it is an energy, give the manifold that it lives on"),
        ("cos(theta3)", {"manifold": "T2"}, "theta3"),
        ("cos(theta1) * a", {"manifold": "T2", "parameters": {"a": 1.0, "b": 2.0}}, "b"),
        ("cos(theta1) * a", {"manifold": "T2", "parameters": {"a": "one"}}, "parameters: .*a number, or a list"),
        ("torus-unimodal", {"parameters": {"a": 1.0}}, "has no parameters: leave them out"),
        ("torus-unimodal", {"manifold": "S2"}, "the target torus-unimodal lives on T2, not on S2"),
        (coupled, {}, "give the manifold that the energy lives on"),
        (coupled, {"manifold": "T9"}, "kernels are compiled for dimensions 1 to 8"),
        (coupled, {"manifold": "T2", "beta": -1.0}, "the option beta is -1"),
        (coupled, {"manifold": "T2", "log_z": float("nan")}, "log_z is NaN: give a finite number"),
        ("torus-unimodal", {"log_z": 1.0}, "log_z of the target torus-unimodal is known already"),
        (coupled, {"manifold": "T2", "hidden": [4096] * 16}, "parameters, at most 16777216 fit"),
        (coupled, {"manifold": "T2", "hidden": ()}, "hidden: 0 hidden layers: give the widths of 1 to 16"),
        (coupled, {"manifold": "T2", "hidden": [0]}, "hidden: 0 is not an integer from 1 to 4096"),
        (coupled, {"manifold": "T2", "features": {"waves": 1}}, "features: unknown variant `waves`"),
        (coupled, {"manifold": "T2", "symmetry": "inversions"}, "symmetry: unknown symmetry `inversions`"),
        (coupled, {"manifold": "T2", "symmetry": ["Oh"]}, "the symmetry `Oh` does not fit T2: .*three coordinates"),
        (coupled, {"manifold": "T2", "symmetry": "turns(1/3, 0)"}, "does not have the symmetry `turns"),
        (coupled, {"manifold": "T2", "optimiser": "adamant"}, "no optimiser is called `adamant`; choose auto"),
        (well, {"manifold": "R2", "optimiser": "levenberg-marquardt"}, "the manifold has infinite volume"),
    ],
)
def test_what_makes_no_sense_is_refused(energy, options, text):
    with pytest.raises(ircpm.IrcpmError, match=text):
        ircpm.train(energy, samples=1024, **options)


def test_exact_log_z_is_reported():
    exact = np.log(2 * np.pi * np.i0(1.0))
    for energy in ["-cos(theta1)", lambda p: -np.cos(p[:, 0])]:
        flow = ircpm.train(energy, "T1", log_z=exact, samples=2048)
        assert flow.report["log_z_exact"] == exact
        assert abs(flow.report["log_z"] - exact) < 1e-3


def test_density_has_the_symmetry_that_its_model_was_given():
    flow = ircpm.train(coupled, "T2", symmetry=["inversion"], seed=1, samples=1024, hidden=[8])
    points = np.random.default_rng(0).uniform(0, 2 * np.pi, (100, 2))
    np.testing.assert_allclose(flow.log_prob(-points), flow.log_prob(points), rtol=0, atol=1e-12)


def test_energy_of_another_type():
    with pytest.raises(TypeError, match="energy must be a name, a text or a function, not int"):
        ircpm.train(3, "T2")


def test_same_seed_gives_the_same_bits_on_one_and_two_threads():
    before, found = ircpm.threads(), []
    for threads in [1, 2]:
        ircpm.set_threads(threads)
        with pytest.warns(ircpm.ConvergenceWarning):
            flow = ircpm.train("torus-unimodal", seed=2, steps=5, samples=1024, hidden=[8])
        found.append(flow.parameters)
    ircpm.set_threads(before)
    np.testing.assert_array_equal(*found)


def test_progress_tells_of_every_step():
    steps = []
    flow = ircpm.train("torus-unimodal", goal=1e-3, samples=1024, progress=steps.append)
    assert [step["step"] for step in steps] == list(range(flow.report["steps"]))
    assert all(np.isfinite(step["loss"]) for step in steps)


def test_interrupt_ends_training_soon():
    # Shells start background jobs with interrupts ignored, and Python leaves them so.
    signal.signal(signal.SIGINT, signal.default_int_handler)

    def slow(points):
        time.sleep(0.02)
        return coupled(points)

    timer = threading.Timer(0.5, signal.raise_signal, [signal.SIGINT])
    begin = time.monotonic()
    timer.start()
    with pytest.raises(KeyboardInterrupt):
        ircpm.train(slow, "T2", goal=1e-30, steps=100_000, samples=1024)
    assert time.monotonic() - begin < 20


def test_other_threads_go_on_meanwhile():
    count, stop = [0], threading.Event()

    def tick():
        while not stop.is_set():
            count[0] += 1
            time.sleep(0.005)

    thread = threading.Thread(target=tick)
    thread.start()
    begin = time.monotonic()
    ircpm.train("torus-multi-modal", goal=1e-2, samples=4096)
    seconds = time.monotonic() - begin
    stop.set()
    thread.join()
    assert count[0] > 10 * seconds


def test_folded_flow_warns():
    def energy(points):
        return -np.cos(points).sum(1), np.sin(points)

    # First parameters so large that the map folds, and a step that is too short to undo it.
    options = {"output_scale": 0.03, "learning_rate": 1e-12, "steps": 1, "seed": 1, "samples": 1024}
    with pytest.warns(ircpm.DensityWarning, match="energy on T2: FOLDED: not a density; see flow.report"):
        flow = ircpm.train(energy, "T2", optimiser="adam", **options)
    report = flow.report
    assert report["folded"] and report["status"] == "not-a-density" and report["min_eigenvalue"] < 0
    with pytest.warns(ircpm.DensityWarning, match=r"\d+ of 2000 points have no density"):
        log_q = flow.log_prob(np.random.default_rng(0).uniform(0, 6, (2000, 2)))
    assert 0 < np.isnan(log_q).sum() < 2000
