"""The three stories of the README, each in a namespace of its own, compared with what is known of their results."""

import shutil
from pathlib import Path

import numpy as np
import pytest

from conftest import readme_blocks

TABLES = Path(__file__).parents[2] / "train" / "examples" / "data"


@pytest.fixture(scope="module")
def stories(tmp_path_factory):
    """The folder of the stories, and the names that each of them leaves."""
    folder = tmp_path_factory.mktemp("stories")
    for table in ["dihedrals.csv", "places.csv"]:
        shutil.copy(TABLES / table, folder)
    blocks, told = readme_blocks(stories=True), []
    assert len(blocks) == 3
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        for number, block in enumerate(blocks):
            told.append({})
            exec(compile(block, f"README story {number}", "exec"), told[-1])
    for names in told:
        report = names["flow"].report
        assert report["status"] == "sound" and not report["folded"] and abs(report["mass"] - 1) < 1e-6
    return folder, told


def mass_on_the_torus(density):
    """The integral of a density over a grid whose last row and column repeat the first."""
    return density[:-1, :-1].mean() * (2 * np.pi) ** 2


def test_physicist_has_the_free_energy_of_a_quadrature(stories):
    physicist = stories[1][0]
    a, b = np.meshgrid(*2 * [np.arange(64) * 2 * np.pi / 64])
    p = np.exp(np.cos(a - b) - 0.6 * (np.cos(2 * a) + np.cos(2 * b)) + 0.3 * np.cos(a))
    log_z, report = np.log(p.mean() * (2 * np.pi) ** 2), physicist["flow"].report
    assert abs(report["log_z"] - log_z) < 6 * report["log_z_se"] and report["ess"] > 0.999
    cosine, error = (p * np.cos(a)).sum() / p.sum(), np.sqrt(0.34 / 20000)  # 0.34 is the variance
    assert physicist["samples"].shape == (20000, 2)
    assert abs(np.cos(physicist["samples"][:, 0]).mean() - cosine) < 5 * error
    assert abs(mass_on_the_torus(physicist["density"]) - 1) < 1e-6


def test_biologist_tells_usual_conformations_from_strange_ones(stories):
    folder, (_, biologist, _) = stories
    helix, sheet, strange = biologist["log_q"]
    assert helix > sheet > strange + 3 and biologist["flow"].report["held_out_points"] == 40
    samples = np.loadtxt(folder / "samples.csv", delimiter=",", skiprows=1)
    assert samples.shape == (5000, 2) and abs(samples).max() <= 180
    # The law of the table has a share of 0.445 within 30 degrees of the helix; its standard error in 400 rows is 0.025.
    near = np.cos(np.radians(samples - [-63, -43])) > np.cos(np.radians(30))
    assert abs(near.all(1).mean() - 0.445) < 0.075
    assert abs(mass_on_the_torus(biologist["density"]) - 1) < 1e-6


def test_geologist_has_samples_about_the_same_centre_as_the_places(stories):
    geologist = stories[1][2]
    table, samples = geologist["table"], geologist["samples"]
    assert samples.shape == (5000, 2) and geologist["flow"].report["held_out_points"] == 30
    places = np.stack([table["latitude"], table["longitude"]], axis=1)
    means = [geologist["unit_vectors"](*np.radians(points).T).mean(0) for points in (places, samples)]
    np.testing.assert_allclose(*means, atol=0.08)  # the standard error of 300 places is 0.04
    weights = np.cos(geologist["latitude"])[:, :-1]
    assert abs((geologist["density"][:, :-1] * weights).sum() / weights.sum() * 4 * np.pi - 1) < 1e-3


def test_density_of_the_places_can_be_drawn(stories):
    matplotlib = pytest.importorskip("matplotlib")
    matplotlib.use("Agg")
    folder, (_, _, geologist) = stories
    (block,) = readme_blocks(stories=True, language="py")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        exec(compile(block, "README picture", "exec"), dict(geologist))
    assert (folder / "places.png").read_bytes().startswith(b"\x89PNG")
