//! The pattern of a factor, and the runs of contiguous entries that its elimination updates.

use std::collections::BTreeSet;

use super::MOST_MULTIPLICATIONS;

/// Entries of one column that update entries of a later column, both contiguous.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Run {
    /// First entry that is updated.
    pub target: u32,
    /// First entry that it is updated with.
    pub source: u32,
    /// Number of entries.
    pub len: u32,
}

/// The pattern of `L`, column by column, in the order of elimination.
#[derive(Clone, Debug)]
pub(crate) struct Symbolic {
    /// Row of `H` that is eliminated at each place.
    pub order: Vec<u32>,
    /// Place of every row of `H` in the order of elimination.
    pub place: Vec<u32>,
    /// Where the entries of every column below the diagonal begin.
    pub columns: Vec<usize>,
    /// Row of every entry below the diagonal, ascending in each column.
    pub rows: Vec<u32>,
    /// Where the runs of every entry begin.
    pub starts: Vec<u32>,
    /// For the entry in row `r` of column `j`, how the entries below it lie in column `r`.
    pub runs: Vec<Run>,
}

impl Symbolic {
    /// The pattern of the factor of matrices with non-zeros on the diagonal and at `pairs`, eliminated in the order `order`, or
    /// none if that takes more than [`MOST_MULTIPLICATIONS`]. It has no runs until [`Symbolic::find_runs`].
    pub(crate) fn new(order: &[u32], pairs: &[(u32, u32)]) -> Option<Self> {
        let n = order.len();
        let mut place = vec![0; n];
        order.iter().enumerate().for_each(|(k, &i)| place[i as usize] = k as u32);
        let mut below = vec![BTreeSet::new(); n];
        for &(i, j) in pairs {
            let (i, j) = (place[i as usize], place[j as usize]);
            below[i.min(j) as usize].insert(i.max(j));
        }
        let (mut columns, mut rows, mut cost) = (vec![0], vec![], 0);
        for j in 0..n {
            let column: Vec<u32> = std::mem::take(&mut below[j]).into_iter().collect();
            cost += cost_of(column.len());
            if cost > MOST_MULTIPLICATIONS {
                return None;
            }
            // The rows of a column are rows of the column of the first of them as well.
            if let Some((&parent, rest)) = column.split_first() {
                below[parent as usize].extend(rest);
            }
            rows.extend(column);
            columns.push(rows.len());
        }
        Some(Self { order: order.to_vec(), place, columns, rows, starts: vec![], runs: vec![] })
    }

    /// Number of rows.
    #[inline(always)]
    pub(crate) fn size(&self) -> usize {
        self.order.len()
    }

    /// Number of entries below the diagonal.
    pub(crate) fn len(&self) -> usize {
        self.rows.len()
    }

    /// Number of multiplications of one elimination.
    pub(crate) fn cost(&self) -> usize {
        self.columns.windows(2).map(|pair| cost_of(pair[1] - pair[0])).sum()
    }

    /// The entry at rows `i ≠ j` of `H`.
    ///
    /// # Panics
    /// If the pattern has none.
    pub(crate) fn entry(&self, i: u32, j: u32) -> u32 {
        let (i, j) = (self.place[i as usize], self.place[j as usize]);
        let start = self.columns[i.min(j) as usize];
        let column = &self.rows[start..self.columns[i.min(j) as usize + 1]];
        let at = column.binary_search(&i.max(j)).expect("an entry of the pattern");
        (start + at) as u32
    }

    /// Finds the runs of the elimination.
    pub(crate) fn find_runs(&mut self) {
        for j in 0..self.size() {
            let (start, end) = (self.columns[j], self.columns[j + 1]);
            for e in start..end {
                self.starts.push(self.runs.len() as u32);
                let first = self.runs.len();
                // The rest of the column is part of that of its row, in the same order.
                let mut target = self.columns[self.rows[e] as usize];
                for source in e + 1..end {
                    while self.rows[target] != self.rows[source] {
                        target += 1;
                    }
                    let target = target as u32;
                    match self.runs[first..].last_mut() {
                        Some(run) if run.target + run.len == target => run.len += 1,
                        _ => self.runs.push(Run { target, source: source as u32, len: 1 }),
                    }
                }
            }
        }
        self.starts.push(self.runs.len() as u32);
    }
}

/// Number of multiplications that the elimination of a column takes.
pub(crate) fn cost_of(entries: usize) -> usize {
    entries * (entries + 3) / 2
}

/// Number of multiplications that the elimination of so many rows takes that are all tied to each other.
pub(crate) fn cost_of_clique(rows: usize) -> usize {
    rows * rows.saturating_sub(1) * (rows + 4) / 6
}
