//! Numerical checks for a potential or a flow of one's own: the fast forms against the definition, derivatives against
//! differences.
//!
//! [`potential_violations`] holds every fast form of a [`crate::Potential`] against its [`crate::Expression::value`] by
//! dual numbers, to rounding. [`flow_violations`] holds a [`crate::Flow`], whatever its maps and its manifold, against
//! itself: the two directions against each other, and derivatives against determinants and central differences. A
//! manifold has laws of its own: see [`ircpm_manifolds::check`].

mod flow;
mod potential;

use std::fmt;

pub use flow::flow_violations;
pub use potential::potential_violations;

/// Something that should hold and does not.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Violation {
    /// What should hold, as a sentence.
    pub law: &'static str,
    /// Largest error found, relative to the size of the numbers; NaN if some result was NaN.
    pub error: f64,
    /// Largest error that rounding or truncation explains.
    pub tolerance: f64,
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { law, error, tolerance } = self;
        write!(f, "{law}: the error is {error:.1e}, more than {tolerance:.1e}")
    }
}

/// The largest error under each law.
#[derive(Default)]
struct Errors(Vec<Violation>);

impl Errors {
    /// Takes in the error of `found` where `expected` should be, relative to `size`.
    fn compare(&mut self, law: &'static str, tolerance: f64, (found, expected): (f64, f64), size: f64) {
        let error = if found == expected { 0.0 } else { (found - expected).abs() / size };
        match self.0.iter_mut().find(|known| known.law == law) {
            // `f64::max` would drop a NaN.
            Some(known) => {
                known.error = if error.is_nan() || error > known.error { error } else { known.error }
            }
            None => self.0.push(Violation { law, error, tolerance }),
        }
    }

    /// As [`Errors::compare`], for several numbers of one size: the largest of them, or one.
    fn compare_all(&mut self, law: &'static str, tolerance: f64, found: &[f64], expected: &[f64]) {
        assert_eq!(found.len(), expected.len(), "{law}");
        let size = expected.iter().fold(1.0, |max: f64, x| max.max(x.abs()));
        for pair in found.iter().copied().zip(expected.iter().copied()) {
            self.compare(law, tolerance, pair, size);
        }
    }

    fn violations(self) -> Vec<Violation> {
        self.0.into_iter().filter(|law| law.error.is_nan() || law.error > law.tolerance).collect()
    }
}

/// Some number of order one, the same for the same arguments.
fn number(seed: usize, k: usize) -> f64 {
    (0.7 + 1.3 * seed as f64 + 2.1 * k as f64).sin()
}
