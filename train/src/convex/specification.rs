//! A linear layer's functions as plain data, to be saved with a model.

use ircpm_flow::{Conditioning, Terms};
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
    /// How the functions see every conditioning variable; without shift and scale where there are none here.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub contexts: Vec<ContextTerm>,
    /// Highest degree, at most 2, of products of conditioning variables that multiply waves, zonal harmonics and
    /// polynomials.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub degree: usize,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
fn is_zero(degree: &usize) -> bool {
    *degree == 0
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

/// A conditioning variable: see [`Conditioning`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ContextTerm {
    /// What is subtracted.
    pub shift: f64,
    /// Unit of the rest.
    pub scale: f64,
    /// Least and largest value in these units.
    pub range: [f64; 2],
}

impl From<&ContextTerm> for Conditioning {
    fn from(&ContextTerm { shift, scale, range }: &ContextTerm) -> Self {
        Self { shift, scale, range }
    }
}

impl LayerTerms {
    /// The functions on a manifold; none if they do not fit it.
    pub fn on(&self, manifold: &AnyManifold) -> Option<Terms> {
        let empty = Terms::new(manifold);
        let (ambient, angles, contexts) = (manifold.ambient(), empty.angles(), manifold.contexts());
        let mut variables: Vec<Conditioning> = self.contexts.iter().map(Conditioning::from).collect();
        if variables.is_empty() {
            variables = vec![Conditioning::STANDARD; contexts];
        }
        let fits = variables.len() == contexts
            && variables.iter().all(Conditioning::is_valid)
            && self.degree <= 2
            && self.waves.iter().all(|row| row.len() == angles && row.iter().any(|k| *k != 0))
            && self.zonals.iter().all(|zonal| zonal.fits(&empty))
            && self.bumps.iter().all(|b| b.centre.len() == ambient && b.kappa > 0.0 && b.kappa.is_finite());
        if !fits {
            return None;
        }
        let mut terms = empty.conditioned(&variables, self.degree).waves(&self.waves);
        for ZonalTerm { first, centre, degrees: [low, high] } in &self.zonals {
            terms = terms.zonal(*first..first + centre.len(), centre, *low..high + 1);
        }
        for BumpTerm { centre, kappa } in &self.bumps {
            terms = terms.bump(centre, *kappa);
        }
        Some(if self.polynomials { terms.polynomials() } else { terms })
    }

    /// The same functions of conditioning variables `c`, where they were of `(c − shift)/scale`.
    pub(super) fn in_units(mut self, units: &[ContextTerm]) -> Self {
        for bump in &mut self.bumps {
            let first = bump.centre.len() - units.len();
            let variables = bump.centre[first..].iter_mut().zip(units);
            variables.for_each(|(c, ContextTerm { shift, scale, .. })| *c = shift + scale * *c);
        }
        self.contexts = units.to_vec();
        self
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
