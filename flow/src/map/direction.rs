//! Which way a layer is run.

/// Which way a layer is run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// `x ↦ y`, by the inner minimisation.
    Forward,
    /// `y ↦ x = exp_y(grad psi(y))`, in closed form.
    Inverse,
}
