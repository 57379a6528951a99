//! Processes that train one flow together, each on a share of the samples: *ranks*.
//!
//! Every rank runs the whole of training, with the same generator, the same points and the same decisions. Only what is
//! computed sample by sample is divided: a rank computes its share, and all ranks gather the shares of all. Sums over
//! samples are taken in the order of a run of one process (`docs/ranks.md`), so the parameters are the same bits on any
//! number of ranks, as they are on any number of threads. It follows that ranks never need to agree on a decision, but
//! for those that a clock, a signal or a file system makes.

mod batch;
mod sum;
mod threads;
#[cfg(feature = "mpi")]
mod world;

use std::fmt;
use std::ops::Range;
use std::sync::Arc;

pub use sum::Sums;
pub(crate) use sum::{Packed, Words};
#[cfg(feature = "mpi")]
pub use world::World;

/// How ranks reach one another. All of them call the same functions in the same order.
///
/// A rank that is lost ends the others; no call returns an error.
pub trait Communicator: Send + Sync {
    /// Number of this rank, from 0.
    fn rank(&self) -> usize;

    /// Number of ranks, at least one.
    fn size(&self) -> usize;

    /// What every rank gives, in the order of the ranks; lengths may differ.
    fn all_gather(&self, mine: &[f64]) -> Vec<Vec<f64>>;

    /// Sends numbers to another rank, which [receives](Communicator::receive) them.
    fn send(&self, to: usize, numbers: &[f64]);

    /// Receives as many numbers as another rank sends.
    fn receive(&self, from: usize, numbers: &mut [f64]);
}

/// The ranks as one of them sees them; by default one that is alone.
#[derive(Clone, Default)]
pub struct Ranks(Option<Arc<dyn Communicator>>);

/// Samples of a unit that is not divided: the batches of a flow are then cut as those of one process.
const UNIT: usize = 64;

impl Ranks {
    /// One process alone, which exchanges nothing.
    pub const ALONE: Self = Self(None);

    /// Ranks that reach one another by a communicator.
    pub fn new(communicator: Arc<dyn Communicator>) -> Self {
        Self((communicator.size() > 1).then_some(communicator))
    }

    /// As many ranks as given, each for a thread of its own: for tests.
    ///
    /// # Panics
    /// If there are none.
    pub fn of_threads(size: usize) -> Vec<Self> {
        threads::communicators(size).into_iter().map(|each| Self::new(Arc::new(each))).collect()
    }

    /// Number of this rank, from 0.
    pub fn rank(&self) -> usize {
        self.0.as_ref().map_or(0, |c| c.rank())
    }

    /// Number of ranks.
    pub fn size(&self) -> usize {
        self.0.as_ref().map_or(1, |c| c.size())
    }

    /// Whether there is only this one.
    pub fn is_alone(&self) -> bool {
        self.0.is_none()
    }

    /// What every rank gives, in the order of the ranks; lengths may differ.
    pub fn all_gather(&self, mine: &[f64]) -> Vec<Vec<f64>> {
        match &self.0 {
            Some(communicator) => communicator.all_gather(mine),
            None => vec![mine.to_vec()],
        }
    }

    /// Whether any rank says so.
    pub fn any(&self, mine: bool) -> bool {
        match &self.0 {
            Some(communicator) => communicator.all_gather(&[f64::from(mine)]).iter().any(|one| one[0] > 0.0),
            None => mine,
        }
    }

    /// The first rank whose numbers are not, bit by bit, those of rank 0.
    pub fn unequal(&self, mine: &[f64]) -> Option<usize> {
        let bits = |numbers: &[f64]| numbers.iter().map(|x| x.to_bits()).collect::<Vec<_>>();
        let all = self.all_gather(mine);
        (1..all.len()).find(|&rank| bits(&all[rank]) != bits(&all[0]))
    }

    /// Passes numbers from rank to rank: each adds its own to those of the ranks before, which the first takes as they
    /// are. `numbers` of the last rank are the sum in the end; those of the others are sums up to theirs.
    pub(crate) fn relay(&self, numbers: &mut [&mut [f64]], add: impl FnOnce(&mut [&mut [f64]])) {
        let (rank, size) = (self.rank(), self.size());
        if let Some(communicator) = self.0.as_ref().filter(|_| rank > 0) {
            numbers.iter_mut().for_each(|part| communicator.receive(rank - 1, part));
        }
        add(numbers);
        if let Some(communicator) = self.0.as_ref().filter(|_| rank + 1 < size) {
            numbers.iter().for_each(|part| communicator.send(rank + 1, part));
        }
    }

    /// The part of `units` things that this rank takes, and that of any rank.
    pub(crate) fn part(&self, units: usize) -> Range<usize> {
        self.part_of(self.rank(), units)
    }

    fn part_of(&self, rank: usize, units: usize) -> Range<usize> {
        rank * units / self.size()..(rank + 1) * units / self.size()
    }

    /// The samples that a rank takes of a batch, whole units.
    fn share_of(&self, rank: usize, samples: usize) -> Range<usize> {
        let Range { start, end } = self.part_of(rank, samples.div_ceil(UNIT));
        samples.min(start * UNIT)..samples.min(end * UNIT)
    }
}

impl fmt::Debug for Ranks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "rank {} of {}", self.rank(), self.size())
    }
}
