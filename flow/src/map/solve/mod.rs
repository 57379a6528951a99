//! The inner minimisation: `y* = argmin_y d(x, y)²/2 + psi(y)`.
//!
//! Newton's method in a frame at `y`, with backtracking on the objective, from `y = x` or from the point that its first
//! steps in single precision reach (`warm_start`). Deviations from arXiv:2110.01288: (1) Newton steps, not gradient
//! steps, which remain selectable; (2) nothing is unrolled, because all derivatives are functions of the solution.
//! Lanes are independent: a sample whose minimisation has ended stays at its result, which therefore does not depend on
//! its neighbours.

mod newton;
mod warm_start;

pub(crate) use newton::SolveState;
pub(crate) use warm_start::warm_start;

use crate::error::SolverError;

/// How the inner minimisation steps.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Method {
    /// Riemannian Newton steps; gradient steps where the Hessian is not positive definite.
    Newton,
    /// The paper's gradient descent, with unit steps: linear convergence at a rate of about `|Hess psi|`.
    GradientDescent,
}

/// Settings of the inner minimisation.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Solver {
    /// Kind of steps.
    pub method: Method,
    /// Converged when the gradient's norm, in radians, is below this times `1 + d(x, y)`; or below 1e-9 times that and
    /// no longer falling, which is rounding where psi or the coordinates are large.
    pub tolerance: f64,
    /// Evaluations of the Hessian, in double precision, after which a sample counts as not converged.
    pub max_steps: usize,
}

impl Default for Solver {
    fn default() -> Self {
        Self { method: Method::Newton, tolerance: 1e-13, max_steps: 200 }
    }
}

impl Solver {
    /// Checks that the numbers are in range.
    ///
    /// # Errors
    /// [`SolverError`] if no step may be taken, or the tolerance is not positive and finite.
    pub fn check(&self) -> Result<(), SolverError> {
        if self.max_steps == 0 {
            return Err(SolverError::NoSteps);
        }
        if !(self.tolerance > 0.0 && self.tolerance.is_finite()) {
            return Err(SolverError::Tolerance { value: self.tolerance.to_string() });
        }
        Ok(())
    }
}
