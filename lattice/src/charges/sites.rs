//! Charges of single sites, of the sum of all angles, and of a chain's bonds in coordinates of differences.

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

    /// In the coordinates of [`crate::Unimodular::differences`] a product of one map per bond of a chain, all the same, and
    /// of one for the angle of the first site: cosines of `m uᵢ` for `m` from 1 to `degree`, each divided by `m²`.
    ///
    /// # Errors
    /// As [`Charges::single_sites`].
    pub fn bonds(sites: usize, degree: u32) -> Result<Self, ChargesError> {
        let mut names = labels("site", degree);
        if sites > 1 {
            names.extend(labels("bond", degree));
        }
        let terms = (1..=degree as i32).flat_map(|m| {
            let class = move |site: usize| if site == 0 { m - 1 } else { degree as i32 + m - 1 } as usize;
            (0..sites).map(move |site| Term { charge: vec![(site, m)], class: class(site) })
        });
        Self::labelled(sites, &terms.collect::<Vec<_>>(), names)
    }

    /// In the coordinates of [`crate::Unimodular::differences`] cosines of the multiples, up to `degree`, of the bond that
    /// closes a chain: the sum of all differences.
    ///
    /// # Errors
    /// As [`Charges::single_sites`]; [`ChargesError::TooSmall`] below two sites, where there is no bond.
    pub fn closure(sites: usize, degree: u32) -> Result<Self, ChargesError> {
        if sites < 2 {
            return Err(ChargesError::TooSmall { lattice: "a closed chain", found: sites, needed: 2 });
        }
        let terms = (1..=degree as i32)
            .map(|m| Term { charge: (1..sites).map(|site| (site, m)).collect(), class: m as usize - 1 });
        Self::labelled(sites, &terms.collect::<Vec<_>>(), labels("closure", degree))
    }
}

/// One label per degree.
fn labels(of: &str, degree: u32) -> Vec<String> {
    (1..=degree).map(|m| format!("{of} {m}")).collect()
}
