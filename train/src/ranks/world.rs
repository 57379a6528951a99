//! Ranks that are processes started by `mpirun`, on one machine or many.

use std::sync::Arc;
use std::time::Duration;

use mpi::collective::CommunicatorCollectives;
use mpi::datatype::PartitionMut;
use mpi::environment::Universe;
use mpi::point_to_point::{Destination, Source};
use mpi::topology::{Communicator as _, SimpleCommunicator};
use mpi::{Count, Threading};

use super::{Communicator, Ranks};

/// The processes of one `mpirun`, until MPI is finalised.
pub struct World {
    ranks: Ranks,
    /// Ends MPI when it is dropped.
    _universe: Universe,
}

/// Time between two looks whether all ranks are at their end.
const PAUSE: Duration = Duration::from_millis(10);

/// Time that other ranks leave the first one to tell of an error that all of them have.
const GRACE: Duration = Duration::from_secs(3);

impl World {
    /// Initialises MPI; `None` if this process is the only one.
    pub fn enter() -> Option<Self> {
        let (universe, _) = mpi::initialize_with_threading(Threading::Funneled)?;
        let ranks = Ranks::new(Arc::new(Mpi));
        // Dropped, the universe ends MPI.
        (!ranks.is_alone()).then_some(Self { ranks, _universe: universe })
    }

    /// The ranks.
    pub fn ranks(&self) -> &Ranks {
        &self.ranks
    }

    /// Waits for the end of the others, without keeping a processor busy.
    pub fn leave(self) {
        let mut request = SimpleCommunicator::world().immediate_barrier();
        while let Err(pending) = request.test() {
            request = pending;
            std::thread::sleep(PAUSE);
        }
    }

    /// Ends all ranks after an error of this one, with an exit status. An error that all ranks have is told by the first; the
    /// others `tell` theirs if the first one has none.
    pub fn abort(&self, status: u8, tell: impl FnOnce()) -> ! {
        if self.ranks.rank() > 0 {
            std::thread::sleep(GRACE);
        }
        tell();
        SimpleCommunicator::world().abort(i32::from(status))
    }
}

impl Drop for World {
    fn drop(&mut self) {
        // A rank that panics cannot meet the others, who would wait for it.
        if std::thread::panicking() {
            SimpleCommunicator::world().abort(101);
        }
    }
}

/// All processes that `mpirun` has started.
struct Mpi;

fn count(n: usize) -> Count {
    Count::try_from(n).expect("a message of less than 2³¹ numbers")
}

impl Communicator for Mpi {
    fn rank(&self) -> usize {
        SimpleCommunicator::world().rank() as usize
    }

    fn size(&self) -> usize {
        SimpleCommunicator::world().size() as usize
    }

    fn all_gather(&self, mine: &[f64]) -> Vec<Vec<f64>> {
        let world = SimpleCommunicator::world();
        let mut counts: Vec<Count> = vec![0; self.size()];
        world.all_gather_into(&count(mine.len()), &mut counts[..]);
        let lengths: Vec<usize> = counts.iter().map(|&n| n as usize).collect();
        let mut all = vec![0.0; lengths.iter().sum()];
        count(all.len());
        let starts: Vec<Count> = counts
            .iter()
            .scan(0, |end, &n| {
                *end += n;
                Some(*end - n)
            })
            .collect();
        world.all_gather_varcount_into(mine, &mut PartitionMut::new(&mut all[..], counts, starts));
        let mut rest = all.as_slice();
        lengths.into_iter().map(|n| rest.split_off(..n).expect("a part").to_vec()).collect()
    }

    fn send(&self, to: usize, numbers: &[f64]) {
        SimpleCommunicator::world().process_at_rank(to as i32).send(numbers);
    }

    fn receive(&self, from: usize, numbers: &mut [f64]) {
        SimpleCommunicator::world().process_at_rank(from as i32).receive_into(numbers);
    }
}
