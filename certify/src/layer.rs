//! One layer on a torus.

use std::ops::ControlFlow;

use ircpm_flow::Expression;
use ircpm_manifolds::Coordinates;

use crate::error::CertifyError;
use crate::hessian::Hessian;
use crate::options::{Options, Progress};
use crate::search::{Outcome, Search};

/// Most angles of a torus. Cells beyond would not be counted in any memory.
const LARGEST: usize = 8;

/// The map of a potential on the torus of `D` angles.
#[derive(Debug)]
pub struct Layer<'a, E, const D: usize> {
    hessian: Hessian<'a, E, D>,
}

impl<'a, E: Expression, const D: usize> Layer<'a, E, D> {
    /// The map of `potential` with the parameters `theta`.
    ///
    /// # Errors
    /// [`CertifyError`] if `D` is not 1 to 8, if the potential is not one of `D` angles, or the parameters are not its own, or not finite.
    pub fn new(potential: &'a E, theta: &[f64]) -> Result<Self, CertifyError> {
        if D == 0 || D > LARGEST {
            return Err(CertifyError::Dimension { angles: D, largest: LARGEST });
        }
        if potential.inputs() != D {
            return Err(CertifyError::Inputs { expected: D, found: potential.inputs() });
        }
        if !potential.fits(&[Coordinates::Angles(D)]) {
            return Err(CertifyError::NotPeriodic { angles: D });
        }
        if potential.parameters() != theta.len() {
            return Err(CertifyError::Parameters { expected: potential.parameters(), found: theta.len() });
        }
        if let Some((index, &value)) = theta.iter().enumerate().find(|(_, w)| !w.is_finite()) {
            return Err(CertifyError::NotFinite { index, value });
        }
        Ok(Self { hessian: Hessian::new(potential, theta) })
    }

    /// Proves that `H` is positive definite everywhere, with a lower bound of its smallest eigenvalue, or that it is
    /// not somewhere, or gives up.
    ///
    /// Cells run in parallel on the current rayon pool; the outcome has the same bits on any number of threads.
    /// `progress` is called after every generation of cells; if it breaks off, what is not proven by then is undecided.
    pub fn certify(&self, options: &Options, progress: &dyn Fn(&Progress) -> ControlFlow<()>) -> Outcome<D> {
        Search::new(&self.hessian, *options).run(progress)
    }
}
