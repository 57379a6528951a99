//! Quantiles of a column of numbers, and a robust measure of its spread.

/// Quartiles of the standard normal distribution lie at ±0.67449, so that its interquartile range is this.
const NORMAL_INTERQUARTILE_RANGE: f64 = 1.348_979_500_392_163_4;

/// The numbers of a column in ascending order.
#[derive(Clone, Debug)]
pub(crate) struct Sorted(Vec<f64>);

impl Sorted {
    /// Sorts a column; it must hold finite numbers, and at least one.
    pub(crate) fn new(mut values: Vec<f64>) -> Self {
        assert!(!values.is_empty(), "a column of no numbers has no quantiles");
        values.sort_unstable_by(f64::total_cmp);
        Self(values)
    }

    /// The smallest and the largest number.
    pub(crate) fn range(&self) -> (f64, f64) {
        (self.0[0], self.0[self.0.len() - 1])
    }

    /// How many different numbers there are.
    pub(crate) fn distinct(&self) -> usize {
        1 + self.0.windows(2).filter(|pair| pair[0] != pair[1]).count()
    }

    /// The quantile of a share between 0 and 1, by linear interpolation between order statistics.
    pub(crate) fn quantile(&self, share: f64) -> f64 {
        let last = self.0.len() - 1;
        let position = share * last as f64;
        let below = (position as usize).min(last);
        let above = (below + 1).min(last);
        self.0[below] + (position - below as f64) * (self.0[above] - self.0[below])
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
        let (n, scale) = (self.0.len() as f64, high - low);
        let mean = self.0.iter().map(|x| (x - low) / scale).sum::<f64>() / n;
        let squares: f64 = self.0.iter().map(|x| ((x - low) / scale - mean).powi(2)).sum();
        scale * (squares / n).sqrt()
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
}
