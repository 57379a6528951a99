//! Quantiles of a column of numbers, and a robust measure of its spread.

use crate::weights::{Weights, partial_sums};

/// Quartiles of the standard normal distribution lie at ±0.67449, so that its interquartile range is this.
const NORMAL_INTERQUARTILE_RANGE: f64 = 1.348_979_500_392_163_4;

/// The numbers of a column in ascending order, with their weights.
#[derive(Clone, Debug)]
pub(crate) struct Sorted {
    values: Vec<f64>,
    /// Weights of the values, and the sums of those up to each; none if all count alike.
    weights: Option<[Vec<f64>; 2]>,
}

/// Share of a position by which sums of weights may miss it.
const ROUNDING: f64 = 1e-12;

impl Sorted {
    /// Sorts a column; it must hold finite numbers, and at least one.
    pub(crate) fn new(values: Vec<f64>) -> Self {
        Self::weighted(values, &Weights::default())
    }

    /// As [`Sorted::new`], where a number of weight `w` counts as `w` equal ones.
    pub(crate) fn weighted(mut values: Vec<f64>, weights: &Weights) -> Self {
        assert!(!values.is_empty(), "a column of no numbers has no quantiles");
        let Some(given) = weights.as_slice() else {
            values.sort_unstable_by(f64::total_cmp);
            return Self { values, weights: None };
        };
        let mut order: Vec<usize> = (0..values.len()).collect();
        order.sort_by(|&i, &j| values[i].total_cmp(&values[j]));
        let weights: Vec<f64> = order.iter().map(|&i| given[i]).collect();
        let sums = partial_sums(&weights);
        Self { values: order.iter().map(|&i| values[i]).collect(), weights: Some([weights, sums]) }
    }

    /// The sum of all weights.
    fn total(&self) -> f64 {
        match &self.weights {
            None => self.values.len() as f64,
            Some([_, sums]) => sums[sums.len() - 1],
        }
    }

    /// The position of the largest number, counted from 0.
    pub(crate) fn last(&self) -> f64 {
        (self.total() - 1.0).max(0.0)
    }

    /// The number at an integer position: with weights the one that stands there if each is repeated by its weight.
    pub(crate) fn at(&self, position: f64) -> f64 {
        let place = match &self.weights {
            None => position as usize,
            Some([_, sums]) => sums.partition_point(|sum| *sum < (position + 1.0) * (1.0 - ROUNDING)),
        };
        self.values[place.min(self.values.len() - 1)]
    }

    /// The mean of a function of the numbers.
    pub(crate) fn mean_of(&self, f: impl Fn(f64) -> f64) -> f64 {
        let sum: f64 = match &self.weights {
            None => self.values.iter().map(|x| f(*x)).sum(),
            Some([weights, _]) => self.values.iter().zip(weights).map(|(x, weight)| weight * f(*x)).sum(),
        };
        sum / self.total()
    }

    /// The smallest and the largest number.
    pub(crate) fn range(&self) -> (f64, f64) {
        (self.values[0], self.values[self.values.len() - 1])
    }

    /// How many different numbers there are.
    pub(crate) fn distinct(&self) -> usize {
        1 + self.values.windows(2).filter(|pair| pair[0] != pair[1]).count()
    }

    /// The quantile of a share between 0 and 1, by linear interpolation between order statistics.
    pub(crate) fn quantile(&self, share: f64) -> f64 {
        let position = share * self.last();
        let (below, above) = (self.at(position.floor()), self.at(position.floor() + 1.0));
        below + position.fract() * (above - below)
    }

    /// The interquartile range over that of the standard normal distribution: the standard deviation of normal numbers,
    /// and indifferent to outliers. Where half of the numbers are equal it is zero, and the standard deviation stands
    /// in; that is zero only if all are equal.
    pub(crate) fn spread(&self) -> f64 {
        let robust = (self.quantile(0.75) - self.quantile(0.25)) / NORMAL_INTERQUARTILE_RANGE;
        let (low, high) = self.range();
        if robust > 0.0 || low == high {
            return robust;
        }
        // Relative to the range, so that squares neither overflow nor vanish.
        let scale = high - low;
        let mean = self.mean_of(|x| (x - low) / scale);
        scale * self.mean_of(|x| ((x - low) / scale - mean).powi(2)).sqrt()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::points::Generator;

    #[test]
    fn spread_is_the_standard_deviation_of_normal_numbers_despite_outliers() {
        let mut generator = Generator::from_seed(41);
        let mut x: Vec<f64> = (0..20_000).map(|_| 5.0 + 3.0 * generator.normal()).collect();
        // The standard error of a quartile's distance is 1.17 σ/√n per quartile range of 1.35 σ: 0.8 %.
        assert!((Sorted::new(x.clone()).spread() / 3.0 - 1.0).abs() < 0.025);
        x.extend([1e9, -1e12]);
        assert!((Sorted::new(x).spread() / 3.0 - 1.0).abs() < 0.025);
    }

    #[test]
    fn spread_is_zero_only_where_all_numbers_are_equal() {
        assert_eq!(Sorted::new(vec![2.5; 7]).spread(), 0.0);
        let mostly_equal = Sorted::new(vec![0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 8.0]);
        assert!((mostly_equal.spread() - 7f64.sqrt()).abs() < 1e-15, "{}", mostly_equal.spread());
        assert!(Sorted::new(vec![0.0, 0.0, 0.0, 0.0, 1e300]).spread().is_finite());
    }

    #[test]
    fn quantiles_interpolate_between_order_statistics() {
        let sorted = Sorted::new(vec![4.0, 1.0, 2.0, 2.0]);
        assert_eq!([0.0, 0.5, 0.75, 1.0].map(|share| sorted.quantile(share)), [1.0, 2.0, 2.5, 4.0]);
        assert_eq!((sorted.distinct(), sorted.range()), (3, (1.0, 4.0)));
        assert_eq!(Sorted::new(vec![3.0]).quantile(0.3), 3.0);
    }
    #[test]
    fn integer_weights_are_repeated_numbers() {
        let mut generator = Generator::from_seed(43);
        for rows in [1, 2, 5, 40] {
            let x: Vec<f64> = (0..rows).map(|_| generator.normal()).collect();
            let counts: Vec<usize> = (0..rows).map(|_| 1 + generator.below(6)).collect();
            let weights = Weights::raw(counts.iter().map(|&count| count as f64).collect());
            let repeated = x.iter().zip(&counts).flat_map(|(x, &count)| std::iter::repeat_n(*x, count));
            let (weighted, repeated) =
                (Sorted::weighted(x.clone(), &weights), Sorted::new(repeated.collect()));
            for i in 0..=20 {
                let share = 0.05 * f64::from(i);
                assert_eq!(weighted.quantile(share), repeated.quantile(share), "{rows} rows, share {share}");
            }
            assert!((weighted.spread() - repeated.spread()).abs() < 1e-14, "{rows} rows");
            assert!((weighted.mean_of(|x| x * x) - repeated.mean_of(|x| x * x)).abs() < 1e-14, "{rows} rows");
        }
    }
}
