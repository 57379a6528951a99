//! What is wrong with points before a flow learns from them.
//!
//! A density exists only where points fill the manifold. [`examine`] refuses points that do not, and lists what else
//! their owner should know; columns and rows count from 1 in every message.

mod dependence;
mod message;

use std::collections::HashSet;

use ircpm_manifolds::{AnyManifold, Coordinates};

use crate::quantiles::Sorted;
use crate::weights::Weights;

/// Differences below this, in radians or spreads, are the rounding of numbers in double precision.
const EXACT: f64 = 1e-9;

/// Differences below this are thinner than a flow can learn, though not zero.
const NEAR: f64 = 1e-4;

/// Share of the rows below which their effective number is said.
const EFFECTIVE_SHARE: f64 = 0.5;

/// Rows per dimension below which a fit is little more than a guess.
const ROWS_PER_DIMENSION: usize = 10;

/// A column that has fewer distinct values than one in so many rows is a list of values, not a sample of a density.
const ROWS_PER_VALUE: usize = 10;

/// Ratio of the range of the central 99 % to that of the central half: 3.8 for normal numbers, 6.6 for Laplace's
/// density, 64 for Cauchy's.
const TAIL_RATIO: f64 = 7.0;

/// Distance of the farthest value from the median, in robust standard deviations, from which a flow is disturbed by it.
const FARTHEST: f64 = 15.0;

/// Ratio of spreads from which columns are on different scales.
const SCALE_RATIO: f64 = 10.0;

/// Largest real number whose square, and the squares of a million others, double precision holds.
const LARGEST: f64 = 1e150;

/// How a column follows from another.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub enum Relation {
    /// The columns are equal; angles up to whole turns.
    Equal,
    /// The second is the first plus this number.
    Shifted(f64),
    /// The second is this number minus the first.
    Negated(f64),
}

/// Why no density exists for points: they lie on a set of volume zero.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum Degenerate {
    /// All rows are the same point, or there is none.
    #[error("{rows} rows hold {distinct} different points, where no density exists: at least 2 are needed")]
    OnePoint {
        /// Rows.
        rows: usize,
        /// Different rows.
        distinct: usize,
    },
    /// A column does not vary.
    #[error(
        "column {column} has the value {value} in every row, so that no density exists: remove column {column} and its \
         factor of {manifold}, or add noise to it"
    )]
    Constant {
        /// Column, from 1.
        column: usize,
        /// The value.
        value: f64,
        /// Name of the manifold.
        manifold: String,
    },
    /// A real column with numbers whose squares overflow.
    #[error(
        "column {column} holds {value:e}, whose square is too large for double precision: give it in a larger unit"
    )]
    Large {
        /// Column, from 1.
        column: usize,
        /// The number.
        value: f64,
    },
    /// A column follows from another.
    #[error(
        "{}, so that no density exists on {manifold}: remove column {second}, or add noise to it",
        message::relation(*first, *second, *relation)
    )]
    Dependent {
        /// The first column, from 1.
        first: usize,
        /// The second column.
        second: usize,
        /// How it follows from the first.
        relation: Relation,
        /// Name of the manifold.
        manifold: String,
    },
    /// Points in a hyperplane of several columns; on a sphere that is a sphere of one dimension less.
    #[error(
        "columns {} lie in one hyperplane, so that no density exists on {manifold}: remove one of them, or add noise",
        message::list(columns)
    )]
    Hyperplane {
        /// The columns, from 1.
        columns: Vec<usize>,
        /// Name of the manifold.
        manifold: String,
    },
}

/// What the owner of points should know. Its text is one line.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Finding {
    /// Rows that repeat another: at such atoms no density exists, and the likelihood is unbounded.
    Atoms {
        /// Rows.
        rows: usize,
        /// Rows that are equal to an earlier one.
        repeated: usize,
        /// Rows of the point that occurs most often.
        largest: usize,
    },
    /// Held-out rows that are among the rows to learn from as well: their likelihood says less.
    InBoth {
        /// Rows that were held out.
        held_out: usize,
        /// Those of them that equal a row to learn from.
        repeated: usize,
    },
    /// A column with few distinct values.
    FewValues {
        /// Column, from 1.
        column: usize,
        /// Distinct values.
        distinct: usize,
        /// Rows.
        rows: usize,
    },
    /// A column that nearly follows from another.
    NearlyDependent {
        /// The first column, from 1.
        first: usize,
        /// The second column.
        second: usize,
        /// How it nearly follows from the first.
        relation: Relation,
        /// The largest difference, in radians, or over the range of a real column.
        difference: f64,
    },
    /// Points near a hyperplane of several columns.
    NearHyperplane {
        /// The columns, from 1.
        columns: Vec<usize>,
        /// The largest distance from it, in coordinates of a unit vector or spreads of reals.
        distance: f64,
    },
    /// Few different rows for the dimension.
    FewRows {
        /// Different rows.
        distinct: usize,
        /// Dimension of the manifold.
        dim: usize,
    },
    /// Weights of which a few hold most.
    FewEffective {
        /// Rows of positive weight.
        rows: usize,
        /// Their effective number, `(Σw)²/Σw²`.
        effective: f64,
    },
    /// A real column with values far from the bulk.
    HeavyTails {
        /// Column, from 1.
        column: usize,
        /// Range of the central 99 % over that of the central half.
        ratio: f64,
        /// Distance of the farthest value from the median, in robust standard deviations.
        farthest: f64,
    },
    /// A conditioning variable that does not vary: nothing can be learned of what depends on it.
    IdleContext {
        /// Column, from 1.
        column: usize,
    },
    /// Real columns of very different spread.
    Scales {
        /// The real column of the smallest spread, from 1, and its spread.
        narrow: (usize, f64),
        /// The real column of the largest spread, from 1, and its spread.
        wide: (usize, f64),
    },
}

impl Finding {
    /// Whether it says something to who fits linear layers as well: these standardise real columns, so that their scales
    /// do not matter.
    pub(crate) fn concerns_linear_layers(&self) -> bool {
        !matches!(self, Self::Scales { .. })
    }
}

/// Lists what is wrong with points `[row][coordinate]`, most serious first, or refuses them. Conditioning variables
/// may have any values; of the other coordinates no more is asked than of points without such variables.
///
/// # Errors
/// [`Degenerate`] where no density exists: fewer than two different points, a column that is constant or follows from
/// another to rounding, unit vectors or reals in a hyperplane; and for a column of reals beyond ±1e150.
///
/// # Panics
/// If `points` are not whole points, or a number is not finite: check them before.
pub fn examine(manifold: &AnyManifold, points: &[f64]) -> Result<Vec<Finding>, Degenerate> {
    if manifold.contexts() > 0
        && let Some(product) = manifold.to_product()
    {
        return conditional(&product.unconditional().into(), manifold.ambient(), points);
    }
    let table = Table::new(manifold, points);
    let (distinct, largest) = table.multiplicities();
    let rows = table.rows;
    if distinct < 2 {
        return Err(Degenerate::OnePoint { rows, distinct });
    }
    table.refuse_large()?;
    let mut findings = Vec::new();
    if distinct < rows {
        findings.push(Finding::Atoms { rows, repeated: rows - distinct, largest });
    }
    table.refuse_constants()?;
    findings.extend(table.pairs(distinct)?);
    findings.extend(table.hyperplanes(distinct)?);
    if distinct < ROWS_PER_DIMENSION * manifold.dim() {
        findings.push(Finding::FewRows { distinct, dim: manifold.dim() });
    }
    findings.extend(table.columns());
    Ok(findings)
}

/// As [`examine`], for points of `n` coordinates of which those beyond the manifold's are conditioning variables.
fn conditional(manifold: &AnyManifold, n: usize, points: &[f64]) -> Result<Vec<Finding>, Degenerate> {
    let own = manifold.ambient();
    let coordinates: Vec<f64> = points.chunks_exact(n).flat_map(|point| &point[..own]).copied().collect();
    let mut findings = examine(manifold, &coordinates)?;
    let idle = |&c: &usize| points.chunks_exact(n).all(|point| point[c] == points[c]);
    findings.extend((own..n).filter(idle).map(|c| Finding::IdleContext { column: c + 1 }));
    Ok(findings)
}

/// The finding that held-out points, of so many coordinates as those to learn from, repeat them; none if no one does.
pub fn repeated(ambient: usize, train: &[f64], held_out: &[f64]) -> Option<Finding> {
    // Adding zero turns −0 into 0, so that equal points have equal bits.
    let bits = |point: &[f64]| -> Vec<u64> { point.iter().map(|x| (x + 0.0).to_bits()).collect() };
    let known: HashSet<Vec<u64>> = train.chunks_exact(ambient).map(bits).collect();
    let repeated = held_out.chunks_exact(ambient).filter(|point| known.contains(&bits(point))).count();
    (repeated > 0).then(|| Finding::InBoth { held_out: held_out.len() / ambient, repeated })
}

/// The finding that weights leave few effective rows, of so many that count; none if they leave at least half of them.
pub(crate) fn few_effective(weights: &Weights, rows: usize) -> Option<Finding> {
    let effective = weights.effective(rows);
    (effective < EFFECTIVE_SHARE * rows as f64).then_some(Finding::FewEffective { rows, effective })
}

/// What a column holds.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Kind {
    Angle,
    /// A coordinate of a unit vector, whose first coordinate is named.
    Unit(usize),
    Real,
    Other,
}

/// Points as columns.
struct Table<'a> {
    manifold: &'a AnyManifold,
    kinds: Vec<Kind>,
    rows: usize,
    /// `[column][row]`, angles in one turn.
    columns: Vec<Vec<f64>>,
}

impl<'a> Table<'a> {
    fn new(manifold: &'a AnyManifold, points: &[f64]) -> Self {
        let ambient = manifold.ambient();
        assert!(points.len().is_multiple_of(ambient), "whole points of {ambient} coordinates");
        assert!(points.iter().all(|x| x.is_finite()), "finite coordinates");
        let mut kinds = Vec::with_capacity(ambient);
        for run in manifold.coordinates() {
            let kind = match run {
                Coordinates::Angles(_) => Kind::Angle,
                Coordinates::UnitVector(_) => Kind::Unit(kinds.len()),
                Coordinates::Reals(_) => Kind::Real,
                _ => Kind::Other,
            };
            kinds.extend(std::iter::repeat_n(kind, run.len()));
        }
        let mut wrapped = points.to_vec();
        wrapped.chunks_exact_mut(ambient).for_each(|point| manifold.wrap(point));
        // Adding zero turns −0 into 0, so that equal points have equal bits.
        let column = |i: usize| wrapped.iter().skip(i).step_by(ambient).map(|x| x + 0.0).collect();
        Self { manifold, kinds, rows: points.len() / ambient, columns: (0..ambient).map(column).collect() }
    }

    /// The number of different rows, and how many rows the most frequent point has.
    fn multiplicities(&self) -> (usize, usize) {
        let mut order: Vec<usize> = (0..self.rows).collect();
        let compare = |&a: &usize, &b: &usize| {
            let different =
                self.columns.iter().map(|column| column[a].total_cmp(&column[b])).find(|o| o.is_ne());
            different.unwrap_or(std::cmp::Ordering::Equal)
        };
        order.sort_unstable_by(compare);
        let groups = order.chunk_by(|a, b| compare(a, b).is_eq()).map(<[usize]>::len);
        groups.fold((0, 0), |(distinct, largest), len| (distinct + 1, largest.max(len)))
    }

    fn refuse_large(&self) -> Result<(), Degenerate> {
        let reals = self.columns.iter().enumerate().filter(|(i, _)| self.kinds[*i] == Kind::Real);
        for (i, column) in reals {
            let sorted = Sorted::new(column.clone());
            // One far value is an outlier, which is a finding.
            let is_large = sorted.spread() > LARGEST || sorted.quantile(0.5).abs() > LARGEST;
            if let Some(&value) = column.iter().find(|x| is_large && x.abs() > LARGEST) {
                return Err(Degenerate::Large { column: i + 1, value });
            }
        }
        Ok(())
    }

    fn refuse_constants(&self) -> Result<(), Degenerate> {
        for (i, column) in self.columns.iter().enumerate() {
            let first = column[0];
            let scale = column.iter().fold(1.0, |scale: f64, x| scale.max(x.abs()));
            let same = |x: &f64| match self.kinds[i] {
                Kind::Angle => dependence::turn(x - first).abs() <= EXACT,
                Kind::Real => *x == first,
                Kind::Unit(_) | Kind::Other => (x - first).abs() <= EXACT * scale,
            };
            if column.iter().all(same) {
                let manifold = self.manifold.to_string();
                return Err(Degenerate::Constant { column: i + 1, value: first, manifold });
            }
        }
        Ok(())
    }

    /// Findings about single columns, and about their scales.
    fn columns(&self) -> Vec<Finding> {
        let (mut findings, mut spreads) = (Vec::new(), Vec::new());
        for (i, column) in self.columns.iter().enumerate() {
            let sorted = Sorted::new(column.clone());
            let distinct = sorted.distinct();
            if matches!(self.kinds[i], Kind::Angle | Kind::Real) && distinct * ROWS_PER_VALUE < self.rows {
                findings.push(Finding::FewValues { column: i + 1, distinct, rows: self.rows });
            }
            if self.kinds[i] == Kind::Real {
                findings.extend(heavy_tails(i + 1, &sorted));
                spreads.push((i + 1, sorted.spread()));
            }
        }
        let by_spread = |a: &&(usize, f64), b: &&(usize, f64)| a.1.total_cmp(&b.1);
        if let (Some(&narrow), Some(&wide)) =
            (spreads.iter().min_by(by_spread), spreads.iter().max_by(by_spread))
            && wide.1 > SCALE_RATIO * narrow.1
        {
            findings.push(Finding::Scales { narrow, wide });
        }
        findings
    }
}

fn heavy_tails(column: usize, sorted: &Sorted) -> Option<Finding> {
    let (spread, median, (low, high)) = (sorted.spread(), sorted.quantile(0.5), sorted.range());
    let half = sorted.quantile(0.75) - sorted.quantile(0.25);
    // Where half of the values are equal the column is no sample of a density, which is another finding.
    let ratio = if half > 0.0 { (sorted.quantile(0.995) - sorted.quantile(0.005)) / half } else { 0.0 };
    let farthest = (high - median).max(median - low) / spread;
    (ratio > TAIL_RATIO || farthest > FARTHEST).then_some(Finding::HeavyTails { column, ratio, farthest })
}

#[cfg(test)]
mod tests;
