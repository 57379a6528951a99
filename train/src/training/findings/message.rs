//! The texts of findings.

use std::fmt;

use super::{Finding, Relation};

/// How a column follows from another, as a clause.
pub(super) fn relation(first: usize, second: usize, relation: Relation) -> String {
    match relation {
        Relation::Equal => format!("column {second} equals column {first}"),
        Relation::Shifted(shift) => format!("column {second} is column {first} plus {}", short(shift)),
        Relation::Negated(sum) => format!("column {second} is {} minus column {first}", short(sum)),
    }
}

/// A number without the digits that rounding left.
fn short(x: f64) -> f64 {
    if x.abs() < 1e6 { (x * 1e9).round() / 1e9 } else { x }
}

/// A number with so many decimals, or with its exponent if it is large.
fn decimals(x: f64, count: usize) -> String {
    if x.abs() < 1e5 { format!("{x:.count$}") } else { format!("{x:.2e}") }
}

/// Numbers as `1, 2 and 4`.
pub(super) fn list(columns: &[usize]) -> String {
    let names: Vec<String> = columns.iter().map(ToString::to_string).collect();
    match names.split_last() {
        Some((last, rest)) if !rest.is_empty() => format!("{} and {last}", rest.join(", ")),
        _ => names.concat(),
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Atoms { rows, repeated, largest } => write!(
                f,
                "{repeated} of {rows} rows repeat an earlier one, the most frequent point {largest} times: no density exists \
                 at such atoms, and any likelihood can be reached there; keep one row of each, or add noise"
            ),
            Self::InBoth { held_out, repeated } => write!(
                f,
                "{repeated} of {held_out} held-out rows are among the rows to learn from as well: the held-out likelihood \
                 is too good by that; keep one row of each"
            ),
            Self::FewValues { column, distinct, rows } => write!(
                f,
                "column {column} has only {distinct} distinct values in {rows} rows: a density that is sharp at them has \
                 any likelihood; give more digits, or add noise of the size of the rounding"
            ),
            Self::NearlyDependent { first, second, relation: by, difference } => write!(
                f,
                "{} but for {difference:.1e}: the density is that thin there; remove column {second}, or add noise",
                relation(*first, *second, *by)
            ),
            Self::NearHyperplane { columns, distance } => write!(
                f,
                "columns {} lie in one hyperplane but for {distance:.1e}: the density is that thin there; remove one of \
                 them, or add noise",
                list(columns)
            ),
            Self::FewRows { distinct, dim } => {
                write!(f, "{distinct} different points in {dim} dimensions are few: expect a rough density")
            }
            Self::FewEffective { rows, effective } => write!(
                f,
                "the weights of {rows} rows are worth {effective:.1} rows of equal weight: the density is as rough, and \
                 the errors are as large, as those of so many; spread the weights more evenly, or give more rows"
            ),
            Self::HeavyTails { column, ratio, farthest } => write!(
                f,
                "column {column} has heavy tails: its central 99 % are {} times as wide as its central half (3.8 for a \
                 normal density), and its farthest value lies {} robust standard deviations from the median; \
                 consider its logarithm, or leave outliers out",
                decimals(*ratio, 1),
                decimals(*farthest, 0)
            ),
            Self::IdleContext { column } => write!(
                f,
                "column {column}, a conditioning variable, has the same value in every row: nothing is learned of how the \
                 density depends on it"
            ),
            Self::Scales { narrow, wide } => write!(
                f,
                "columns are on different scales: column {} spreads over {:.2e}, column {} over {:.2e}",
                narrow.0, narrow.1, wide.0, wide.1
            ),
        }
    }
}
