//! One layer.

use std::ops::ControlFlow;

use ircpm_flow::Expression;
use ircpm_manifolds::Coordinates;

use crate::atlas::Atlas;
use crate::error::CertifyError;
use crate::hessian::Hessian;
use crate::options::{Options, Progress};
use crate::search::{Outcome, Search};

/// The largest dimension. Cells beyond would not be counted in any memory.
const LARGEST: usize = 8;

/// The map of a potential on a product of tori and spheres of dimension `D` in all.
#[derive(Debug)]
pub struct Layer<'a, E, const D: usize> {
    hessian: Hessian<'a, E, D>,
}

impl<'a, E: Expression, const D: usize> Layer<'a, E, D> {
    /// The map of `potential` with the parameters `theta` on the torus of `D` angles.
    ///
    /// # Errors
    /// As [`Layer::on`].
    pub fn new(potential: &'a E, theta: &[f64]) -> Result<Self, CertifyError> {
        Self::on(&[Coordinates::Angles(D)], potential, theta)
    }

    /// The map of `potential` with the parameters `theta` on the manifold whose points have these coordinates: angles and
    /// unit vectors. The potential must have continuous second derivatives, which no enclosure can tell: a branch of
    /// `|x|` or `max` is not looked at as the kink that it is.
    ///
    /// # Errors
    /// [`CertifyError`] if `D` is not 1 to 8 or not the dimension of the manifold, if the manifold is no product of tori
    /// and spheres, if the potential is not one of its points, or the parameters are not its own, or not finite.
    pub fn on(coordinates: &[Coordinates], potential: &'a E, theta: &[f64]) -> Result<Self, CertifyError> {
        let atlas = checked_atlas::<E, D>(coordinates, potential, theta)?;
        Ok(Self { hessian: Hessian::new(potential, theta, atlas) })
    }

    /// Proves that `H` is positive definite everywhere, with a lower bound of its smallest eigenvalue, or that it is
    /// not somewhere, or gives up.
    ///
    /// Cells run in parallel on the current rayon pool; the outcome has the same bits on any number of threads.
    /// `progress` is called after every generation of cells; if it breaks off, what is not proven by then is undecided.
    pub fn certify(&self, options: &Options, progress: &dyn Fn(&Progress) -> ControlFlow<()>) -> Outcome {
        Search::new(&self.hessian, *options).run(progress)
    }
}

/// The charts of the manifold. Refuses what nothing can be proven of: see [`Layer::on`].
pub(crate) fn checked_atlas<E: Expression, const D: usize>(
    coordinates: &[Coordinates],
    potential: &E,
    theta: &[f64],
) -> Result<Atlas<D>, CertifyError> {
    if D == 0 || D > LARGEST {
        return Err(CertifyError::Dimension { dimension: D, largest: LARGEST });
    }
    let Some(atlas) = Atlas::new(coordinates) else {
        return Err(CertifyError::Manifold { coordinates: coordinates.to_vec(), dimension: D });
    };
    let expected = coordinates.iter().map(|run| run.len()).sum();
    if potential.inputs() != expected {
        return Err(CertifyError::Inputs { expected, found: potential.inputs() });
    }
    if !potential.fits(coordinates) {
        return Err(CertifyError::Coordinates { coordinates: coordinates.to_vec() });
    }
    if potential.parameters() != theta.len() {
        return Err(CertifyError::Parameters { expected: potential.parameters(), found: theta.len() });
    }
    if let Some((index, &value)) = theta.iter().enumerate().find(|(_, w)| !w.is_finite()) {
        return Err(CertifyError::NotFinite { index, value });
    }
    Ok(atlas)
}
