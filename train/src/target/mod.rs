//! Target densities.
//!
//! A new target is one file, with a type that implements [`Density`], and one line in the table `TARGETS`. Targets of any
//! size are found by names with numbers in them, [`FAMILIES`]. Constants
//! and closed-form normalisers of the standard ones are cited where they stand. An [`Expression`] is a target that is
//! written as text.

pub mod bessel;
pub mod chain;
pub mod correlated;
mod density;
mod expression;
pub mod gauge;
pub mod ring;
pub mod sine;
pub mod sphere;
pub mod square;
pub mod torus;

use std::sync::Arc;

use ircpm_certify::SpaceModel;
use ircpm_flow::Energy;
use ircpm_manifolds::AnyManifold;

pub use density::{Density, DualPoint, InLanes};
pub use expression::{Expression, ExpressionError, ExpressionErrorKind, Parameter, Parameters};

/// An unnormalised density `exp(−βu)` on a manifold, seen from the outside: batches of points, `[sample][coordinate]`.
///
/// Batches and slices make this a boundary to energies in other languages or on other devices. Least squares and the
/// evaluation ask for [`Target::energies`] alone; Adam and L-BFGS ask for [`Target::gradients`] as well. An energy that
/// is written in Rust implements [`Density`] instead.
pub trait Target: Send + Sync {
    /// Name in the table, e.g. `torus-multi-modal`.
    fn name(&self) -> &str;

    /// The manifold that the density lives on.
    fn manifold(&self) -> &AnyManifold;

    /// `log Z = log ∫ exp(−βu)` with respect to the Riemannian volume, in nats, where known exactly at this inverse
    /// temperature `β > 0`.
    fn log_z(&self, beta: f64) -> Option<f64>;

    /// The energy `u` at each point, in nats.
    ///
    /// # Panics
    /// If `y` does not hold `u.len()` points.
    fn energies(&self, y: &[f64], u: &mut [f64]);

    /// The energy `u` and its gradient in ambient coordinates, not projected to the tangent space; `grad` has the
    /// shape of `y`.
    ///
    /// # Panics
    /// If `y` does not hold `u.len()` points, or `grad` is not as long as `y`.
    fn gradients(&self, y: &[f64], u: &mut [f64], grad: &mut [f64]);

    /// The energy with its derivatives up to the third order, from which psi may be built
    /// ([`crate::config::ModelConfig::energy`]); none by default.
    fn differentiable(&self) -> Option<Arc<dyn Energy>> {
        None
    }

    /// The energy `u` as a Taylor model over the points that Taylor models of the coordinates stand for, for proofs; its
    /// error bound is NaN where it is not known over all of them. None by default.
    ///
    /// # Panics
    /// If `y` is not one point.
    fn energy_model(&self, _y: &[SpaceModel]) -> Option<SpaceModel> {
        None
    }
}

/// Makes the target that goes by a name.
type Constructor = fn(&'static str) -> Box<dyn Target>;

/// All targets.
const TARGETS: [(&str, Constructor); 15] = [
    ("torus-unimodal", |name| InLanes::boxed(name, torus::unimodal())),
    ("torus-multi-modal", |name| InLanes::boxed(name, torus::multi_modal())),
    ("torus-correlated", |name| InLanes::boxed(name, correlated::correlated())),
    ("torus-seam", |name| InLanes::boxed(name, torus::seam())),
    ("torus-sine", |name| InLanes::boxed(name, sine::sine_von_mises())),
    ("xy-ring-3", |name| InLanes::boxed(name, ring::xy_ring(3))),
    ("xy-ring-4", |name| InLanes::boxed(name, ring::xy_ring(4))),
    ("xy-ring-6", |name| InLanes::boxed(name, ring::xy_ring(6))),
    ("chain-4", |name| InLanes::boxed(name, chain::open_chain(4))),
    ("chain-8", |name| InLanes::boxed(name, chain::open_chain(8))),
    ("sphere-four-mode", |name| InLanes::boxed(name, sphere::four_mode(10.0))),
    ("sphere-four-mode-50", |name| InLanes::boxed(name, sphere::four_mode(50.0))),
    ("sphere-four-mode-100", |name| InLanes::boxed(name, sphere::four_mode(100.0))),
    ("sphere-poles", |name| InLanes::boxed(name, sphere::poles())),
    ("s3-four-mode", |name| InLanes::boxed(name, sphere::four_mode_s3())),
];

/// Names of targets of any size: `N` stands for a number of angles from 1 to 4096, `L` for a length from 2 to 64.
pub const FAMILIES: [&str; 5] = ["chain-N", "closed-chain-N", "xy-ring-N", "xy-LxL", "u1-LxL"];

/// Most angles of a target of any size.
const MOST_SITES: usize = 4096;

/// Names of all targets of the table. There are more: see [`FAMILIES`].
pub fn names() -> Vec<&'static str> {
    TARGETS.iter().map(|(name, _)| *name).collect()
}

/// The target of that name, of the table or of a family, `None` if there is none.
pub fn by_name(name: &str) -> Option<Box<dyn Target>> {
    let known = TARGETS.iter().find(|(known, _)| *known == name);
    known.map(|(name, make)| make(name)).or_else(|| of_family(name))
}

/// A target of one of the [`FAMILIES`].
#[derive(Clone, Debug)]
pub enum Lattice {
    /// Spins in a row.
    Chain(chain::Chain),
    /// Spins on a circle.
    Ring(ring::Ring),
    /// Spins on a periodic square.
    Square(square::XySquare),
    /// Plaquettes of a periodic square.
    Gauge(gauge::PlaneGauge),
}

/// The lattice of that name in [`FAMILIES`], `None` if there is none.
pub fn lattice_by_name(name: &str) -> Option<Lattice> {
    let number = |text: &str| text.parse::<usize>().ok().filter(|n| n.to_string() == text);
    let sites = |prefix: &str| {
        let sites = name.strip_prefix(prefix).and_then(number);
        sites.filter(|n| (1..=MOST_SITES).contains(n))
    };
    let side = |prefix: &str| {
        let (rows, columns) = name.strip_prefix(prefix)?.split_once('x')?;
        number(rows).filter(|&side| rows == columns && side >= 2 && side * side <= MOST_SITES)
    };
    if let Some(sites) = sites("chain-") {
        Some(Lattice::Chain(chain::open_chain(sites)))
    } else if let Some(sites) = sites("closed-chain-") {
        Some(Lattice::Ring(ring::closed_chain(sites)))
    } else if let Some(sites) = sites("xy-ring-") {
        Some(Lattice::Ring(ring::xy_ring(sites)))
    } else if let Some(side) = side("xy-") {
        Some(Lattice::Square(square::XySquare::new(side)))
    } else {
        side("u1-").map(|side| Lattice::Gauge(gauge::PlaneGauge { side }))
    }
}

/// The target of that name in [`FAMILIES`], `None` if there is none.
fn of_family(name: &str) -> Option<Box<dyn Target>> {
    fn target(name: &str, density: impl Density) -> Box<dyn Target> {
        Box::new(InLanes::new(name.to_owned(), density))
    }
    Some(match lattice_by_name(name)? {
        Lattice::Chain(chain) => target(name, chain),
        Lattice::Ring(ring) => target(name, ring),
        Lattice::Square(square) => target(name, square),
        Lattice::Gauge(gauge) => target(name, gauge),
    })
}

#[cfg(test)]
mod tests;
