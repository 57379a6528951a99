//! The form of `H`: which order of elimination its pattern asks for.

use std::fmt;

use super::MOST_MULTIPLICATIONS;
use super::ordering::minimum_degree;
use super::symbolic::{Symbolic, cost_of_clique};

/// The form of `H` that is asked for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Structure {
    /// The cheapest one.
    #[default]
    Automatic,
    /// All entries.
    Dense,
    /// The sites in their order, which suits chains.
    Natural,
    /// The sites in an order of minimum degree, which suits lattices.
    Sparse,
}

/// The form of `H` that a map has chosen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Form {
    /// No entries off the diagonal.
    Diagonal,
    /// A band around the diagonal.
    Banded {
        /// Number of diagonals below the main one.
        width: usize,
    },
    /// A band, and last rows that the elimination fills: a closed chain.
    Bordered {
        /// Number of those rows.
        rows: usize,
    },
    /// A sparse matrix in an order of minimum degree.
    Sparse,
    /// All entries.
    Dense,
}

impl fmt::Display for Form {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Diagonal => write!(f, "diagonal"),
            Self::Banded { width } => write!(f, "banded, {width} below the diagonal"),
            Self::Bordered { rows } => write!(f, "banded with a border of {rows} rows"),
            Self::Sparse => write!(f, "sparse, minimum degree"),
            Self::Dense => write!(f, "dense"),
        }
    }
}

/// A factor with more than this share of all entries is made dense, so that its runs are as long as they can be.
const FILLED: f64 = 0.8;

/// The factor of matrices with non-zeros on the diagonal and at `pairs`, in the form that `structure` asks for, or none if
/// its elimination takes more than [`MOST_MULTIPLICATIONS`].
pub(crate) fn choose(n: usize, pairs: &[(u32, u32)], structure: Structure) -> Option<(Symbolic, Form)> {
    let natural: Vec<u32> = (0..n as u32).collect();
    let dense = || {
        if cost_of_clique(n) > MOST_MULTIPLICATIONS {
            return None;
        }
        let all: Vec<(u32, u32)> = (0..n as u32).flat_map(|j| (0..j).map(move |i| (i, j))).collect();
        Some((Symbolic::new(&natural, &all)?, Form::Dense))
    };
    let in_order = || {
        let symbolic = Symbolic::new(&natural, pairs)?;
        let form = form_of(n, pairs, &symbolic);
        Some((symbolic, form))
    };
    let sparse = || Some((Symbolic::new(&minimum_degree(n, pairs)?, pairs)?, Form::Sparse));
    let chosen = match structure {
        Structure::Dense => dense(),
        Structure::Natural => in_order(),
        Structure::Sparse => sparse(),
        Structure::Automatic => {
            let full = n * (n.max(1) - 1) / 2;
            let cheaper = match (in_order(), sparse()) {
                (Some(in_order), Some(sparse)) if sparse.0.cost() < in_order.0.cost() => Some(sparse),
                (in_order, sparse) => in_order.or(sparse),
            };
            match cheaper {
                Some(found) if n > 1 && found.0.len() as f64 > FILLED * full as f64 => {
                    dense().or(Some(found))
                }
                found => found,
            }
        }
    };
    chosen.map(|(mut symbolic, form)| {
        symbolic.find_runs();
        (symbolic, form)
    })
}

/// The name of what an elimination in the natural order looks like.
fn form_of(n: usize, pairs: &[(u32, u32)], symbolic: &Symbolic) -> Form {
    let distance = |&(i, j): &(u32, u32)| i.abs_diff(j) as usize;
    let around = |d: usize| d.min(n - d);
    let width = pairs.iter().map(distance).max().unwrap_or(0);
    let ring = pairs.iter().map(|pair| around(distance(pair))).max().unwrap_or(0);
    if width == 0 {
        Form::Diagonal
    } else if ring < width {
        Form::Bordered { rows: ring }
    } else if symbolic.len() == n * (n - 1) / 2 {
        Form::Dense
    } else {
        Form::Banded { width }
    }
}
