//! A Jacobian in blocks of samples, stored or computed anew, and its products with vectors.

use std::ops::Range;

use ircpm_flow::{BLOCK, Jacobian};
use nalgebra::{DMatrixView, DVector};
use rayon::prelude::*;

use crate::ranks::{Packed, Ranks, Words};

/// Least square of a column that its parameter is measured by, relative to the mean of all columns.
const SMALLEST_COLUMN: f64 = 1e-4;

/// Computes the columns of a Jacobian: what the matrix-free form asks for again and again.
pub trait ColumnSource: Sync {
    /// Writes the gradients of `samples`, `[parameter][sample]`.
    fn columns(&self, samples: Range<usize>, columns: &mut [f64]);
}

/// The rows of a Jacobian, one per sample. Sums over blocks are taken in their order, whatever the number of threads.
#[derive(Clone, Copy)]
pub struct JacobianRows<'a> {
    samples: usize,
    parameters: usize,
    place: Place<'a>,
    ranks: &'a Ranks,
}

#[derive(Clone, Copy)]
enum Place<'a> {
    Stored(&'a Jacobian),
    /// In the memory of the rank that computes with them.
    Divided(&'a Jacobian),
    Computed(&'a dyn ColumnSource),
}

/// Samples of the blocks that a rank takes.
fn share(ranks: &Ranks, samples: usize) -> Range<usize> {
    let Range { start, end } = ranks.part(samples.div_ceil(BLOCK));
    samples.min(start * BLOCK)..samples.min(end * BLOCK)
}

/// The blocks of a Jacobian that this rank takes.
pub(crate) fn divided(
    source: &dyn ColumnSource,
    samples: usize,
    parameters: usize,
    ranks: &Ranks,
) -> Jacobian {
    let share = share(ranks, samples);
    Jacobian::from_columns(share.len(), parameters, |samples, columns| {
        source.columns(share.start + samples.start..share.start + samples.end, columns);
    })
}

/// A whole Jacobian from the blocks that each rank has computed: all of its numbers are sent.
pub(crate) fn gathered(
    source: &dyn ColumnSource,
    samples: usize,
    parameters: usize,
    ranks: &Ranks,
) -> Jacobian {
    let mine = divided(source, samples, parameters, ranks).into_columns();
    Jacobian::new(samples, parameters, ranks.all_gather(&mine).concat())
}

impl<'a> JacobianRows<'a> {
    /// Rows in memory.
    pub fn stored(jacobian: &'a Jacobian) -> Self {
        let (samples, parameters) = (jacobian.samples(), jacobian.parameters());
        Self { samples, parameters, place: Place::Stored(jacobian), ranks: &Ranks::ALONE }
    }

    /// Rows in memory, of which each of the ranks has those of [`divided`].
    pub(crate) fn divided(samples: usize, jacobian: &'a Jacobian, ranks: &'a Ranks) -> Self {
        Self { samples, parameters: jacobian.parameters(), place: Place::Divided(jacobian), ranks }
    }

    /// Rows that are computed whenever they are needed.
    pub fn computed(samples: usize, parameters: usize, source: &'a dyn ColumnSource) -> Self {
        Self { samples, parameters, place: Place::Computed(source), ranks: &Ranks::ALONE }
    }

    /// The same rows with the work divided among ranks, all of which have or compute them.
    pub(crate) fn shared_by(self, ranks: &'a Ranks) -> Self {
        Self { ranks, ..self }
    }

    /// The ranks that compute with the rows.
    pub(super) fn ranks(&self) -> &'a Ranks {
        self.ranks
    }

    /// Number of rows.
    pub fn samples(&self) -> usize {
        self.samples
    }

    /// Length of a row.
    pub fn parameters(&self) -> usize {
        self.parameters
    }

    /// The blocks that this rank has stored, each `[parameter][sample]`; none if rows are computed.
    pub(super) fn blocks(&self) -> Vec<&'a [f64]> {
        match self.place {
            Place::Stored(jacobian) | Place::Divided(jacobian) => jacobian.blocks().collect(),
            Place::Computed(_) => Vec::new(),
        }
    }

    /// `f` of every block and the range of its samples, in parallel; results in the order of the blocks.
    ///
    /// Ranks gather the vectors of all blocks, and every one of them adds them up as one process does.
    fn map_blocks(&self, f: impl Fn(&[f64], Range<usize>) -> DVector<f64> + Sync) -> Vec<DVector<f64>> {
        let share = match self.place {
            // Products of a vector with rows that every rank has cost less than to send them.
            Place::Stored(_) => 0..self.samples,
            _ => share(self.ranks, self.samples),
        };
        let starts: Vec<usize> = share.step_by(BLOCK).collect();
        let range = |start: usize| start..self.samples.min(start + BLOCK);
        let mine = match self.place {
            Place::Stored(jacobian) | Place::Divided(jacobian) => {
                let blocks: Vec<&[f64]> = jacobian.blocks().collect();
                blocks.into_par_iter().zip(starts).map(|(block, start)| f(block, range(start))).collect()
            }
            Place::Computed(source) => {
                let run = |columns: &mut Vec<f64>, start| {
                    columns.resize(range(start).len() * self.parameters, 0.0);
                    source.columns(range(start), columns);
                    f(columns, range(start))
                };
                starts.into_par_iter().map_init(Vec::new, run).collect()
            }
        };
        match self.place {
            Place::Stored(_) => mine,
            _ => self.gather(mine),
        }
    }

    /// The vectors of all ranks, in their order.
    fn gather(&self, mine: Vec<DVector<f64>>) -> Vec<DVector<f64>> {
        if self.ranks.is_alone() {
            return mine;
        }
        let mut words = vec![mine.len() as f64];
        mine.into_iter().for_each(|vector| Vec::from(vector.data).pack(&mut words));
        let mut all = vec![];
        for words in self.ranks.all_gather(&words) {
            let mut words = Words::new(&words);
            all.extend((0..words.count()).map(|_| Vec::unpack(&mut words)).map(DVector::from_vec));
        }
        all
    }

    /// `J δ`, one number per sample.
    pub(super) fn times(&self, delta: &DVector<f64>) -> DVector<f64> {
        assert_eq!(delta.len(), self.parameters, "a direction in the parameters");
        let parts = self.map_blocks(|block, samples| {
            let mut out = DVector::zeros(samples.len());
            out.gemv(1.0, &self.matrix_of(block), delta, 0.0);
            out
        });
        DVector::from_iterator(self.samples, parts.iter().flat_map(|part| part.iter().copied()))
    }

    /// `Jᵀ r`, one number per parameter.
    pub(crate) fn transposed_times(&self, r: &DVector<f64>) -> DVector<f64> {
        assert_eq!(r.len(), self.samples, "one number per sample");
        let parts = self.map_blocks(|block, samples| {
            let mut out = DVector::zeros(self.parameters);
            out.gemv_tr(1.0, &self.matrix_of(block), &r.rows_range(samples), 0.0);
            out
        });
        parts.into_iter().fold(DVector::zeros(self.parameters), |sum, part| sum + part)
    }

    /// What each parameter is measured in: the inverse fourth root of its column's mean square, relative to the mean of
    /// all columns.
    ///
    /// The inverse square root, of Moré (1978), makes steps independent of the parameters' scales; units of one treat all
    /// alike. The root between them is the best by measurement (`docs/mathematics.md`, section 19). A column next to zero
    /// is measured as if it had a ten-thousandth of the mean.
    pub(super) fn units(&self) -> DVector<f64> {
        let parts = self.map_blocks(|block, samples| {
            let columns = block.chunks_exact(samples.len()).map(|column| column.iter().map(|x| x * x).sum());
            DVector::<f64>::from_iterator(self.parameters, columns)
        });
        let squares = parts.into_iter().fold(DVector::zeros(self.parameters), |sum, part| sum + part);
        let mean = squares.mean();
        if mean > 0.0 {
            squares.map(|square: f64| (square / mean + SMALLEST_COLUMN).powf(-0.25))
        } else {
            DVector::from_element(self.parameters, 1.0)
        }
    }

    /// A block as a matrix with a row per sample.
    fn matrix_of<'b>(&self, block: &'b [f64]) -> DMatrixView<'b, f64> {
        DMatrixView::from_slice(block, block.len() / self.parameters, self.parameters)
    }
}
