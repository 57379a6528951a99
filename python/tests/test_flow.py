"""What a flow returns: shapes, densities, files."""

import json
import multiprocessing
import pickle
import warnings
import zlib

import numpy as np
import pytest

import ircpm


def grid(n):
    """Centres of n x n cells of T2, and the volume of a cell."""
    a = (np.arange(n) + 0.5) * 2 * np.pi / n
    return np.stack(np.meshgrid(a, a, indexing="ij"), -1).reshape(-1, 2), (2 * np.pi / n) ** 2


def test_shapes_and_types(torus):
    points, log_prob = torus.sample_and_log_prob(7, seed=3)
    assert points.shape == (7, 2) and log_prob.shape == (7,)
    assert points.dtype == log_prob.dtype == np.float64 and points.flags.c_contiguous
    np.testing.assert_array_equal(points, torus.sample(7, seed=3))
    np.testing.assert_array_equal(points, torus.sample(20_000, seed=3)[:7])
    assert not np.array_equal(points, torus.sample(7, seed=4))
    np.testing.assert_allclose(torus.log_prob(points), log_prob, atol=1e-10)
    assert torus.sample(0).shape == (0, 2) and torus.log_prob(np.empty((0, 2))).shape == (0,)
    assert (torus.manifold, torus.dim, torus.coordinates) == ("T2", 2, 2)
    assert torus.parameters.ndim == 1 and torus.layers >= 1
    assert repr(torus).startswith("<ircpm.Flow on T2: 1 layer, ") and ", sound, ESS " in repr(torus)


def test_forward_and_inverse_are_inverse(torus):
    base = np.random.default_rng(0).uniform(0, 2 * np.pi, (100, 2))
    points, log_det = torus.forward(base)
    back, log_det_back = torus.inverse(points)
    np.testing.assert_allclose(np.cos(back - base), 1, atol=1e-12)
    np.testing.assert_allclose(log_det_back, -log_det, atol=1e-9)
    np.testing.assert_allclose(torus.log_prob(points), -2 * np.log(2 * np.pi) - log_det, atol=1e-9)


def test_log_det_is_that_of_finite_differences(torus):
    x, h = np.array([[1.0, 2.0]]), 1e-5
    columns = [(torus.forward(x + h * e)[0] - torus.forward(x - h * e)[0])[0] / (2 * h) for e in np.eye(2)]
    log_det = np.log(abs(np.linalg.det(np.stack(columns, 1))))
    np.testing.assert_allclose(torus.forward(x)[1], log_det, atol=1e-7)


def test_mass_by_quadrature_is_one(torus, circle):
    points, cell = grid(64)
    assert abs(np.exp(torus.log_prob(points)).sum() * cell - 1) < 1e-8
    angles = (np.arange(4096) + 0.5) * 2 * np.pi / 4096
    assert abs(np.exp(circle.log_prob(angles)).mean() * 2 * np.pi - 1) < 1e-8


def test_known_density_and_log_z(torus):
    exact = 2 * np.log(2 * np.pi * np.i0(1.0))
    report = torus.report
    assert abs(report["log_z"] - exact) < 4 * report["log_z_se"] + 1e-6
    assert abs(report["log_z_exact"] - exact) < 1e-12
    assert report["ess"] > 0.9999 and report["kl"] < 1e-4 and not report["folded"] and report["status"] == "sound"
    points, _ = grid(16)
    log_p = np.cos(points - [4.18, 5.96]).sum(1) - exact
    assert abs(torus.log_prob(points) - log_p).max() < 0.02


def test_lists_float32_and_other_orders_are_converted(torus):
    points = torus.sample(8).astype(np.float32)
    expected = torus.log_prob(points.astype(np.float64))
    for given in [points, points.tolist(), np.asfortranarray(points), np.repeat(points, 2, axis=0)[::2]]:
        np.testing.assert_array_equal(torus.log_prob(given), expected)
    assert torus.log_prob([[1, 2]]).shape == (1,)
    # Angles are taken modulo a turn.
    np.testing.assert_allclose(torus.log_prob([[1 + 2 * np.pi, 2]]), torus.log_prob([[1, 2]]), atol=1e-12)


@pytest.mark.parametrize(
    "points, text",
    [
        ([1.0, 2.0], r"shape \(n, 2\), not \(2,\): give one point as points\[None, :\]"),
        (np.zeros((2, 3)), r"shape \(n, 2\), not \(2, 3\)"),
        (1.0, r"shape \(n, 2\), not \(1,\)"),
        ([["a", "b"]], "must hold real numbers, not dtype <U1"),
        (np.zeros((1, 2), complex), "not dtype complex128"),
        (np.zeros((1, 2), bool), "not dtype bool"),
        ([[0.0, 0.0], [np.nan, 0.0]], "row 1 of the points, counted from 0, is not on T2"),
    ],
)
def test_wrong_points_are_refused(torus, points, text):
    for function in [torus.log_prob, torus.inverse, torus.forward]:
        with pytest.raises(ircpm.IrcpmError, match=text):
            function(points)


def test_save_and_load_keep_every_bit(torus, circle, tmp_path):
    for flow, angles in [(torus, grid(8)[0]), (circle, np.linspace(0, 6, 50))]:
        path = tmp_path / "flow.safetensors"
        flow.save(path)
        read = ircpm.load(str(path))
        np.testing.assert_array_equal(read.parameters, flow.parameters)
        np.testing.assert_array_equal(read.log_prob(angles), flow.log_prob(angles))
        np.testing.assert_array_equal(read.sample(100, seed=2), flow.sample(100, seed=2))
        assert read.report == flow.report and repr(read) == repr(flow)
    assert [p.name for p in tmp_path.iterdir()] == ["flow.safetensors"]


def test_report_of_a_folder_counts_if_it_is_about_the_checkpoint(torus, tmp_path):
    path = tmp_path / "checkpoint.safetensors"
    torus.save(path)
    for checksum, counts in [(f"{zlib.crc32(path.read_bytes()):08x}", True), ("00000000", False)]:
        report = {**torus.report, "ess": 0.25, "checkpoint": checksum}
        (tmp_path / "report.json").write_text(json.dumps(report))
        assert (ircpm.load(tmp_path).report or torus.report)["ess"] == (0.25 if counts else torus.report["ess"])


def test_pickle_keeps_every_bit(torus):
    read = pickle.loads(pickle.dumps(torus))
    np.testing.assert_array_equal(read.sample(10), torus.sample(10))


def test_files_that_cannot_be_used(torus, tmp_path):
    with pytest.raises(FileNotFoundError, match="nothing"):
        ircpm.load(tmp_path / "nothing")
    with pytest.raises(FileNotFoundError):
        torus.save(tmp_path / "no folder" / "flow.safetensors")
    with pytest.raises(FileNotFoundError, match="checkpoint.safetensors"):
        ircpm.load(tmp_path)
    with pytest.raises(OSError, match="/dev/zero: not a regular file"):
        ircpm.load("/dev/zero")
    path = tmp_path / "flow.safetensors"
    path.write_bytes(b"not a flow")
    with pytest.raises(ircpm.IrcpmError, match="flow.safetensors: damaged, or not a safetensors file"):
        ircpm.load(path)
    torus.save(path)
    path.write_bytes(path.read_bytes()[:-8])
    with pytest.raises(ircpm.IrcpmError, match="damaged"):
        ircpm.load(path)


def test_byte_that_is_flipped_is_found(torus, tmp_path):
    path = tmp_path / "flow.safetensors"
    torus.save(path)
    content = bytearray(path.read_bytes())
    content[-100] ^= 1
    path.write_bytes(content)
    with pytest.raises(ircpm.IrcpmError, match="flow.safetensors: damaged: its checksum is"):
        ircpm.load(path)


def test_more_points_than_memory(torus):
    with pytest.raises(MemoryError, match="do not fit into memory: draw fewer at a time"):
        torus.sample(2**60)


def test_to_arviz(torus):
    arviz = pytest.importorskip("arviz")
    data = torus.to_arviz(50, seed=1, chains=2)
    assert data.posterior["x"].shape == (2, 50, 2) and data.sample_stats["lp"].shape == (2, 50)
    assert float(arviz.rhat(data)["x"].max()) < 1.2


def test_to_arviz_without_arviz(torus, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "arviz", None)
    with pytest.raises(ImportError, match="pip install arviz"):
        torus.to_arviz()


def test_threads():
    before = ircpm.threads()
    for n in [0, -1, 257]:
        with pytest.raises(ircpm.IrcpmError, match="give an integer from 1 to 256"):
            ircpm.set_threads(n)
    ircpm.set_threads(3)
    assert ircpm.threads() == 3
    ircpm.set_threads(before)


@pytest.mark.skipif("fork" not in multiprocessing.get_all_start_methods(), reason="no fork here")
def test_forked_process_has_threads_of_its_own(torus):
    expected = torus.log_prob([[1.0, 2.0]])
    with warnings.catch_warnings():
        # Python warns of any fork of a process with threads.
        warnings.simplefilter("ignore", DeprecationWarning)
        with multiprocessing.get_context("fork").Pool(1) as pool:
            found = pool.apply_async(torus.log_prob, ([[1.0, 2.0]],)).get(timeout=60)
    np.testing.assert_array_equal(found, expected)
