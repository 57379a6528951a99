//! What is known of functions over a box, and at its middle.

use crate::ball::Ball;
use crate::jet::{Jet, Layout};

/// Something over a box, with derivatives to third order, and at its middle, to second.
#[derive(Clone, Debug)]
pub(crate) struct Expansion<T> {
    pub(crate) over: T,
    pub(crate) at: T,
    /// Coefficients of one jet over the box, and at the middle.
    pub(crate) lengths: [usize; 2],
}

impl<T> Expansion<T> {
    pub(crate) fn new(over: T, at: T, layout: &Layout) -> Self {
        Self { over, at, lengths: [true, false].map(|has_third| layout.len(has_third)) }
    }

    /// What `f` makes of both. It is told how many coefficients a jet has.
    pub(crate) fn map<U>(&self, mut f: impl FnMut(&T, usize) -> U) -> Expansion<U> {
        let lengths = self.lengths;
        Expansion { over: f(&self.over, lengths[0]), at: f(&self.at, lengths[1]), lengths }
    }
}

impl Expansion<Jet> {
    /// Zero.
    pub(crate) fn zero(layout: &Layout) -> Self {
        Expansion::new((), (), layout).map(|(), n| vec![Ball::ZERO; n])
    }

    /// Narrows jets over the box, which stand one after the other, by those at the middle.
    pub(crate) fn narrow(&mut self, layout: &Layout, sides: &[Ball]) {
        let [over, at] = self.lengths;
        for (over, at) in self.over.chunks_exact_mut(over).zip(self.at.chunks_exact(at)) {
            layout.narrow(over, at, sides);
        }
    }

    pub(crate) fn add(&mut self, other: &Self) {
        let add = |sum: &mut Jet, other: &Jet| sum.iter_mut().zip(other).for_each(|(x, &y)| *x = *x + y);
        add(&mut self.over, &other.over);
        add(&mut self.at, &other.at);
    }

    pub(crate) fn scale(&mut self, factor: Ball) {
        self.over.iter_mut().chain(&mut self.at).for_each(|x| *x = *x * factor);
    }
}
