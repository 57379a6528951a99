//! Charges on chains of sites, open or closed.

use std::collections::HashMap;

use super::{Charges, Term, charge_vectors, count_of_vectors, refuse_many};
use crate::error::ChargesError;

/// All charges of a chain on windows of `range + 1` neighbours, tied under translations and reflection.
///
/// On an open chain all terms are read from the nearer end, so that the two halves are reflections of each other, and
/// terms near an end have classes of their own, by their distance from it. Beyond [`Chain::boundary`] a half is
/// invariant under translations.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Chain {
    /// Largest distance between two sites of a term.
    pub range: usize,
    /// Largest sum `‖q‖₁` of the absolute values of a term's charges.
    pub degree: u32,
    /// Whether the last site is a neighbour of the first.
    pub closed: bool,
    /// Whether only charges with sum zero are taken, which depend on differences of angles alone.
    pub differences: bool,
    /// Distance from the end of an open chain at which the bulk begins.
    pub boundary: usize,
}

impl Default for Chain {
    /// An open chain of range 2 and degree 4, whose bulk begins at the fifth site.
    fn default() -> Self {
        Self { range: 2, degree: 4, closed: false, differences: false, boundary: 4 }
    }
}

impl Chain {
    /// The potential on a chain of `sites` sites.
    ///
    /// # Errors
    /// [`ChargesError::TooMany`] for more than [`super::MOST_TERMS`] terms;
    /// [`ChargesError`] if the range (beyond single sites) or the degree is zero, if the chain is shorter than a window,
    /// or if a closed one is so short that two windows meet at both ends.
    pub fn charges(&self, sites: usize) -> Result<Charges, ChargesError> {
        let lattice = if self.closed { "a closed chain" } else { "an open chain" };
        if self.degree == 0 {
            return Err(ChargesError::Zero { lattice, what: "degree" });
        }
        let needed = if self.closed { 2 * self.range + 1 } else { self.range + 1 };
        if sites < needed {
            return Err(ChargesError::TooSmall { lattice, found: sites, needed });
        }
        refuse_many(count_of_vectors(self.range + 1, self.degree))?;
        if !self.differences {
            // Those with a charge on the first site, almost all on every site.
            let windows =
                count_of_vectors(self.range + 1, self.degree) - count_of_vectors(self.range, self.degree);
            refuse_many(windows.saturating_mul(sites - self.range))?;
        }
        let (mut terms, mut labels, mut known) = (vec![], vec![], HashMap::new());
        for q in charge_vectors(self.range + 1, self.degree) {
            // Windows are counted by their first site, which must carry a charge.
            if q[0] == 0 || (self.differences && q.iter().sum::<i32>() != 0) {
                continue;
            }
            let width = q.iter().rposition(|q| *q != 0).unwrap_or(0);
            for first in 0..if self.closed { sites } else { sites - width } {
                let label = self.label(&q[..=width], first, sites);
                let class = *known.entry(label.clone()).or_insert_with(|| {
                    labels.push(label);
                    labels.len() - 1
                });
                let charge = q.iter().enumerate().map(|(j, &q)| ((first + j) % sites, q));
                terms.push(Term { charge: charge.filter(|(_, q)| *q != 0).collect(), class });
            }
        }
        Charges::labelled(sites, &terms, labels)
    }

    /// What terms that share a parameter have in common: the charges, read from the nearer end, and the distance from
    /// it, at most [`Chain::boundary`]; in the middle and on a closed chain the larger of the charges and their
    /// reflection.
    fn label(&self, q: &[i32], first: usize, sites: usize) -> String {
        let mut reflected: Vec<i32> = q.iter().rev().copied().collect();
        if reflected[0] < 0 {
            reflected.iter_mut().for_each(|q| *q = -*q);
        }
        let larger = if reflected.as_slice() > q { &reflected } else { q };
        if self.closed {
            return format!("{larger:?}");
        }
        let (left, right) = (first, sites - q.len() - first);
        let read = match left.cmp(&right) {
            std::cmp::Ordering::Less => q,
            std::cmp::Ordering::Equal => larger,
            std::cmp::Ordering::Greater => &reflected,
        };
        format!("{read:?} at {}", left.min(right).min(self.boundary))
    }
}
