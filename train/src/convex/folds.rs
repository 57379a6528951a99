//! Parts of the points that are left out by turns, to judge layers that the others were fitted to.

use std::collections::BTreeMap;

use ircpm_manifolds::AnyManifold;

use super::member::Member;
use crate::points::Generator;
use crate::weights::Sample;

/// Numbers of points up to which there are ten and five folds, and two that leave out a tenth each; above, a tenth of the
/// points judges.
const TEN_FOLDS: usize = 100;
pub(super) const FIVE_FOLDS: usize = 2000;
const TWO_FOLDS: usize = 4000;

/// Members that leave out a part of the points each; none if all points are the same. Rows that repeat each other are left
/// out together, because a copy among the points to learn from would praise any peak there.
pub(super) fn folds<'a>(manifold: &'a AnyManifold, sample: &Sample, seed: u64) -> Vec<Member<'a>> {
    let n = manifold.ambient();
    let count = sample.points.len() / n;
    let row = |i: usize| &sample.points[i * n..(i + 1) * n];
    let mut copies: BTreeMap<Vec<u64>, Vec<usize>> = BTreeMap::new();
    for i in 0..count {
        copies.entry(row(i).iter().map(|x| x.to_bits()).collect()).or_default().push(i);
    }
    let mut groups: Vec<Vec<usize>> = copies.into_values().collect();
    let mut rng = Generator::from_seed(seed);
    let distinct = groups.len();
    (0..distinct).for_each(|i| groups.swap(i, i + rng.below(distinct - i)));
    if distinct < 2 {
        return vec![];
    }
    let effective = distinct.min(sample.weights.effective(count).round() as usize);
    let (parts, used) = match effective {
        0..TEN_FOLDS => (10.min(distinct), 10.min(distinct)),
        TEN_FOLDS..FIVE_FOLDS => (5, 5),
        FIVE_FOLDS..TWO_FOLDS => (10, 2),
        _ => (10, 1),
    };
    let of = |fold: usize| {
        let (mut train, mut held) = (Vec::new(), Vec::new());
        for (place, group) in groups.iter().enumerate() {
            let into = if place % parts == fold { &mut held } else { &mut train };
            into.extend(group);
        }
        let [train, held] = [train, held].map(|rows| sample.rows(n, &rows));
        Member::new(manifold, train, held, seed.wrapping_add(1 + fold as u64), used == 1)
    };
    (0..used).map(of).collect()
}
