//! Weights of rows: how much each point counts in every sum over points.
//!
//! Only ratios of weights matter. A likelihood of points `yᵢ` with weights `wᵢ ≥ 0` is `Σ wᵢ log q(yᵢ) / Σ wᵢ`: a weight
//! of 2 counts as two rows, a weight of 0 as none, and importance weights `p(yᵢ)/r(yᵢ)` of points drawn from `r` make it
//! a likelihood of the law `p`.
//!
//! Weights do not make more rows of what is known. Whatever depends on the number of rows takes the *effective* number
//! `(Σw)²/Σw²` (Kish 1965, *Survey Sampling*) in its place, which is that of the rows where all weights are equal, and
//! smaller elsewhere.

use crate::estimate::{Estimate, mean};

/// Points of a manifold, `[point][coordinate]`, with the weights of their rows, or without.
///
/// Slices and vectors of coordinates are points without weights:
///
/// ```
/// use ircpm_train::WeightedPoints;
///
/// let (angles, weights) = ([0.1, 0.2, 3.0], [1.0, 2.5, 0.0]);
/// assert_eq!(WeightedPoints::from(&angles).weights(), None);
/// assert_eq!(WeightedPoints::new(&angles, &weights)?.weights(), Some(&weights[..]));
/// assert!(WeightedPoints::new(&angles, &[1.0, -2.0, 1.0]).is_err());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct WeightedPoints<'a> {
    points: &'a [f64],
    weights: Option<&'a [f64]>,
}

/// Why numbers are no weights of rows.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum WeightsError {
    /// A weight is negative or not finite.
    #[error("weight {index}, counted from 0, is {value}: give a finite number, zero or more")]
    Value {
        /// Number of the row.
        index: usize,
        /// The weight.
        value: f64,
    },
    /// No row counts.
    #[error(
        "all {rows} weights are zero, so that no row counts: give positive weights to rows to learn from"
    )]
    Zero {
        /// Number of rows.
        rows: usize,
    },
}

impl<'a> WeightedPoints<'a> {
    /// Points with one weight per row.
    ///
    /// # Errors
    /// [`WeightsError`] for weights that are negative, NaN or infinite, and if all are zero.
    ///
    /// # Panics
    /// If there is not one weight per row, whatever the number of coordinates.
    pub fn new(points: &'a [f64], weights: &'a [f64]) -> Result<Self, WeightsError> {
        let rows = weights.len();
        let fits = if rows == 0 { points.is_empty() } else { points.len().is_multiple_of(rows) };
        assert!(fits, "one weight per point");
        if let Some(index) = weights.iter().position(|w| !(w.is_finite() && *w >= 0.0)) {
            return Err(WeightsError::Value { index, value: weights[index] });
        }
        if rows > 0 && weights.iter().all(|w| *w == 0.0) {
            return Err(WeightsError::Zero { rows });
        }
        Ok(Self { points, weights: Some(weights) })
    }

    /// The points, `[point][coordinate]`.
    pub fn points(self) -> &'a [f64] {
        self.points
    }

    /// One weight per point; none if all points count alike.
    pub fn weights(self) -> Option<&'a [f64]> {
        self.weights
    }

    /// Number of points of so many coordinates.
    ///
    /// # Panics
    /// If there are not whole points, or not one weight per point.
    pub(crate) fn count(self, ambient: usize) -> usize {
        assert!(self.points.len().is_multiple_of(ambient), "points of {ambient} coordinates");
        let count = self.points.len() / ambient;
        assert!(self.weights.is_none_or(|weights| weights.len() == count), "one weight per point");
        count
    }
}

impl<'a> From<&'a [f64]> for WeightedPoints<'a> {
    fn from(points: &'a [f64]) -> Self {
        Self { points, weights: None }
    }
}

impl<'a> From<&'a Vec<f64>> for WeightedPoints<'a> {
    fn from(points: &'a Vec<f64>) -> Self {
        points.as_slice().into()
    }
}

impl<'a, const N: usize> From<&'a [f64; N]> for WeightedPoints<'a> {
    fn from(points: &'a [f64; N]) -> Self {
        points.as_slice().into()
    }
}

/// The sum of the weights up to each, that one included.
pub(crate) fn partial_sums(weights: &[f64]) -> Vec<f64> {
    let mut sum = 0.0;
    let add = |weight: &f64| {
        sum += weight;
        sum
    };
    weights.iter().map(add).collect()
}

/// The rows that count, with their weights.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Sample {
    /// `[point][coordinate]`.
    pub points: Vec<f64>,
    pub weights: Weights,
}

impl Sample {
    /// Given points without those of weight zero, the weights of mean one.
    ///
    /// # Panics
    /// As [`WeightedPoints::count`].
    pub(crate) fn new(given: WeightedPoints<'_>, ambient: usize) -> Self {
        Self::joined(&[given], ambient)
    }

    /// As [`Sample::new`], of several sets of points, one after the other. Their weights are on one scale, on which a
    /// point without a weight has one.
    ///
    /// # Panics
    /// As [`Sample::new`].
    pub(crate) fn joined(parts: &[WeightedPoints<'_>], ambient: usize) -> Self {
        let counts: Vec<usize> = parts.iter().map(|part| part.count(ambient)).collect();
        let points = parts.iter().map(|part| part.points).collect::<Vec<_>>().concat();
        if parts.iter().all(|part| part.weights.is_none()) {
            return Self { points, weights: Weights::default() };
        }
        let of_part = |(part, count): (&WeightedPoints<'_>, usize)| {
            part.weights.map_or_else(|| vec![1.0; count], <[f64]>::to_vec)
        };
        let weights: Vec<f64> = parts.iter().zip(counts).flat_map(of_part).collect();
        // Relative to the largest, so that no sum of them overflows.
        let largest = weights.iter().copied().fold(0.0, f64::max);
        let rows = points.chunks_exact(ambient).zip(weights.iter().map(|w| w / largest));
        let (points, weights): (Vec<&[f64]>, Vec<f64>) = rows.filter(|(_, weight)| *weight > 0.0).unzip();
        Self { points: points.concat(), weights: Weights::of_mean_one(weights) }
    }

    /// Some of the rows, in the order of their numbers; the weights stay on their scale.
    pub(crate) fn rows(&self, ambient: usize, rows: &[usize]) -> Self {
        let points = rows.iter().flat_map(|row| &self.points[row * ambient..(row + 1) * ambient]);
        Self { points: points.copied().collect(), weights: self.weights.at(rows) }
    }

    pub(crate) fn view(&self) -> WeightedPoints<'_> {
        WeightedPoints { points: &self.points, weights: self.weights.as_slice() }
    }
}

/// Positive weights of rows; none where all are equal, so that sums are then those of rows without weights, to the bit.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Weights(Option<Vec<f64>>);

impl Weights {
    /// Weights over their mean.
    pub(crate) fn of_mean_one(weights: Vec<f64>) -> Self {
        if weights.windows(2).all(|pair| pair[0] == pair[1]) {
            return Self(None);
        }
        let mean = mean(weights.iter().copied());
        Self(Some(weights.into_iter().map(|weight| weight / mean).collect()))
    }

    /// Weights on a scale of their own.
    #[cfg(test)]
    pub(crate) fn raw(weights: Vec<f64>) -> Self {
        Self(Some(weights))
    }

    pub(crate) fn as_slice(&self) -> Option<&[f64]> {
        self.0.as_deref()
    }

    /// The weight of a row, on the scale on which rows without weights have one.
    pub(crate) fn of(&self, row: usize) -> f64 {
        self.0.as_ref().map_or(1.0, |weights| weights[row])
    }

    /// Weights of some of the rows, on the same scale.
    pub(crate) fn at(&self, rows: &[usize]) -> Self {
        Self(self.0.as_ref().map(|weights| rows.iter().map(|&row| weights[row]).collect()))
    }

    /// Weights of parts of one set of rows, one after the other.
    pub(crate) fn concat<'a>(parts: impl Iterator<Item = &'a Self>) -> Self {
        Self(parts.map(Self::as_slice).collect::<Option<Vec<_>>>().map(|parts| parts.concat()))
    }

    /// Weights of means over parts of one set of rows, so that their mean is that of all rows; none if rows have none,
    /// whatever the sizes of the parts.
    pub(crate) fn of_parts<'a>(parts: impl Iterator<Item = &'a Self>) -> Self {
        Self(parts.map(|part| part.as_slice().map(|weights| weights.iter().sum())).collect())
    }

    /// The sum over so many rows.
    pub(crate) fn total(&self, count: usize) -> f64 {
        self.0.as_ref().map_or(count as f64, |weights| weights.iter().sum())
    }

    /// The weights of so many rows divided by their sum.
    pub(crate) fn shares(&self, count: usize) -> Vec<f64> {
        let total = self.total(count);
        match &self.0 {
            None => vec![total.recip(); count],
            Some(weights) => weights.iter().map(|weight| weight / total).collect(),
        }
    }

    /// The effective number `(Σw)²/Σw²` of so many rows.
    pub(crate) fn effective(&self, count: usize) -> f64 {
        self.0.as_ref().map_or(count as f64, |weights| {
            let total: f64 = weights.iter().sum();
            total * total / weights.iter().map(|weight| weight * weight).sum::<f64>()
        })
    }

    /// Mean of one number per row.
    pub(crate) fn mean(&self, x: &[f64]) -> f64 {
        match &self.0 {
            None => mean(x.iter().copied()),
            Some(weights) => {
                x.iter().zip(weights).map(|(x, weight)| weight * x).sum::<f64>() / self.total(x.len())
            }
        }
    }

    /// Mean of one number per row, at least two of them, with its standard error.
    ///
    /// The error of the ratio `Σwx/Σw` to first order, `√(n/(n − 1) Σ w² (x − mean)²)/Σw` with the effective number `n`:
    /// that of rows that are drawn independently together with their weights (Särndal, Swensson & Wretman 1992,
    /// *Model Assisted Survey Sampling*, section 5.7).
    pub(crate) fn estimate(&self, x: &[f64]) -> Estimate {
        let Some(weights) = &self.0 else { return Estimate::mean_of(x) };
        let (value, n) = (self.mean(x), self.effective(x.len()));
        let squares: f64 = x.iter().zip(weights).map(|(x, w)| (w * (x - value)).powi(2)).sum();
        let standard_error = (n / (n - 1.0) * squares).sqrt() / self.total(x.len());
        Estimate { value, standard_error }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn weights(weights: &[f64]) -> Weights {
        let rows = vec![0.0; weights.len()];
        Sample::new(WeightedPoints::new(&rows, weights).expect("weights"), 1).weights
    }

    #[test]
    fn equal_weights_are_none_and_rows_of_weight_zero_are_left_out() {
        assert_eq!(weights(&[2.0; 5]), Weights::default());
        let points = [1.0, 2.0, 3.0, 4.0, 5.0, 6.0];
        let sample = Sample::new(WeightedPoints::new(&points, &[1.0, 0.0, 3.0]).expect("weights"), 2);
        assert_eq!(sample.points, [1.0, 2.0, 5.0, 6.0]);
        assert_eq!(sample.weights.as_slice(), Some(&[0.5, 1.5][..]));
        // Weights as large as numbers go, whose sum does not overflow.
        assert!((weights(&[1e308, 1e308, 5e307]).effective(3) - 25.0 / 9.0).abs() < 1e-14);
    }

    #[test]
    fn what_is_no_weight_is_refused_with_its_row() {
        let refused = |weights: &[f64]| WeightedPoints::new(&[0.0; 6], weights).expect_err("no weights");
        assert_eq!(refused(&[1.0, -1.0, 1.0]), WeightsError::Value { index: 1, value: -1.0 });
        assert!(matches!(refused(&[1.0, 1.0, f64::NAN]), WeightsError::Value { index: 2, .. }));
        assert_eq!(refused(&[f64::INFINITY; 2]), WeightsError::Value { index: 0, value: f64::INFINITY });
        assert_eq!(refused(&[0.0, -0.0, 0.0]), WeightsError::Zero { rows: 3 });
        assert!(refused(&[1.0, -1.0, 1.0]).to_string().starts_with("weight 1, counted from 0, is -1"));
    }

    #[test]
    fn mean_of_integer_weights_is_that_of_repeated_rows() {
        let (x, w) = ([0.3, -1.2, 4.0, 0.7], [1.0, 4.0, 2.0, 3.0]);
        let repeated: Vec<f64> =
            x.iter().zip(w).flat_map(|(x, w)| std::iter::repeat_n(*x, w as usize)).collect();
        let weights = weights(&w);
        assert!((weights.mean(&x) - mean(repeated.iter().copied())).abs() < 1e-15);
        assert!((weights.effective(4) - 100.0 / 30.0).abs() < 1e-14);
        assert!((weights.shares(4)[1] - 0.4).abs() < 1e-15);
    }

    #[test]
    fn standard_error_is_the_spread_of_weighted_means_over_many_samples() {
        // Points of the uniform law on (0, 1) with weights 2x are a sample of the law of density 2x, of mean 2/3.
        let mut rng = crate::points::Generator::from_seed(11);
        let mut uniform = || rng.uniform();
        let (repetitions, mut means, mut errors) = (2000, vec![], vec![]);
        for _ in 0..repetitions {
            let x: Vec<f64> = (0..100).map(|_| uniform()).collect();
            let w: Vec<f64> = x.iter().map(|x| 2.0 * x).collect();
            let Estimate { value, standard_error } = weights(&w).estimate(&x);
            means.push(value);
            errors.push(standard_error);
        }
        let Estimate { value, standard_error } = Estimate::mean_of(&means);
        // The bias of a ratio is of order 1/100 of its variance.
        assert!((value - 2.0 / 3.0).abs() < 4.0 * standard_error + 1e-3, "{value} ± {standard_error}");
        let spread = standard_error * f64::from(repetitions).sqrt();
        let stated = mean(errors.into_iter());
        // The spread of 2000 means is known to 1.6 %.
        assert!((stated / spread - 1.0).abs() < 0.06, "{stated} stated, {spread} seen");
    }
}
