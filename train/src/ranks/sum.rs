//! Gradients of a batch, summed over the samples of all ranks in the order of one process.
//!
//! A flow adds the gradients of the parts of a batch in pairs of neighbours. The upper nodes of this tree are computed by
//! different ranks; every rank gathers their sums and adds them as the tree does.

use std::ops::Range;

use ircpm_flow::SolveStats;

use super::Ranks;

/// The sum of a flow's gradients, what the loss returns of every part of the samples, and statistics of the solves.
pub type Sums<T> = (Vec<f64>, Vec<T>, SolveStats);

/// Samples of a part of a batch, and the most parts that a flow's tree has: of more samples its parts would be larger.
const PART: usize = 32;
const MOST_PARTS: usize = 128;

/// What ranks send one another, as numbers.
pub(crate) trait Packed: Sized {
    /// Appends it to numbers.
    fn pack(&self, words: &mut Vec<f64>);

    /// What [`Packed::pack`] has written.
    fn unpack(words: &mut Words<'_>) -> Self;
}

/// Numbers that are read one after the other.
pub(crate) struct Words<'a>(&'a [f64]);

impl<'a> Words<'a> {
    /// All of them.
    pub(crate) fn new(words: &'a [f64]) -> Self {
        Self(words)
    }

    /// The next ones.
    ///
    /// # Panics
    /// If there are not as many: the ranks have then not called the same functions.
    pub(crate) fn take(&mut self, count: usize) -> &'a [f64] {
        let (taken, rest) = self.0.split_at(count);
        self.0 = rest;
        taken
    }

    /// The next one, a count.
    pub(crate) fn count(&mut self) -> usize {
        self.take(1)[0] as usize
    }
}

impl Packed for SolveStats {
    fn pack(&self, words: &mut Vec<f64>) {
        let counts = [self.points, self.steps, self.single_steps, self.unconverged, self.indefinite];
        words.extend(counts.map(|count| count as f64));
        words.push(self.residual_max);
    }

    fn unpack(words: &mut Words<'_>) -> Self {
        let [points, steps, single_steps, unconverged, indefinite] = std::array::from_fn(|_| words.count());
        Self { points, steps, single_steps, residual_max: words.take(1)[0], unconverged, indefinite }
    }
}

impl Packed for Vec<f64> {
    fn pack(&self, words: &mut Vec<f64>) {
        words.push(self.len() as f64);
        words.extend(self);
    }

    fn unpack(words: &mut Words<'_>) -> Self {
        let len = words.count();
        words.take(len).to_vec()
    }
}

impl Ranks {
    /// The gradient of a batch of `samples`, which `of` computes of any range of them.
    ///
    /// Batches of more than 4096 samples are summed 4096 by 4096 samples, in their order. On an error every rank computes the
    /// whole batch, so that all of them return the error of one process.
    ///
    /// # Errors
    /// The first of the batch, in the order of its parts.
    pub(crate) fn gradient<T: Packed, E>(
        &self,
        samples: usize,
        of: impl Fn(Range<usize>) -> Result<Sums<T>, E>,
    ) -> Result<Sums<T>, E> {
        const MOST: usize = PART * MOST_PARTS;
        let mut sums = self.gradient_of(0..samples.min(MOST), &of)?;
        for start in (MOST..samples).step_by(MOST) {
            let (gradient, values, stats) = self.gradient_of(start..samples.min(start + MOST), &of)?;
            add(&mut sums.0, &gradient);
            sums.1.extend(values);
            sums.2.merge(&stats);
        }
        Ok(sums)
    }

    fn gradient_of<T: Packed, E>(
        &self,
        samples: Range<usize>,
        of: &impl Fn(Range<usize>) -> Result<Sums<T>, E>,
    ) -> Result<Sums<T>, E> {
        if self.is_alone() {
            return of(samples);
        }
        let (parts, depth) = (samples.len().div_ceil(PART), self.depth());
        let mut nodes = vec![];
        cut(0..parts, depth, &mut nodes);
        let mine: Result<Vec<Sums<T>>, E> = nodes[self.part(nodes.len())]
            .iter()
            .map(|node| {
                let end = samples.end.min(samples.start + node.end * PART);
                of(samples.start + node.start * PART..end)
            })
            .collect();
        let all = self.all_gather(&packed(mine.as_deref().ok()));
        if all.iter().any(|words| words[0] == 0.0) {
            return of(samples);
        }
        let (mut gradients, mut values, mut stats) = (vec![], vec![], SolveStats::default());
        for words in &all {
            let mut words = Words::new(&words[1..]);
            for _ in 0..words.count() {
                gradients.push(Vec::unpack(&mut words));
                let count = words.count();
                values.extend((0..count).map(|_| T::unpack(&mut words)));
                stats.merge(&SolveStats::unpack(&mut words));
            }
        }
        Ok((add_up(parts, depth, &mut gradients.into_iter()), values, stats))
    }

    /// Levels of the tree above the nodes that are computed by one rank each: a few nodes per rank where their numbers do
    /// not fit.
    fn depth(&self) -> u32 {
        let size = self.size();
        size.next_power_of_two().ilog2() + if size.is_power_of_two() { 0 } else { 2 }
    }
}

/// One and the sums of some nodes, or zero where there was an error.
fn packed<T: Packed>(nodes: Option<&[Sums<T>]>) -> Vec<f64> {
    let Some(nodes) = nodes else { return vec![0.0] };
    let mut words = vec![1.0, nodes.len() as f64];
    for (gradient, values, stats) in nodes {
        gradient.pack(&mut words);
        words.push(values.len() as f64);
        values.iter().for_each(|value| value.pack(&mut words));
        stats.pack(&mut words);
    }
    words
}

/// The nodes of a flow's tree over these parts, at most `depth` levels below its root.
fn cut(parts: Range<usize>, depth: u32, nodes: &mut Vec<Range<usize>>) {
    if depth == 0 || parts.len() <= 1 {
        nodes.push(parts);
        return;
    }
    let middle = parts.start + parts.len() / 2;
    cut(parts.start..middle, depth - 1, nodes);
    cut(middle..parts.end, depth - 1, nodes);
}

/// The sum at the root from those of the nodes of [`cut`].
fn add_up(parts: usize, depth: u32, nodes: &mut impl Iterator<Item = Vec<f64>>) -> Vec<f64> {
    if depth == 0 || parts <= 1 {
        return nodes.next().expect("a sum for every node");
    }
    let left = parts / 2;
    let mut sum = add_up(left, depth - 1, nodes);
    add(&mut sum, &add_up(parts - left, depth - 1, nodes));
    sum
}

fn add(sum: &mut [f64], more: &[f64]) {
    sum.iter_mut().zip(more).for_each(|(sum, g)| *sum += g);
}
