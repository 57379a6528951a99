"""Flows that several tests look at, each made once."""

import re
from pathlib import Path

import numpy as np
import pytest

import ircpm

STORIES = "The three stories"


def readme_blocks(stories, language="python"):
    """Code of the README: of the stories, or of all other sections."""
    text = (Path(__file__).parents[1] / "README.md").read_text(encoding="utf-8")
    sections = [section for section in text.split("\n## ") if section.startswith(STORIES) == stories]
    return re.findall(rf"```{language}\n(.*?)```", "\n".join(sections), re.DOTALL)


def von_mises(n, mu=1.0, kappa=2.0, seed=1):
    """Points of a von Mises density, angles from 0 to 2 pi."""
    return np.random.default_rng(seed).vonmises(mu, kappa, n) % (2 * np.pi)


@pytest.fixture(scope="session")
def torus():
    """The density exp(cos(a - 4.18) + cos(b - 5.96)) on T2."""
    return ircpm.train("torus-unimodal", samples=16_384)


@pytest.fixture(scope="session")
def circle():
    """A fit to 2000 von Mises points."""
    return ircpm.fit(von_mises(2000), "T1", samples=4096)
