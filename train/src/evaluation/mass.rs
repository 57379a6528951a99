//! The integral of a model's density, with the determinant's absolute value.
//!
//! `∫ base(S) |det DS|` is one for a map that is one-to-one, and one plus twice the part with negative determinants for
//! any other (`docs/mathematics.md`, section 15). So points where the map folds must count, and points must lie wherever
//! `q` may have mass. On manifolds of dimension one and two, `R²` excepted, that is a quadrature which is refined until
//! it does not change; elsewhere points of a mixture of base, model and data.
//!
//! A conditional density has an integral at every value of its variables. Quadratures are taken at those of rows that are
//! spread evenly over the data, and what is reported is the integral that is farthest from one.

use ircpm_flow::SignedDensities;
use ircpm_manifolds::{AnyManifold, Coordinates};

use super::fold::Survey;
use super::line::{self, Integral};
use super::{EvaluationError, Subject};
use crate::points::Quadrature;

/// The integral of the model's density over the manifold, one if it is a density. Of a conditional density the one that is
/// farthest from one where a quadrature was taken at several rows, else the mean over rows.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub struct Mass {
    /// The integral of `base(S) |det DS|`, which is that of `q` and more than one where the map folds.
    pub value: f64,
    /// Standard error from independent random shifts; none for quadrature.
    pub standard_error: Option<f64>,
    /// Change by the last refinement of a quadrature, which bounds its error where it converges; none for samples.
    pub resolution: Option<f64>,
    /// The part of the integral where `det DS` is negative.
    pub reversed: f64,
    /// Points that were left out, because a preimage there is not finite or beyond the injectivity radius.
    pub unmeasured: usize,
}

/// How far from one the integral of a density may be, beyond three errors.
const TOLERANCE: f64 = 1e-3;
/// Errors by which the integral must differ.
const ERRORS: f64 = 3.0;
/// Standard errors by which it must exceed one before a map is said to fold: they come from eight shifts, and Student's t of
/// seven degrees of freedom is above this once in a thousand times.
const STUDENT: f64 = 4.785;
/// Error above which the integral is not known.
const UNKNOWN: f64 = 0.05;

impl Mass {
    /// The standard error of samples, or what the last refinement of a quadrature changed.
    pub fn error(&self) -> f64 {
        self.standard_error.or(self.resolution).unwrap_or(0.0)
    }

    /// Whether it is one, as far as its error allows to tell: within 1e-3 and three errors, of at most 0.05.
    pub fn is_one(&self) -> bool {
        // Written so that NaN is not one.
        self.error() <= UNKNOWN && (self.value - 1.0).abs() <= TOLERANCE + ERRORS * self.error()
    }

    /// Whether it is above one by more than its error, which only a map that folds can have.
    pub fn exceeds_one(&self) -> bool {
        let errors = if self.standard_error.is_some() { STUDENT } else { ERRORS };
        self.value - 1.0 > TOLERANCE + errors * self.error()
    }
}

/// Nodes per dimension of the coarsest rule.
const NODES: usize = 64;
/// Most nodes of a rule.
const MOST_NODES: usize = 1 << 18;
/// Change by a refinement below which a quadrature has converged.
const CONVERGED: f64 = 1e-8;
/// Change by the last refinement above which samples are tried as well.
const UNRESOLVED: f64 = 1e-4;

/// The mass of a model; adds every point to the survey. `images` are samples of the model.
pub(super) fn measure(
    subject: &Subject<'_>,
    images: &[f64],
    survey: &mut Survey,
) -> Result<Mass, EvaluationError> {
    let mut quadrature: Option<Mass> = None;
    // Samples and data are of all slices, so they are sorted once.
    let mut columns: Option<[Vec<f64>; 2]> = None;
    for slice in Slice::all(subject) {
        let found = if let Some(real) = RealLine::of(&slice) {
            let columns = columns.get_or_insert_with(|| real.columns(subject, images));
            real.mass(subject, columns, survey)?
        } else if let Some(found) = compact(subject, &slice, survey)? {
            found
        } else {
            break;
        };
        quadrature = Some(quadrature.map_or(found, |before| before.joined(found)));
    }
    match quadrature {
        Some(mass) if mass.error() <= UNRESOLVED || survey.fold().is_folded() => Ok(mass),
        Some(mass) => {
            let sampled = super::mixture::mass(subject, survey)?;
            Ok(if sampled.error() < mass.error() { sampled } else { mass })
        }
        None => super::mixture::mass(subject, survey),
    }
}

impl Mass {
    /// What is said of two integrals: the one that is farther from one, with the larger error, and all points.
    fn joined(self, other: Self) -> Self {
        let far = |mass: &Self| (mass.value - 1.0).abs();
        let (worse, rest) = if far(&other) > far(&self) { (other, self) } else { (self, other) };
        Self {
            resolution: worse.resolution.zip(rest.resolution).map(|(a, b)| a.max(b)),
            reversed: worse.reversed.max(rest.reversed),
            unmeasured: worse.unmeasured + rest.unmeasured,
            ..worse
        }
    }
}

/// Rows at whose conditioning variables quadratures are taken, in one dimension and in two.
const ROWS: [usize; 2] = [64, 16];

/// The points of the manifold with some values of the conditioning variables; all of its points if there are none.
struct Slice {
    /// The manifold without conditioning variables.
    manifold: AnyManifold,
    context: Vec<f64>,
}

impl Slice {
    /// The slices at rows that are spread evenly over the data.
    fn all(subject: &Subject<'_>) -> Vec<Self> {
        let manifold = subject.flow.manifold();
        let (n, k) = (manifold.ambient(), manifold.contexts());
        let Some(product) = manifold.to_product().filter(|_| k > 0) else {
            return vec![Self { manifold: manifold.clone(), context: vec![] }];
        };
        let data = subject.data().points;
        let rows = data.len() / n;
        let most = rows.min(ROWS[usize::from(manifold.dim() > 1)]);
        let at = |i: usize| data[i * n..(i + 1) * n][n - k..].to_vec();
        let slice = |context| Self { manifold: product.unconditional().into(), context };
        (0..most).map(|i| slice(at(i * rows / most))).collect()
    }

    /// Points `y` of the slice, `[point][coordinate]` without conditioning variables, with these.
    fn with_context(&self, y: &[f64]) -> Vec<f64> {
        let points = y.chunks_exact(self.manifold.ambient());
        points.flat_map(|point| point.iter().chain(&self.context)).copied().collect()
    }
}

/// Terms of the two integrals at a node: the density, and its part where the determinant is negative.
fn terms(found: &SignedDensities, i: usize) -> [f64; 2] {
    let q = if found.log_q[i].is_nan() { 0.0 } else { found.log_q[i].exp() };
    [q, if found.sign[i] < 0.0 { q } else { 0.0 }]
}

fn unmeasured(found: &SignedDensities) -> usize {
    found.log_q.iter().filter(|l| l.is_nan()).count()
}

/// By quadrature on a compact manifold of dimension one or two; none if there is no rule.
fn compact(
    subject: &Subject<'_>,
    slice: &Slice,
    survey: &mut Survey,
) -> Result<Option<Mass>, EvaluationError> {
    let manifold = &slice.manifold;
    let most = MOST_NODES / if slice.context.is_empty() { 1 } else { ROWS[manifold.dim() - 1] };
    let (mut nodes, mut coarse): (usize, Option<Mass>) = (NODES, None);
    loop {
        let Some(rule) = Quadrature::new(manifold, nodes) else { return Ok(None) };
        let found = subject.survey(&slice.with_context(&rule.points), survey)?;
        let terms: Vec<[f64; 2]> = (0..rule.weights.len()).map(|i| terms(&found, i)).collect();
        let of = |k: usize| rule.integrate(&terms.iter().map(|t| t[k]).collect::<Vec<_>>());
        let (value, reversed, unmeasured) = (of(0), of(1), unmeasured(&found));
        let change = coarse.map(|coarse| (value - coarse.value).abs());
        let fine = Mass { value, standard_error: None, resolution: change, reversed, unmeasured };
        // A density that folds has kinks, and its mass need not be known to many digits.
        let folded = reversed > 0.0 || unmeasured > 0;
        let next = rule.weights.len() << manifold.dim();
        if change.is_some_and(|change| change <= CONVERGED || folded || next > most) {
            return Ok(Some(fine));
        }
        (nodes, coarse) = (2 * nodes, Some(fine));
    }
}

/// A manifold with one real coordinate, by itself or beside a circle.
struct RealLine<'a> {
    slice: &'a Slice,
    /// Index of the real coordinate.
    column: usize,
    circle: Option<Coordinates>,
}

/// Cells between the quantiles of points of one kind.
const CELLS: usize = 32;
/// Base coordinate beyond which the base density holds a mass below 1e-18.
const BASE_END: f64 = 9.0;
/// The integration ends where `log q`, in units of its length, is below this.
const NEGLIGIBLE: f64 = -40.0;
/// Most extensions of an end, each of which doubles the distance to it.
const EXTENSIONS: usize = 60;
/// Rules on the circle, from coarse to fine.
const CIRCLES: [usize; 3] = [64, 256, 1024];

impl<'a> RealLine<'a> {
    fn of(slice: &'a Slice) -> Option<Self> {
        match slice.manifold.coordinates()[..] {
            [Coordinates::Reals(1)] => Some(Self { slice, column: 0, circle: None }),
            [Coordinates::Reals(1), circle] => Self::beside(slice, 0, circle),
            [circle, Coordinates::Reals(1)] => Self::beside(slice, circle.len(), circle),
            _ => None,
        }
    }

    fn beside(slice: &'a Slice, column: usize, circle: Coordinates) -> Option<Self> {
        let is_circle = matches!(circle, Coordinates::Angles(1) | Coordinates::UnitVector(2));
        is_circle.then_some(Self { slice, column, circle: Some(circle) })
    }

    /// Nodes of the other coordinates, with weights.
    fn circle(&self, n: usize) -> Quadrature {
        let step = std::f64::consts::TAU / n as f64;
        let angles = (0..n).map(|i| step * (i as f64 + 0.5));
        match self.circle {
            None => Quadrature { points: vec![], weights: vec![1.0] },
            Some(Coordinates::Angles(_)) => Quadrature { points: angles.collect(), weights: vec![step; n] },
            Some(_) => {
                let points = angles.flat_map(|a| [a.cos(), a.sin()]).collect();
                Quadrature { points, weights: vec![step; n] }
            }
        }
    }

    /// The points at real coordinates `r`, one for each node of the circle.
    fn points(&self, circle: &Quadrature, r: &[f64]) -> Vec<f64> {
        let width = self.circle.map_or(0, Coordinates::len);
        let mut points = Vec::with_capacity(r.len() * circle.weights.len() * (1 + width));
        for &r in r {
            for i in 0..circle.weights.len() {
                let other = &circle.points[i * width..(i + 1) * width];
                if self.column == 0 {
                    points.push(r);
                    points.extend(other);
                } else {
                    points.extend(other);
                    points.push(r);
                }
            }
        }
        self.slice.with_context(&points)
    }

    fn mass(
        &self,
        subject: &Subject<'_>,
        columns: &[Vec<f64>],
        survey: &mut Survey,
    ) -> Result<Mass, EvaluationError> {
        let edges = self.edges(subject, columns)?;
        let mut best = self.integrate(subject, &edges, CIRCLES[0], survey)?;
        for &n in &CIRCLES[1..] {
            if self.circle.is_none() || best.error() <= CONVERGED || best.reversed > 0.0 {
                break;
            }
            let mass = self.integrate(subject, &edges, n, survey)?;
            best = if mass.error() < best.error() { mass } else { best };
        }
        Ok(best)
    }

    /// Over the line, with `n` nodes on the circle, of which every other one shows how fine that is.
    fn integrate(
        &self,
        subject: &Subject<'_>,
        edges: &[f64],
        n: usize,
        survey: &mut Survey,
    ) -> Result<Mass, EvaluationError> {
        let circle = self.circle(n);
        let nodes = circle.weights.len();
        let mut left_out = 0;
        let f = |r: &[f64]| -> Result<Vec<[f64; 3]>, EvaluationError> {
            let found = subject.survey(&self.points(&circle, r), survey)?;
            left_out += unmeasured(&found);
            let at = |k: usize| {
                let mut sum = [0.0; 3];
                for (i, weight) in circle.weights.iter().enumerate() {
                    let [q, reversed] = terms(&found, k * nodes + i);
                    sum[0] += weight * q;
                    sum[1] += weight * reversed;
                    sum[2] += if nodes == 1 { weight * q } else { 2.0 * weight * q * ((i + 1) % 2) as f64 };
                }
                sum
            };
            Ok((0..r.len()).map(at).collect())
        };
        let Integral { values: [value, reversed, half], error } =
            line::integrate(edges, 4 * MOST_NODES / nodes, f)?;
        let resolution = Some(error + (value - half).abs());
        Ok(Mass { value, standard_error: None, resolution, reversed, unmeasured: left_out })
    }

    /// The real coordinates of the model's samples and of the data, from low to high.
    fn columns(&self, subject: &Subject<'_>, images: &[f64]) -> [Vec<f64>; 2] {
        let n = subject.flow.manifold().ambient();
        [images, &subject.data().points].map(|points| {
            let mut column: Vec<f64> = points.iter().skip(self.column).step_by(n).copied().collect();
            column.sort_by(f64::total_cmp);
            column
        })
    }

    /// Edges of the first cells: quantiles of the base, of the model's samples and of the data, and beyond each of these
    /// distances that double until the density is negligible.
    ///
    /// The distances begin at a tenth of the range of the same points, because the base and the data may lie far apart, and
    /// the distance between them says nothing of how wide either is.
    fn edges(&self, subject: &Subject<'_>, columns: &[Vec<f64>]) -> Result<Vec<f64>, EvaluationError> {
        let mut edges: Vec<f64> = (0..=18).map(|i| f64::from(i) - BASE_END).collect();
        let mut ranges = vec![(-BASE_END, BASE_END)];
        for column in columns {
            if let Some(last) = column.len().checked_sub(1) {
                edges.extend((0..=CELLS).map(|i| column[i * last / CELLS]));
                ranges.push((column[0], column[last]));
            }
        }
        let circle = self.circle(CIRCLES[0]);
        for (low, high) in ranges {
            for (end, sign) in [(low, -1.0), (high, 1.0)] {
                let (mut pad, mut at) = (0.1 * (high - low), end);
                for _ in 0..EXTENSIONS {
                    subject.check()?;
                    let y = self.points(&circle, &[at]);
                    let found = subject.ranks.signed_densities(subject.flow, subject.theta, &y);
                    let top = found.log_q.iter().copied().fold(f64::NEG_INFINITY, f64::max);
                    if top + pad.ln() < NEGLIGIBLE {
                        break;
                    }
                    at += sign * pad;
                    pad *= 2.0;
                    edges.push(at);
                }
            }
        }
        edges.sort_by(f64::total_cmp);
        // A cell of fewer than four roundings of its ends has no room for nodes.
        edges.dedup_by(|b, a| *b - *a <= 4.0 * f64::EPSILON * a.abs().max(b.abs()));
        Ok(edges)
    }
}
