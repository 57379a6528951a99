//! Kernel densities with adaptive bandwidths.

use ircpm_manifolds::AnyManifold;
use rayon::prelude::*;

use super::BaselineError;
use super::embedding::{Embedding, columns};
use super::folds::{Fold, folds};
use super::log_sum::log_sum_exp;
use crate::weights::{Sample, WeightedPoints};

/// Concentrations of the pilot that are tried first: from a density that is nearly uniform on tori and spheres to a
/// kernel of a thousandth of a radian, by factors of four.
const WIDEST: f64 = 0.05;
const NARROWEST: f64 = 1e6;
const COARSE_RATIO: f64 = 4.0;

/// Steps between two coarse concentrations, around the best of them.
const FINE_STEPS: i32 = 6;

/// The concentrations of single kernels stay below this: points that are repeated would else let it grow without bound.
const LARGEST_CONCENTRATION: f64 = 1e8;

/// Exponents `a` of local bandwidths `hⱼ ∝ p(xⱼ)^{−a}`. Abramson's is ½; a nearest neighbour's distance has `1/D`.
const EXPONENTS: [f64; 5] = [1.0 / 8.0, 1.0 / 4.0, 3.0 / 8.0, 1.0 / 2.0, 3.0 / 4.0];

/// Factors of all concentrations that are tried beside each exponent.
const FACTORS: [f64; 8] = [0.25, 0.5, 1.0, 2.0, 4.0, 8.0, 16.0, 32.0];

/// Powers of the ratio of two such factors that are tried around the best.
const FINE_POWERS: [f64; 6] = [-0.75, -0.5, -0.25, 0.25, 0.5, 0.75];

/// What cross-validation chose.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Bandwidth {
    /// Concentration `κ = 1/h²` of the fixed kernel, which is the pilot of the adaptive one.
    pub concentration: f64,
    /// Exponent `a` of local bandwidths `hⱼ ∝ p(xⱼ)^{−a}`; 0 where no adaptive bandwidth beat the fixed one.
    pub exponent: f64,
    /// Factor of the geometric mean of the local concentrations over the fixed one.
    pub factor: f64,
}

/// A kernel density: a mean of von Mises, von Mises–Fisher and normal kernels, one centred at each point, by the weights
/// of the points where they have some.
///
/// The kernel at `xⱼ` is a product over angles, unit vectors and reals with a common concentration `κⱼ`; reals are in
/// units of their robust spread. The *fixed* density has one `κ` for all points, that with the largest likelihood in
/// ten-fold cross-validation. It is the pilot `p` of the *adaptive* density, whose bandwidths are `hⱼ ∝ p(xⱼ)^{−a}`
/// (Abramson 1982, *On bandwidth variation in kernel estimates*; Silverman 1986, *Density Estimation*, section 5.3),
/// with `a` and a common factor chosen on the same folds.
///
/// A density at a point costs one kernel per point of the fit. Results have the same bits on any number of threads.
#[derive(Clone, Debug)]
pub struct KernelDensity {
    embedding: Embedding,
    centres: Centres,
    adaptive: Kernels,
    bandwidth: Bandwidth,
}

impl KernelDensity {
    /// Fits to points `[row][coordinate]`, with weights or without, in a time that grows with the square of their number.
    /// The seed deals the points into folds.
    ///
    /// # Errors
    /// [`BaselineError`] for coordinates without a kernel, fewer than four points of positive weight, rows that are not
    /// points, and real columns without a spread.
    ///
    /// # Panics
    /// If `points` are not whole points.
    pub fn fit<'a>(
        manifold: &AnyManifold,
        points: impl Into<WeightedPoints<'a>>,
        seed: u64,
    ) -> Result<Self, BaselineError> {
        let (embedding, sample) = Embedding::of_points(manifold, points.into())?;
        let rows = sample.points.len() / embedding.width;
        let folds = folds(rows, &sample.weights, seed);
        let splits: Vec<Split> = folds.iter().map(|fold| Split::new(&embedding, &sample, fold)).collect();
        let bandwidth = choose(&embedding, &splits);
        let centres = Centres::new(&sample, embedding.width);
        let pilot = Pilot::new(&embedding, &centres, &sample, bandwidth.concentration);
        let adaptive = pilot.kernels(&embedding, bandwidth.exponent, bandwidth.factor);
        Ok(Self { embedding, centres, adaptive, bandwidth })
    }

    /// What cross-validation chose.
    pub fn bandwidth(&self) -> Bandwidth {
        self.bandwidth
    }

    /// Logarithm of the adaptive density at points `[row][coordinate]`, in nats, one value per row.
    ///
    /// # Panics
    /// If `points` are not whole points.
    pub fn log_density(&self, points: &[f64]) -> Vec<f64> {
        self.evaluate(points, |squares, exponents| self.adaptive.exponents(squares, exponents))
    }

    /// Logarithm of the density with one bandwidth, the pilot, at points `[row][coordinate]`, in nats, one value per row.
    ///
    /// # Panics
    /// If `points` are not whole points.
    pub fn fixed_log_density(&self, points: &[f64]) -> Vec<f64> {
        let kappa = self.bandwidth.concentration;
        let log_normaliser = self.embedding.log_normaliser(kappa);
        self.evaluate(points, |squares, exponents| fixed_exponents(kappa, log_normaliser, squares, exponents))
    }

    fn evaluate(&self, points: &[f64], exponents: impl Fn(&[f64], &mut [f64]) + Sync) -> Vec<f64> {
        let embedded = self.embedding.embed(points);
        let shift = self.embedding.log_scale + self.centres.total.ln();
        let logs = self.centres.log_sums(&embedded, 1, |_, squares, out| exponents(squares, out));
        logs.into_iter().map(|log| log[0] - shift).collect()
    }
}

/// Centres of kernels, in the embedding.
#[derive(Clone, Debug)]
struct Centres {
    /// `[number][centre]`.
    columns: Vec<f64>,
    count: usize,
    width: usize,
    /// Logarithms of their weights; none if these are all equal.
    log_weights: Option<Vec<f64>>,
    /// The sum of their weights.
    total: f64,
}

impl Centres {
    /// Points of a sample in the embedding, `[row][number]`.
    fn new(sample: &Sample, width: usize) -> Self {
        let count = sample.points.len() / width;
        Self {
            columns: columns(&sample.points, width),
            count,
            width,
            log_weights: sample.weights.as_slice().map(|weights| weights.iter().map(|w| w.ln()).collect()),
            total: sample.weights.total(count),
        }
    }

    /// `|query − centre|²/2` for each centre.
    fn half_squares(&self, query: &[f64], out: &mut [f64]) {
        out.fill(0.0);
        for (column, q) in self.columns.chunks_exact(self.count).zip(query) {
            for (out, c) in out.iter_mut().zip(column) {
                *out += (q - c) * (q - c);
            }
        }
        out.iter_mut().for_each(|out| *out *= 0.5);
    }

    /// `log Σⱼ wⱼ exp(eⱼ)` for each query and each candidate, `[query][candidate]`; `exponents` writes `eⱼ` for a candidate
    /// from the half squares.
    fn log_sums(
        &self,
        queries: &[f64],
        candidates: usize,
        exponents: impl Fn(usize, &[f64], &mut [f64]) + Sync,
    ) -> Vec<Vec<f64>> {
        let buffers = || (vec![0.0; self.count], vec![0.0; self.count]);
        let log_sums = |(squares, buffer): &mut (Vec<f64>, Vec<f64>), query: &[f64]| {
            self.half_squares(query, squares);
            let log_sum = |candidate| {
                exponents(candidate, squares, buffer);
                if let Some(logs) = &self.log_weights {
                    buffer.iter_mut().zip(logs).for_each(|(exponent, log)| *exponent += log);
                }
                log_sum_exp(buffer)
            };
            (0..candidates).map(log_sum).collect()
        };
        queries.par_chunks_exact(self.width).map_init(buffers, log_sums).collect()
    }

    /// The weighted sum over queries of the log-sums, one per candidate.
    fn scores(
        &self,
        queries: &Sample,
        candidates: usize,
        exponents: impl Fn(usize, &[f64], &mut [f64]) + Sync,
    ) -> Vec<f64> {
        let mut sums = vec![0.0; candidates];
        for (query, logs) in self.log_sums(&queries.points, candidates, exponents).into_iter().enumerate() {
            let weight = queries.weights.of(query);
            sums.iter_mut().zip(logs).for_each(|(sum, log)| *sum += weight * log);
        }
        sums
    }
}

/// Exponents of kernels with one concentration.
fn fixed_exponents(kappa: f64, log_normaliser: f64, squares: &[f64], exponents: &mut [f64]) {
    exponents.iter_mut().zip(squares).for_each(|(e, s)| *e = -kappa * s - log_normaliser);
}

/// Kernels with concentrations of their own.
#[derive(Clone, Debug)]
struct Kernels {
    kappa: Vec<f64>,
    log_normaliser: Vec<f64>,
}

impl Kernels {
    fn exponents(&self, squares: &[f64], exponents: &mut [f64]) {
        let kernels = self.kappa.iter().zip(&self.log_normaliser);
        exponents.iter_mut().zip(squares).zip(kernels).for_each(|((e, s), (k, log))| *e = -k * s - log);
    }
}

/// The logarithm of the pilot density at its own centres, from its geometric mean on.
struct Pilot {
    kappa: f64,
    log_density: Vec<f64>,
}

impl Pilot {
    /// The sample are the same points as `centres`, `[row][number]`.
    fn new(embedding: &Embedding, centres: &Centres, sample: &Sample, kappa: f64) -> Self {
        let log_normaliser = embedding.log_normaliser(kappa);
        let logs = centres.log_sums(&sample.points, 1, |_, squares, out| {
            fixed_exponents(kappa, log_normaliser, squares, out);
        });
        let logs: Vec<f64> = logs.into_iter().map(|log| log[0]).collect();
        let mean = sample.weights.mean(&logs);
        Self { kappa, log_density: logs.into_iter().map(|log| log - mean).collect() }
    }

    /// Kernels of bandwidth `h ∝ p^{−a}`, so of concentration `κ ∝ p^{2a}`.
    fn kernels(&self, embedding: &Embedding, exponent: f64, factor: f64) -> Kernels {
        let local = |log: &f64| {
            let kappa = self.kappa * factor * (2.0 * exponent * log).exp();
            let kappa = kappa.clamp(WIDEST / COARSE_RATIO, LARGEST_CONCENTRATION);
            (kappa, embedding.log_normaliser(kappa))
        };
        let (kappa, log_normaliser) = self.log_density.par_iter().map(local).unzip();
        Kernels { kappa, log_normaliser }
    }
}

/// A fold in the embedding.
struct Split {
    centres: Centres,
    /// The centres once more, `[row][number]`.
    train: Sample,
    validation: Sample,
}

impl Split {
    fn new(embedding: &Embedding, sample: &Sample, fold: &Fold) -> Self {
        let gather = |rows: &[usize]| sample.rows(embedding.width, rows);
        let (train, validation) = (gather(&fold.train), gather(&fold.validation));
        Self { centres: Centres::new(&train, embedding.width), train, validation }
    }
}

/// First the concentration, then exponent and factor, each with the largest likelihood over all validation points.
fn choose(embedding: &Embedding, splits: &[Split]) -> Bandwidth {
    let steps = (NARROWEST / WIDEST).log(COARSE_RATIO).ceil() as i32;
    let coarse: Vec<f64> = (0..=steps).map(|i| WIDEST * COARSE_RATIO.powi(i)).collect();
    let (near, _) = best_fixed(embedding, splits, &coarse);
    let fine: Vec<f64> = (1 - FINE_STEPS..FINE_STEPS)
        .map(|i| near * COARSE_RATIO.powf(f64::from(i) / f64::from(FINE_STEPS)))
        .collect();
    let (concentration, fixed) = best_fixed(embedding, splits, &fine);
    let (exponent, factor) = best_adaptive(embedding, splits, concentration, fixed);
    Bandwidth { concentration, exponent, factor }
}

/// The best of some concentrations, and the sum of its log-likelihoods.
fn best_fixed(embedding: &Embedding, splits: &[Split], concentrations: &[f64]) -> (f64, f64) {
    let logs: Vec<f64> = concentrations.iter().map(|&kappa| embedding.log_normaliser(kappa)).collect();
    let scores = total(splits.iter().map(|split| {
        split.centres.scores(&split.validation, concentrations.len(), |i, squares, out| {
            fixed_exponents(concentrations[i], logs[i], squares, out);
        })
    }));
    let best = largest(&scores);
    (concentrations[best], scores[best])
}

/// The best exponent and factor, `(0, 1)` if none has a larger sum of log-likelihoods than `fixed`.
fn best_adaptive(embedding: &Embedding, splits: &[Split], concentration: f64, fixed: f64) -> (f64, f64) {
    let pilot = |split: &Split| Pilot::new(embedding, &split.centres, &split.train, concentration);
    let pilots: Vec<Pilot> = splits.iter().map(pilot).collect();
    let best_of = |candidates: Vec<(f64, f64)>| {
        let scores = total(splits.iter().zip(&pilots).map(|(split, pilot)| {
            let kernels = |&(exponent, factor): &(f64, f64)| pilot.kernels(embedding, exponent, factor);
            let kernels: Vec<Kernels> = candidates.iter().map(kernels).collect();
            split.centres.scores(&split.validation, kernels.len(), |i, squares, out| {
                kernels[i].exponents(squares, out);
            })
        }));
        let best = largest(&scores);
        (candidates[best], scores[best])
    };
    let coarse = EXPONENTS.iter().flat_map(|&exponent| FACTORS.map(|factor| (exponent, factor))).collect();
    let ((exponent, factor), coarse_score) = best_of(coarse);
    let (fine, fine_score) = best_of(FINE_POWERS.map(|power| (exponent, factor * power.exp2())).to_vec());
    match (fine_score > coarse_score, fine_score.max(coarse_score) > fixed) {
        (_, false) => (0.0, 1.0),
        (true, true) => fine,
        (false, true) => (exponent, factor),
    }
}

/// The sum of vectors, in order.
fn total(vectors: impl Iterator<Item = Vec<f64>>) -> Vec<f64> {
    let add = |mut a: Vec<f64>, b: Vec<f64>| {
        a.iter_mut().zip(b).for_each(|(a, b)| *a += b);
        a
    };
    vectors.reduce(add).expect("one fold or more")
}

/// The position of the largest number, the first of equals.
fn largest(scores: &[f64]) -> usize {
    (1..scores.len()).fold(0, |best, i| if scores[i] > scores[best] { i } else { best })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::points::Generator;
    use crate::weights::Weights;

    /// A sample with integer weights, and the one of repeated rows, of points with two reals and an angle.
    fn pair(manifold: &AnyManifold) -> [(Embedding, Sample); 2] {
        let mut rng = Generator::from_seed(17);
        let points: Vec<f64> = (0..180).map(|i| if i % 3 == 2 { 1.0 } else { 0.0 } + rng.normal()).collect();
        let counts: Vec<usize> = (0..60).map(|_| 1 + rng.below(4)).collect();
        let rows = points.chunks_exact(3).zip(&counts);
        let repeated: Vec<f64> = rows.flat_map(|(point, &count)| point.repeat(count)).collect();
        let (embedding, sample) = Embedding::of_points(manifold, (&points).into()).expect("an embedding");
        let weights = Weights::raw(counts.iter().map(|&count| count as f64).collect());
        let repeated = Sample { points: embedding.embed(&repeated), weights: Weights::default() };
        [(embedding.clone(), Sample { weights, ..sample }), (embedding, repeated)]
    }

    #[test]
    fn integer_weights_are_repeated_rows() {
        let manifold = "R2xT1".parse().expect("a manifold");
        let queries = [0.2, -0.5, 1.0, 3.0, 0.1, 2.0];
        let bandwidth = Bandwidth { concentration: 8.0, exponent: 0.25, factor: 2.0 };
        let [found, expected] = pair(&manifold).map(|(embedding, sample)| {
            let centres = Centres::new(&sample, embedding.width);
            let pilot = Pilot::new(&embedding, &centres, &sample, bandwidth.concentration);
            let adaptive = pilot.kernels(&embedding, bandwidth.exponent, bandwidth.factor);
            let scores = centres.scores(&sample, 1, |_, squares, out| adaptive.exponents(squares, out));
            let density = KernelDensity { embedding, centres, adaptive, bandwidth };
            [density.log_density(&queries), density.fixed_log_density(&queries), scores].concat()
        });
        for (found, expected) in found.iter().zip(&expected) {
            assert!((found - expected).abs() < 1e-12 * (1.0 + expected.abs()), "{found} {expected}");
        }
    }
}
