//! The energy in the training steps of all contenders.

use ircpm_ad::Scalar;
use ircpm_ad::derivative::ScalarField;

/// `u(y) = −Σ_c cos(y_c − c)` over the ambient coordinates: smooth on every manifold, and cheap beside the flow.
#[derive(Clone, Copy, Debug)]
pub struct CosineEnergy;

impl ScalarField for CosineEnergy {
    fn eval<S: Scalar>(&self, y: &[S]) -> S {
        y.iter().enumerate().fold(S::zero(), |u, (c, &y)| u - (y - c as f64).cos())
    }
}

impl CosineEnergy {
    /// Writes the ambient gradient at `y`.
    pub fn gradient(self, y: &[f64], slope: &mut [f64]) {
        for (c, (slope, y)) in slope.iter_mut().zip(y).enumerate() {
            *slope = (y - c as f64).sin();
        }
    }
}
