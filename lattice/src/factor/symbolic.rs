//! The pattern of a factor, and the runs of contiguous entries that its elimination updates.

use std::collections::{BTreeSet, HashMap};

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
    /// Entries by place and row.
    entries: HashMap<(u32, u32), u32>,
}

impl Symbolic {
    /// The factor of matrices with non-zeros on the diagonal and at `pairs`, eliminated in the order `order`.
    pub(crate) fn new(order: &[u32], pairs: &[(u32, u32)]) -> Self {
        let n = order.len();
        let mut place = vec![0; n];
        order.iter().enumerate().for_each(|(k, &i)| place[i as usize] = k as u32);
        let mut below = vec![BTreeSet::new(); n];
        for &(i, j) in pairs {
            let (i, j) = (place[i as usize], place[j as usize]);
            below[i.min(j) as usize].insert(i.max(j));
        }
        let (mut columns, mut rows, mut entries) = (vec![0], vec![], HashMap::new());
        for j in 0..n {
            let column: Vec<u32> = std::mem::take(&mut below[j]).into_iter().collect();
            // The rows of a column are rows of the column of the first of them as well.
            if let Some((&parent, rest)) = column.split_first() {
                below[parent as usize].extend(rest);
            }
            for &row in &column {
                entries.insert((j as u32, row), rows.len() as u32);
                rows.push(row);
            }
            columns.push(rows.len());
        }
        let mut out =
            Self { order: order.to_vec(), place, columns, rows, starts: vec![], runs: vec![], entries };
        out.find_runs();
        out
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
        let of = |pair: &[usize]| (pair[1] - pair[0]) * (pair[1] - pair[0] + 3) / 2;
        self.columns.windows(2).map(of).sum()
    }

    /// The entry at rows `i ≠ j` of `H`.
    ///
    /// # Panics
    /// If the pattern has none.
    pub(crate) fn entry(&self, i: u32, j: u32) -> u32 {
        let (i, j) = (self.place[i as usize], self.place[j as usize]);
        self.entries[&(i.min(j), i.max(j))]
    }

    fn find_runs(&mut self) {
        for j in 0..self.size() {
            let (start, end) = (self.columns[j], self.columns[j + 1]);
            for e in start..end {
                self.starts.push(self.runs.len() as u32);
                let first = self.runs.len();
                for source in e + 1..end {
                    let target = self.entries[&(self.rows[e], self.rows[source])];
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
