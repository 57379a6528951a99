//! A linear layer's functions as plain data, to be saved with a model.

use ircpm_flow::Terms;
use ircpm_manifolds::AnyManifold;
use serde::{Deserialize, Serialize};

/// The functions of one linear layer, in the order of its parameters: see [`Terms`].
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LayerTerms {
    /// Integer frequencies of the waves, one row per wave and one number per angle.
    pub waves: Vec<Vec<i32>>,
    /// Zonal harmonics.
    pub zonals: Vec<ZonalTerm>,
    /// Bumps.
    pub bumps: Vec<BumpTerm>,
    /// Whether there are polynomials of the real coordinates.
    pub polynomials: bool,
}

/// Zonal harmonics `P_l(c·z)` of one centre.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ZonalTerm {
    /// Index of the unit vector's first coordinate.
    pub first: usize,
    /// The centre `c`.
    pub centre: Vec<f64>,
    /// Lowest and highest degree `l`.
    pub degrees: [usize; 2],
}

/// A bump.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BumpTerm {
    /// The centre, a point of the manifold.
    pub centre: Vec<f64>,
    /// Its concentration `κ`.
    pub kappa: f64,
}

impl LayerTerms {
    /// The functions on a manifold; none if they do not fit it.
    pub fn on(&self, manifold: &AnyManifold) -> Option<Terms> {
        let empty = Terms::new(manifold);
        let (ambient, angles) = (manifold.ambient(), empty.angles());
        let fits = self.waves.iter().all(|row| row.len() == angles && row.iter().any(|k| *k != 0))
            && self.zonals.iter().all(|zonal| zonal.fits(&empty))
            && self.bumps.iter().all(|b| b.centre.len() == ambient && b.kappa > 0.0 && b.kappa.is_finite());
        if !fits {
            return None;
        }
        let mut terms = empty.waves(&self.waves);
        for ZonalTerm { first, centre, degrees: [low, high] } in &self.zonals {
            terms = terms.zonal(*first..first + centre.len(), centre, *low..high + 1);
        }
        for BumpTerm { centre, kappa } in &self.bumps {
            terms = terms.bump(centre, *kappa);
        }
        Some(if self.polynomials { terms.polynomials() } else { terms })
    }
}

impl ZonalTerm {
    /// Largest degree that is read from a file.
    const HIGHEST: usize = 1000;

    fn fits(&self, terms: &Terms) -> bool {
        let [low, high] = self.degrees;
        let range = self.first..self.first.saturating_add(self.centre.len());
        (1..=high).contains(&low) && high <= Self::HIGHEST && terms.has_unit_vector(&range)
    }
}
