//! What can go wrong with a flow.

use thiserror::Error;

/// Why a flow cannot be built.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum FlowError {
    /// The features do not fit the manifold.
    #[error("these features do not fit {manifold}: {reason}")]
    Features {
        /// Name of the manifold.
        manifold: String,
        /// What is wrong and what to do.
        reason: String,
    },
    /// The manifold has no compiled kernels.
    #[error(
        "{manifold} has dimension {dim}, but kernels are compiled for dimensions 1 to {}",
        crate::stack::MAX_DIM
    )]
    Dimension {
        /// Name of the manifold.
        manifold: String,
        /// Its dimension.
        dim: usize,
    },
    /// A size that must not be zero is.
    #[error("{what} must not be zero")]
    Zero {
        /// Which one.
        what: &'static str,
    },
    /// A number is out of its range.
    #[error("{what} is {value}, which must be positive and finite")]
    NotPositive {
        /// Which one.
        what: &'static str,
        /// As it was given, in words: floats have no equality that an error type could derive.
        value: String,
    },
}

/// Why the inner minimisation did not find an image.
#[derive(Clone, Copy, Debug, PartialEq, Error)]
pub enum SolveError {
    /// The steps ran out.
    #[error(
        "sample {sample}: the inner minimisation stopped after {steps} steps with a residual of {residual:.1e} rad; \
         psi is likely not c-concave here: lower its scale, or raise solver.max_steps for gradient descent"
    )]
    MaxSteps {
        /// Index in the batch.
        sample: usize,
        /// Steps taken.
        steps: usize,
        /// Norm of the objective's gradient, in radians.
        residual: f64,
    },
    /// A critical point was found where the Hessian `H` is not positive definite, or beyond the injectivity radius.
    #[error(
        "sample {sample}: the Hessian of the inner objective is not positive definite at the point found; the map \
         folds here and has no density: lower the scale of psi"
    )]
    NotConvex {
        /// Index in the batch.
        sample: usize,
    },
}
