//! Gradient clipping by the global norm.

use crate::loss::{LossError, check_finite};

/// Shortens gradients that are too long, and counts them (Pascanu et al. 2013, arXiv:1211.5063).
#[derive(Clone, Debug, PartialEq)]
pub struct Clip {
    max_norm: f64,
    clipped: u64,
}

impl Clip {
    /// Clips at `max_norm`; [`f64::INFINITY`] never clips, but still checks and measures.
    pub fn new(max_norm: f64) -> Self {
        Self { max_norm, clipped: 0 }
    }

    /// Scales `grad` to Euclidean norm `max_norm` if it is longer; returns the norm that it came with.
    ///
    /// # Errors
    /// [`LossError::Gradient`] with the first entry that is NaN or infinite; `grad` is then unchanged.
    pub fn apply(&mut self, grad: &mut [f64]) -> Result<f64, LossError> {
        check_finite(grad)?;
        let norm = norm(grad);
        if norm > self.max_norm {
            self.clipped += 1;
            // Divided first: max_norm / norm alone may underflow.
            grad.iter_mut().for_each(|g| *g = *g / norm * self.max_norm);
        }
        Ok(norm)
    }

    /// Number of gradients shortened so far.
    pub fn clipped(&self) -> u64 {
        self.clipped
    }
}

/// Euclidean norm; scaled by the largest entry, so that the squares neither overflow nor vanish.
fn norm(x: &[f64]) -> f64 {
    let largest = x.iter().fold(0.0_f64, |m, v| m.max(v.abs()));
    if largest == 0.0 {
        return 0.0;
    }
    largest * x.iter().map(|v| (v / largest).powi(2)).sum::<f64>().sqrt()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clip_scales_a_long_gradient_to_the_norm_and_counts_it() {
        let mut clip = Clip::new(1.0);
        let mut grad = [3.0, -4.0];
        assert_eq!(clip.apply(&mut grad), Ok(5.0));
        assert!((grad[0] - 0.6).abs() < 1e-15 && (grad[1] + 0.8).abs() < 1e-15, "{grad:?}");
        let mut short = [0.3, 0.4];
        assert_eq!(clip.apply(&mut short), Ok(0.5));
        assert_eq!(short, [0.3, 0.4]);
        assert_eq!(clip.clipped(), 1);
    }

    #[test]
    fn clip_survives_gradients_whose_squares_overflow() {
        let mut clip = Clip::new(1.0);
        let mut grad = [3e200, 4e200];
        let norm = clip.apply(&mut grad).expect("finite");
        assert!((norm / 5e200 - 1.0).abs() < 1e-15);
        assert!((grad[0] - 0.6).abs() < 1e-15 && (grad[1] - 0.8).abs() < 1e-15, "{grad:?}");
        assert_eq!(clip.apply(&mut [0.0; 2]), Ok(0.0));
    }

    #[test]
    fn clip_refuses_a_gradient_that_is_not_finite() {
        let error = Clip::new(1.0).apply(&mut [0.0, f64::NEG_INFINITY, f64::NAN]);
        assert_eq!(error, Err(LossError::Gradient { index: 1, value: f64::NEG_INFINITY }));
    }
}
