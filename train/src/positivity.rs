//! Whether the layers of a lattice's flow fold: proven where they are chains, searched elsewhere.
//!
//! A layer is a diffeomorphism if and only if `H = I + Hess psi` is positive definite everywhere on the torus. For chains,
//! open or closed, for single angles and for potentials of one combination of angles [`ircpm_lattice::lower_bound`] proves
//! it. For square lattices no proof is known, and the smallest eigenvalue that a search has found is evidence alone.

use std::ops::ControlFlow;

use ircpm_ad::Scalar;
use ircpm_ad::interval::Interval;
use ircpm_lattice::{CertificateError, Charges, LatticeMap, LatticePotential, lower_bound, wall};
use nalgebra::{DMatrix, SymmetricEigen};
use serde::{Deserialize, Serialize};
use std::sync::Arc;

use crate::lattice::LatticeFlow;

/// What is known of the smallest eigenvalue of `H` of all layers over the whole torus.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "verdict", rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Positivity {
    /// It is at least this, which is proven and positive: the flow is a diffeomorphism.
    Certified {
        /// The proven lower bound.
        bound: f64,
    },
    /// A search has found no eigenvalue that is not positive, and there is no proof.
    Searched {
        /// The smallest eigenvalue that was found.
        lowest: f64,
    },
    /// It is not positive somewhere.
    Folded {
        /// The layer, counted from 1.
        layer: usize,
        /// The eigenvalue.
        eigenvalue: f64,
        /// The angles where it was found, in radians.
        point: Vec<f64>,
    },
}

/// What is known of one layer.
#[derive(Clone, Debug, PartialEq)]
pub struct LayerPositivity {
    /// The smallest eigenvalue of `H` that a search has found.
    pub lowest: f64,
    /// Where.
    pub point: Vec<f64>,
    /// What is proven.
    pub proof: EigenvalueBound,
    /// Points of the grid of the proof; zero without one.
    pub points: usize,
}

/// What is proven of one layer.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum EigenvalueBound {
    /// No eigenvalue of `H` is below this, which is not negative.
    AtLeast(f64),
    /// Some eigenvalue of `H` is at most this, which is negative, at the point of the search.
    AtMost(f64),
    /// Nothing, although the layer is of a kind that can be proven.
    Nothing,
    /// Nothing, because no proof is known for such a potential, in which a search found no fold.
    Unknown,
}

/// How far a proof goes.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Effort {
    /// How close the bound shall come to the smallest eigenvalue that was found, relative to it.
    pub tolerance: f64,
    /// Most points of a grid.
    pub points: usize,
}

impl Default for Effort {
    /// The effort of a report, which takes a few seconds.
    fn default() -> Self {
        Self { tolerance: 0.25, points: 1 << 17 }
    }
}

/// Starts and steps of a search.
const SEARCH: (usize, usize) = (64, 60);

impl Positivity {
    /// Looks at all layers, by a search with random numbers of a seed and a proof of some effort. Where `go_on` breaks off,
    /// what is not proven by then is not.
    ///
    /// # Panics
    /// If `theta` has the wrong length for the flow.
    pub fn new(lattice: &LatticeFlow, theta: &[f64], seed: u64, go_on: &dyn Fn() -> ControlFlow<()>) -> Self {
        let (mut bound, mut lowest) = (Some(1.0), 1.0);
        for layer in 0..lattice.maps.len() {
            let found = LayerPositivity::new(lattice, layer, theta, seed, Effort::default(), go_on);
            if found.lowest <= 0.0 || found.lowest.is_nan() {
                return Self::Folded { layer: layer + 1, eigenvalue: found.lowest, point: found.point };
            }
            lowest = f64::min(lowest, found.lowest);
            bound = match found.proof {
                EigenvalueBound::AtLeast(of) => bound.map(|bound| f64::min(bound, of)),
                _ => None,
            };
        }
        bound.map_or(Self::Searched { lowest }, |bound| Self::Certified { bound })
    }

    /// Whether an eigenvalue was found that is not positive.
    pub fn is_folded(&self) -> bool {
        matches!(self, Self::Folded { .. })
    }
}

impl LayerPositivity {
    /// Looks at one layer: see [`Positivity::new`].
    ///
    /// # Panics
    /// If there is no such layer, or `theta` has the wrong length for the flow.
    pub fn new(
        lattice: &LatticeFlow,
        layer: usize,
        theta: &[f64],
        seed: u64,
        effort: Effort,
        go_on: &dyn Fn() -> ControlFlow<()>,
    ) -> Self {
        let (map, theta) = (&lattice.maps[layer], &theta[lattice.slot(layer)]);
        let (lowest, point) = search(map, theta, seed.wrapping_add(layer as u64));
        let is_positive = lowest > 0.0;
        let LatticePotential::Charges(charges) = map.psi() else {
            let proof = if is_positive { EigenvalueBound::Unknown } else { EigenvalueBound::Nothing };
            return Self { lowest, point, proof, points: 0 };
        };
        // The proofs are for the metric `I`.
        if map.metric().is_some() {
            let proof = if is_positive { EigenvalueBound::Unknown } else { EigenvalueBound::Nothing };
            return Self { lowest, point, proof, points: 0 };
        }
        if !is_positive {
            let proof = rayleigh_bound(charges, theta, &point)
                .map_or(EigenvalueBound::Nothing, EigenvalueBound::AtMost);
            return Self { lowest, point, proof, points: 0 };
        }
        let found = lower_bound(charges, theta, (lowest, effort.tolerance), effort.points, go_on);
        let (proof, points) = match found {
            Ok(bound) => {
                (bound.value.map_or(EigenvalueBound::Nothing, EigenvalueBound::AtLeast), bound.points)
            }
            Err(CertificateError::Parameters { .. }) => (EigenvalueBound::Nothing, 0),
            Err(_) => (EigenvalueBound::Unknown, 0),
        };
        Self { lowest, point, proof, points }
    }
}

/// The smallest eigenvalue of `H` that a search finds, and where.
fn search(map: &Arc<LatticeMap>, theta: &[f64], seed: u64) -> (f64, Vec<f64>) {
    let worst = wall::search(map, theta, SEARCH.0, SEARCH.1, seed).expect("some points");
    (1.0 - worst.curvature, worst.point)
}

/// An upper bound of the smallest eigenvalue of `H` at a point, proven by the Rayleigh quotient of a vector in interval
/// arithmetic; none if it is not negative.
fn rayleigh_bound(charges: &Charges, theta: &[f64], y: &[f64]) -> Option<f64> {
    let vector = lowest_vector(charges, theta, y);
    let zero = || Interval::from(0.0);
    let along = |m: usize, x: &[f64]| {
        let terms = charges.charge(m).iter();
        terms.fold(zero(), |sum, &(site, q)| sum + Interval::from(x[site as usize]) * f64::from(q))
    };
    let square = vector.iter().fold(zero(), |sum, &v| sum + Interval::from(v).square());
    let curvature = (0..charges.terms()).fold(zero(), |sum, m| {
        let norm = charges.charge(m).iter().map(|(_, q)| q * q).sum::<i32>();
        let a = Interval::from(theta[charges.class(m)]) / f64::from(norm);
        sum + a * along(m, y).cos() * along(m, &vector).square()
    });
    let bound = ((square - curvature) / square).hi();
    (bound < 0.0).then_some(bound)
}

/// The eigenvector of the smallest eigenvalue of `H`.
fn lowest_vector(charges: &Charges, theta: &[f64], y: &[f64]) -> Vec<f64> {
    let n = charges.sites();
    let mut h = DMatrix::<f64>::identity(n, n);
    for m in 0..charges.terms() {
        let charge = charges.charge(m);
        let phase: f64 = charge.iter().map(|&(site, q)| f64::from(q) * y[site as usize]).sum();
        let a = theta[charges.class(m)] * charges.weight(m) * phase.cos();
        for &(i, p) in charge {
            for &(j, q) in charge {
                h[(i as usize, j as usize)] -= a * f64::from(p * q);
            }
        }
    }
    let SymmetricEigen { eigenvectors, eigenvalues } = h.symmetric_eigen();
    let lowest = eigenvalues.imin();
    eigenvectors.column(lowest).iter().copied().collect()
}
