//! Charges of single sites, and of the sum of all angles.

use super::{Charges, Term};
use crate::error::ChargesError;

impl Charges {
    /// `Σᵢ θ_m cos(m yᵢ)/m²` for `m` from 1 to `degree`: a product of one map per angle, all the same.
    ///
    /// # Errors
    /// [`ChargesError`] if there are no sites or no terms, or the degree exceeds [`super::LARGEST_CHARGE`].
    pub fn single_sites(sites: usize, degree: u32) -> Result<Self, ChargesError> {
        let terms = (1..=degree as i32).flat_map(|m| {
            (0..sites).map(move |site| Term { charge: vec![(site, m)], class: m as usize - 1 })
        });
        Self::labelled(sites, &terms.collect::<Vec<_>>(), labels("site", degree))
    }

    /// `θ_m cos(m Σᵢ yᵢ)/(m² D)` for `m` from 1 to `degree`.
    ///
    /// `H` is then the identity plus a matrix of rank one. In the plaquette angles of a two-dimensional gauge theory,
    /// all but the last, the sum is that last angle but for its sign.
    ///
    /// # Errors
    /// As [`Charges::single_sites`].
    pub fn total(sites: usize, degree: u32) -> Result<Self, ChargesError> {
        let terms = (1..=degree as i32)
            .map(|m| Term { charge: (0..sites).map(|site| (site, m)).collect(), class: m as usize - 1 });
        Self::labelled(sites, &terms.collect::<Vec<_>>(), labels("total", degree))
    }
}

/// One label per degree.
fn labels(of: &str, degree: u32) -> Vec<String> {
    (1..=degree).map(|m| format!("{of} {m}")).collect()
}
