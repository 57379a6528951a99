"""Files that the program writes, opened by numpy and safetensors, and files of theirs read by the program."""

import os
import subprocess
from pathlib import Path

import numpy as np
import pytest

ROOT = Path(__file__).parents[2]
PROGRAM = Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target")).resolve() / "debug" / "ircpm"
pytestmark = pytest.mark.skipif(not PROGRAM.exists(), reason="the program is not built: cargo build")


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """A function that runs the program in a folder with a short run of it, `run`."""
    folder = tmp_path_factory.mktemp("files")

    def ircpm(*arguments):
        done = subprocess.run([PROGRAM, "--quiet", *arguments], cwd=folder, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        return done.stdout

    small = ["evaluation.samples=512", "evaluation.uniform=512", "evaluation.pictures=false"]
    ircpm("train", "sphere-four-mode", "--out", "run", *(word for key in small for word in ("--set", key)))
    return folder, ircpm


def test_samples_are_the_same_numbers_in_every_format(run):
    folder, ircpm = run
    for ending in ["csv", "npy", "npz"]:
        ircpm("sample", "run", "-n", "100", "-o", f"s.{ending}")
    with np.load(folder / "s.npz") as arrays:
        assert sorted(arrays.files) == ["log_q", "log_weight", "points"]
        points, log_q, log_weight = (arrays[name] for name in ["points", "log_q", "log_weight"])
    assert points.shape == (100, 3) and log_q.shape == log_weight.shape == (100,) and points.dtype == np.float64
    beside = np.column_stack([points, log_q, log_weight])
    np.testing.assert_array_equal(np.load(folder / "s.npy"), beside)
    np.testing.assert_array_equal(np.loadtxt(folder / "s.csv", delimiter=",", skiprows=1), beside)
    np.testing.assert_allclose((points**2).sum(1), 1, atol=1e-14)


@pytest.mark.parametrize("order", ["C", "F"])
@pytest.mark.parametrize("save", [np.save, np.savez, np.savez_compressed])
def test_arrays_of_numpy_are_read_to_the_same_densities(run, save, order):
    folder, ircpm = run
    ircpm("sample", "run", "-n", "50", "-o", "own.npz", "--force")
    with np.load(folder / "own.npz") as arrays:
        points, log_q = arrays["points"], arrays["log_q"]
    name = "mine.npy" if save is np.save else "mine.npz"
    save(folder / name, np.array(points, order=order))
    found = np.array(ircpm("log-prob", "run", name).split()[1:])
    found = np.array([float(row.split(",")[0]) for row in found])
    np.testing.assert_allclose(found, log_q, atol=1e-9)


def test_chains_keep_their_axes(run):
    folder, ircpm = run
    ircpm("chain", "run", "-n", "40", "--chains", "3", "-o", "chain.npz")
    with np.load(folder / "chain.npz") as arrays:
        shapes = {name: arrays[name].shape for name in arrays.files}
    assert shapes == {"points": (3, 40, 3), "energy": (3, 40), "accepted": (3, 40)}


def test_checkpoint_opens_with_safetensors_and_is_refused_when_another_program_has_written_it(run):
    safetensors = pytest.importorskip("safetensors")
    numpy = pytest.importorskip("safetensors.numpy")
    folder, ircpm = run
    path = folder / "run" / "checkpoint.safetensors"
    whole = path.read_bytes()
    tensors = numpy.load_file(path)
    assert tensors["theta"].dtype == np.float64 and tensors["theta"].ndim == 1
    assert all(np.isfinite(values).all() for values in tensors.values())
    with safetensors.safe_open(path, framework="numpy") as file:
        metadata = file.metadata()
    assert metadata["format"].startswith("ircpm-checkpoint-") and 'name = "sphere-four-mode"' in metadata["config"]
    # The same numbers without their checksum, and with numbers that nobody checked.
    for kept, words in [(None, "it names no format"), (metadata, "its checksum is")]:
        numpy.save_file({**tensors, "theta": 10 * tensors["theta"]}, path, metadata=kept)
        done = subprocess.run([PROGRAM, "evaluate", "run"], cwd=folder, capture_output=True, text=True)
        assert done.returncode == 1 and words in " ".join(done.stderr.replace("│", " ").split()), done.stderr
    path.write_bytes(whole)
    ircpm("evaluate", "run")
