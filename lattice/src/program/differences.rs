//! Potentials of differences of angles: a phase per difference, and `∂∂psi` as a graph's Laplacian.
//!
//! Where the charges of every term have the sum zero, `q · y` is a sum of fewer than `K` differences on `K` angles, and
//! `q qᵀ = −Σ_{i<j} qᵢ qⱼ (eᵢ − eⱼ)(eᵢ − eⱼ)ᵀ`: what is below the diagonal of `∂∂psi` gives the diagonal as well. That
//! takes half of the work of other potentials.

use std::collections::BTreeMap;

use ircpm_ad::Real;

use super::evaluate::Local;
use super::{Clusters, Phase, Program};
use crate::factor::Symbolic;

/// The difference `yᵢ − yⱼ` of two angles that have terms in common.
#[derive(Clone, Debug)]
pub(crate) struct Difference {
    /// The two angles, ascending.
    pub sites: [usize; 2],
    /// Their places in the diagonal of `H`.
    places: [usize; 2],
    /// The place of their entry below it.
    slot: usize,
    /// The largest multiple that is a factor of a term's phase; zero where none is.
    pub largest: usize,
}

/// The differences of every two angles that have terms in common, for charges of sum zero.
pub(super) fn differences_of(clusters: &Clusters, symbolic: &Symbolic) -> Vec<Difference> {
    let mut found = BTreeMap::new();
    for (angles, terms) in clusters {
        for i in 1..angles.len() {
            for j in 0..i {
                found.entry([angles[j], angles[i]]).or_insert(0);
            }
        }
        for Phase { angles: (i, j), multiple } in terms.iter().flat_map(|(q, _)| phases_of_differences(q)) {
            let sites = [angles[i], angles[j.expect("a difference")]];
            let largest = found.get_mut(&sites).expect("two angles of the cluster");
            *largest = (multiple.unsigned_abs() as usize).max(*largest);
        }
    }
    let of = |(sites, largest): ([usize; 2], usize)| Difference {
        sites,
        places: sites.map(|site| symbolic.place[site] as usize),
        slot: symbolic.entry(sites[0] as u32, sites[1] as u32) as usize,
        largest,
    };
    found.into_iter().map(of).collect()
}

/// The factors of `exp(i q · y)` for charges of sum zero: what is left of the first positive charge and of the first negative
/// one is their difference, as often as the smaller of them.
pub(super) fn phases_of_differences(q: &[i32]) -> Vec<Phase> {
    let mut left = q.to_vec();
    let mut factors = vec![];
    while let (Some(from), Some(to)) = (left.iter().position(|q| *q > 0), left.iter().position(|q| *q < 0)) {
        let times = left[from].min(-left[to]);
        let multiple = if from < to { times } else { -times };
        factors.push(Phase { angles: (from.min(to), Some(from.max(to))), multiple });
        left[from] -= times;
        left[to] += times;
    }
    factors
}

impl Program {
    /// The number of the difference of two angles that have terms in common, ascending.
    pub(super) fn difference(&self, i: usize, j: usize) -> usize {
        let found = self.differences.binary_search_by(|difference| difference.sites.cmp(&[i, j]));
        found.expect("angles with terms in common")
    }
}

impl<R: Real> Local<R> {
    /// The diagonal of `∂∂psi` from what is below it: its rows have the sum zero.
    #[inline(always)]
    pub(super) fn complete_diagonal(&mut self, program: &Program) {
        for difference in &program.differences {
            let entry = self.h.lower[difference.slot];
            self.h.diagonal[difference.places[0]] -= entry;
            self.h.diagonal[difference.places[1]] -= entry;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn charges_are_sums_of_differences() {
        for q in
            [vec![1, -1], vec![2, -2], vec![2, -1, -1], vec![1, 1, -2], vec![1, -3, 1, 1], vec![1, -1, -1, 1]]
        {
            let factors = phases_of_differences(&q);
            assert!(factors.len() < q.len());
            let mut sum = vec![0; q.len()];
            for Phase { angles: (i, j), multiple } in factors {
                sum[i] += multiple;
                sum[j.unwrap()] -= multiple;
            }
            assert_eq!(sum, q);
        }
    }
}
