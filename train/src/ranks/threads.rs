//! Ranks that are threads of one process and reach one another by channels.

use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Mutex, PoisonError};

use super::Communicator;

/// One of some ranks.
pub(super) struct Channels {
    rank: usize,
    /// Ways to every rank, and from every rank.
    to: Vec<Sender<Vec<f64>>>,
    from: Vec<Mutex<Receiver<Vec<f64>>>>,
}

/// All ranks, each for a thread of its own.
pub(super) fn communicators(size: usize) -> Vec<Channels> {
    assert!(size > 0, "at least one rank");
    let mut all: Vec<_> = (0..size).map(|rank| Channels { rank, to: vec![], from: vec![] }).collect();
    for from in 0..size {
        for to in 0..size {
            let (sender, receiver) = channel();
            all[from].to.push(sender);
            all[to].from.push(Mutex::new(receiver));
        }
    }
    all
}

impl Channels {
    fn give(&self, to: usize, numbers: &[f64]) {
        self.to[to].send(numbers.to_vec()).expect("a rank that has not ended");
    }

    fn take(&self, from: usize) -> Vec<f64> {
        let receiver = self.from[from].lock().unwrap_or_else(PoisonError::into_inner);
        receiver.recv().expect("a rank that has not ended")
    }
}

impl Communicator for Channels {
    fn rank(&self) -> usize {
        self.rank
    }

    fn size(&self) -> usize {
        self.to.len()
    }

    fn all_gather(&self, mine: &[f64]) -> Vec<Vec<f64>> {
        (0..self.size()).for_each(|to| self.give(to, mine));
        (0..self.size()).map(|from| self.take(from)).collect()
    }

    fn send(&self, to: usize, numbers: &[f64]) {
        self.give(to, numbers);
    }

    fn receive(&self, from: usize, numbers: &mut [f64]) {
        numbers.copy_from_slice(&self.take(from));
    }
}
