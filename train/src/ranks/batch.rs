//! Batches of samples that all ranks compute together.
//!
//! A rank computes its share, and every rank gathers those of all: a few numbers per sample are sent.

use std::ops::Range;

use ircpm_flow::{Flow, Pulled, Pushed, Scores, SignedDensities, SolveStats};

use super::Ranks;
use super::sum::{Packed, Words};

impl Ranks {
    /// [`Flow::forward`].
    ///
    /// # Panics
    /// As [`Flow::forward`].
    pub fn forward(&self, flow: &Flow, theta: &[f64], x: &[f64]) -> Pushed {
        if self.is_alone() {
            return flow.forward(theta, x);
        }
        let n = flow.manifold().ambient();
        let mut out = Pushed { y: vec![], log_q: vec![], ok: vec![], stats: SolveStats::default() };
        let mine = |samples: Range<usize>| {
            let pushed = flow.forward(theta, &x[samples.start * n..samples.end * n]);
            let mut words = vec![];
            pushed.stats.pack(&mut words);
            [words, pushed.y, pushed.log_q, numbers(&pushed.ok)].concat()
        };
        self.each(x.len() / n, mine, |samples, words| {
            out.stats.merge(&SolveStats::unpack(words));
            out.y.extend_from_slice(words.take(samples * n));
            out.log_q.extend_from_slice(words.take(samples));
            out.ok.extend(flags(words.take(samples)));
        });
        out
    }

    /// [`Flow::inverse`].
    ///
    /// # Panics
    /// As [`Flow::inverse`].
    pub fn inverse(&self, flow: &Flow, theta: &[f64], y: &[f64]) -> Pulled {
        if self.is_alone() {
            return flow.inverse(theta, y);
        }
        let n = flow.manifold().ambient();
        let mut out = Pulled { x: vec![], log_q: vec![], ok: vec![] };
        let mine = |samples: Range<usize>| {
            let pulled = flow.inverse(theta, &y[samples.start * n..samples.end * n]);
            [pulled.x, pulled.log_q, numbers(&pulled.ok)].concat()
        };
        self.each(y.len() / n, mine, |samples, words| {
            out.x.extend_from_slice(words.take(samples * n));
            out.log_q.extend_from_slice(words.take(samples));
            out.ok.extend(flags(words.take(samples)));
        });
        out
    }

    /// [`Flow::scores`].
    ///
    /// # Panics
    /// As [`Flow::scores`].
    pub fn scores(&self, flow: &Flow, theta: &[f64], y: &[f64], floor: f64) -> Scores {
        if self.is_alone() {
            return flow.scores(theta, y, floor);
        }
        let n = flow.manifold().ambient();
        let mut out = Scores::default();
        let mine = |samples: Range<usize>| {
            let scores = flow.scores(theta, &y[samples.start * n..samples.end * n], floor);
            [scores.log_q, scores.lowest, numbers(&scores.inside)].concat()
        };
        self.each(y.len() / n, mine, |samples, words| {
            out.log_q.extend_from_slice(words.take(samples));
            out.lowest.extend_from_slice(words.take(samples));
            out.inside.extend(flags(words.take(samples)));
        });
        out
    }

    /// [`Flow::signed_densities`].
    ///
    /// # Panics
    /// As [`Flow::signed_densities`].
    pub fn signed_densities(&self, flow: &Flow, theta: &[f64], y: &[f64]) -> SignedDensities {
        if self.is_alone() {
            return flow.signed_densities(theta, y);
        }
        let n = flow.manifold().ambient();
        let mut out = SignedDensities::default();
        let mine = |samples: Range<usize>| {
            let found = flow.signed_densities(theta, &y[samples.start * n..samples.end * n]);
            [found.x, found.log_q, found.sign, found.min_eigenvalue, numbers(&found.ok)].concat()
        };
        self.each(y.len() / n, mine, |samples, words| {
            out.x.extend_from_slice(words.take(samples * n));
            out.log_q.extend_from_slice(words.take(samples));
            out.sign.extend_from_slice(words.take(samples));
            out.min_eigenvalue.extend_from_slice(words.take(samples));
            out.ok.extend(flags(words.take(samples)));
        });
        out
    }

    /// One number per sample, such as an energy: `fill(samples, numbers)` writes those of some samples.
    pub fn fill(&self, numbers: &mut [f64], fill: impl Fn(Range<usize>, &mut [f64])) {
        if self.is_alone() {
            return fill(0..numbers.len(), numbers);
        }
        let mine = |samples: Range<usize>| {
            let mut out = vec![0.0; samples.len()];
            fill(samples, &mut out);
            out
        };
        let mut start = 0;
        self.each(numbers.len(), mine, |samples, words| {
            numbers[start..start + samples].copy_from_slice(words.take(samples));
            start += samples;
        });
    }

    /// What `mine` makes of the share of every rank, read in the order of the ranks with the number of samples.
    fn each(
        &self,
        samples: usize,
        mine: impl Fn(Range<usize>) -> Vec<f64>,
        mut read: impl FnMut(usize, &mut Words<'_>),
    ) {
        let all = self.all_gather(&mine(self.share_of(self.rank(), samples)));
        for (rank, words) in all.iter().enumerate() {
            read(self.share_of(rank, samples).len(), &mut Words::new(words));
        }
    }
}

fn numbers(flags: &[bool]) -> Vec<f64> {
    flags.iter().map(|&flag| f64::from(flag)).collect()
}

fn flags(numbers: &[f64]) -> impl Iterator<Item = bool> {
    numbers.iter().map(|&x| x > 0.0)
}
