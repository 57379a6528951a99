//! Cross-validation: which points choose, and which are chosen for.

use crate::points::Generator;
use crate::weights::Weights;

/// Folds that the points are dealt into.
const FOLDS: usize = 10;

/// Effective number of points that choose, in all folds that are used: with that many, the choice is sharp enough, and more folds only cost.
const ENOUGH: usize = 1500;

/// One way to part the points: rows to fit to, and rows to validate on.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Fold {
    pub(super) train: Vec<usize>,
    pub(super) validation: Vec<usize>,
}

/// Deals the rows `0..rows` into ten folds at random, fewer if there are fewer rows. The validation parts are disjoint;
/// among many rows, by their effective number, only the first folds are used.
pub(super) fn folds(rows: usize, weights: &Weights, seed: u64) -> Vec<Fold> {
    let worth = weights.effective(rows) / rows as f64;
    let order = Generator::from_seed(seed).shuffled(rows);
    let count = FOLDS.min(rows);
    let part = |fold: usize| fold * rows / count..(fold + 1) * rows / count;
    (0..count)
        .take_while(|&fold| worth * (part(fold).start as f64) < ENOUGH as f64)
        .map(|fold| {
            let (mut validation, mut train) = (order[part(fold)].to_vec(), Vec::with_capacity(rows));
            train.extend(&order[..part(fold).start]);
            train.extend(&order[part(fold).end..]);
            // Ascending, so that sums run in the order of the rows.
            validation.sort_unstable();
            train.sort_unstable();
            Fold { train, validation }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_row_validates_once_and_never_where_it_trains() {
        for rows in [2, 3, 10, 11, 30, 1499] {
            let folds = folds(rows, &Weights::default(), 7);
            let mut seen = vec![0; rows];
            for fold in &folds {
                fold.validation.iter().for_each(|&row| seen[row] += 1);
                let mut all = [&fold.train[..], &fold.validation].concat();
                all.sort_unstable();
                assert_eq!(all, (0..rows).collect::<Vec<_>>(), "{rows} rows");
                assert!(!fold.train.is_empty() && !fold.validation.is_empty(), "{rows} rows");
            }
            assert_eq!(seen, vec![1; rows], "{rows} rows");
        }
    }

    #[test]
    fn many_rows_need_one_fold_and_the_seed_decides() {
        let folds = |rows: usize, seed: u64| folds(rows, &Weights::default(), seed);
        assert_eq!(folds(16_000, 7).len(), 1);
        assert_eq!(folds(16_000, 7)[0].validation.len(), 1600);
        assert_eq!(folds(100, 7), folds(100, 7));
        assert_ne!(folds(100, 7), folds(100, 8));
    }
}
