//! Gradients of any loss of a flow's points and log-densities.
//!
//! Each part of a batch runs through all layers, the loss writes its cotangents, and the layers pull
//! them back. Parts are summed in an order of their own, so results are the same bits on any number of threads.

use std::ops::Range;

use super::{Flow, Records, parts};
use crate::lanes::{TILE, Workspace};
use crate::map::{Cotangents, Direction, Gradients, SolveStats, ThetaGradient};

/// Number of samples that run through the layers and back together: few, so that what the layers save of them stays
/// small.
const TOGETHER: usize = 2 * TILE;

/// A part of a batch as a loss sees it: it reads points and log-densities, and writes their cotangents.
#[derive(Debug)]
pub struct Part<'a> {
    /// Indices of the samples in the batch.
    pub samples: Range<usize>,
    /// Points, `[sample][coordinate]`: the images when forward, the preimages when inverse.
    pub points: &'a [f64],
    /// `log q` of the images.
    pub log_q: &'a [f64],
    /// Whether the sample counts; cotangents of others are ignored.
    pub ok: &'a [bool],
    /// Cotangents of `points`, ambient coordinates: to be written, zero on entry.
    pub points_bar: &'a mut [f64],
    /// Cotangents of `log_q`: to be written, zero on entry.
    pub log_q_bar: &'a mut [f64],
}

impl Flow {
    /// Gradient in the parameters of `Σ f(y, log q(y))` over the images of base points `x`.
    ///
    /// `loss` is called once for every few samples of the batch, in parallel, and writes the cotangents of `f`.
    ///
    /// # Errors
    /// The first error that `loss` returns, in the order of the parts.
    ///
    /// # Panics
    /// If `theta` or `x` has the wrong length.
    pub fn forward_gradient<T: Send, E: Send>(
        &self,
        theta: &[f64],
        x: &[f64],
        loss: impl Fn(Part<'_>) -> Result<T, E> + Sync,
    ) -> Result<(Vec<f64>, Vec<T>, SolveStats), E> {
        self.gradient(Direction::Forward, theta, x, None, loss)
    }

    /// Gradient in the parameters of `Σ f(x, log q(y))` over given points `y`, through the closed-form inverse.
    ///
    /// # Errors
    /// As [`Flow::forward_gradient`].
    ///
    /// # Panics
    /// As [`Flow::forward_gradient`].
    pub fn inverse_gradient<T: Send, E: Send>(
        &self,
        theta: &[f64],
        y: &[f64],
        loss: impl Fn(Part<'_>) -> Result<T, E> + Sync,
    ) -> Result<(Vec<f64>, Vec<T>, SolveStats), E> {
        self.gradient(Direction::Inverse, theta, y, None, loss)
    }

    /// As [`Flow::inverse_gradient`], with the floor under eigenvalues of [`Flow::scores`]: where the map folds a sample
    /// counts as well.
    ///
    /// # Errors
    /// As [`Flow::forward_gradient`].
    ///
    /// # Panics
    /// As [`Flow::forward_gradient`], and if `floor` is not positive and finite.
    pub fn inverse_gradient_with_floor<T: Send, E: Send>(
        &self,
        theta: &[f64],
        y: &[f64],
        floor: f64,
        loss: impl Fn(Part<'_>) -> Result<T, E> + Sync,
    ) -> Result<(Vec<f64>, Vec<T>, SolveStats), E> {
        self.gradient(Direction::Inverse, theta, y, Some(floor), loss)
    }

    fn gradient<T: Send, E: Send>(
        &self,
        direction: Direction,
        theta: &[f64],
        points: &[f64],
        floor: Option<f64>,
        loss: impl Fn(Part<'_>) -> Result<T, E> + Sync,
    ) -> Result<(Vec<f64>, Vec<T>, SolveStats), E> {
        let n = self.manifold.ambient();
        let zero = || (vec![0.0; self.parameters()], vec![], SolveStats::default());
        let part = |samples: Range<usize>| {
            let mut sums = zero();
            for samples in parts::cut(samples, TOGETHER) {
                let points = &points[samples.start * n..samples.end * n];
                Workspace::lend(|records: &mut Records| {
                    self.run_saving(direction, theta, points, records);
                    if let Some(floor) = floor {
                        self.clamp_eigenvalues(floor, records);
                    }
                    let run = StackRun { direction, theta, points, records };
                    self.add_gradient(&run, samples, &loss, &mut sums)
                })?;
            }
            Ok(sums)
        };
        let sum = parts::sum(&parts::coarse(self.samples(theta, points)), &part, &|a, b| Ok(sum_of(a?, b?)));
        sum.unwrap_or_else(|| Ok(zero()))
    }

    /// The loss of samples that have run through the layers, and its cotangents all the way back.
    fn add_gradient<T, E>(
        &self,
        run: &StackRun<'_>,
        samples: Range<usize>,
        loss: &(impl Fn(Part<'_>) -> Result<T, E> + Sync),
        (gradient, values, stats): &mut Sums<T>,
    ) -> Result<(), E> {
        let &StackRun { direction, theta, points, records } = run;
        let (log_q, ok) = self.densities(points, records);
        records.iter().for_each(|record| stats.add(record));
        let end = match direction {
            Direction::Forward => &records[records.len() - 1].y,
            Direction::Inverse => &records[0].x,
        };
        let (mut points_bar, mut log_q_bar) = (vec![0.0; end.len()], vec![0.0; ok.len()]);
        let value = loss(Part {
            samples,
            points: end,
            log_q: &log_q,
            ok: &ok,
            points_bar: &mut points_bar,
            log_q_bar: &mut log_q_bar,
        })?;
        values.push(value);
        let bars = (points_bar, log_q_bar);
        self.pull_back(direction, theta, records, &ok, bars, ThetaGradient::Sum(gradient));
        Ok(())
    }

    /// Pulls the cotangents of the points that a run ended at, and of `log q`, back through all layers. Those of
    /// samples that are not `ok` are ignored. Returns the cotangents of the points that the run started from, without
    /// what `log base` adds to those of base points.
    pub(super) fn pull_back(
        &self,
        direction: Direction,
        theta: &[f64],
        records: &Records,
        ok: &[bool],
        (mut points_bar, mut log_q_bar): (Vec<f64>, Vec<f64>),
        mut theta_bar: ThetaGradient<'_>,
    ) -> Vec<f64> {
        if direction == Direction::Inverse {
            self.add_base_gradient(&records[0].x, &log_q_bar, &mut points_bar);
        }
        self.mask_failed(ok, &mut points_bar, &mut log_q_bar);
        // log q = log base(x) − Σ ℓ.
        log_q_bar.iter_mut().for_each(|w| *w = -*w);
        let mut next = vec![0.0; points_bar.len()];
        for k in 0..self.layers() {
            let layer = match direction {
                Direction::Forward => self.layers() - 1 - k,
                Direction::Inverse => k,
            };
            let slot = self.slot(layer);
            let (theta, record) = (&theta[slot.clone()], &records[layer]);
            let cotangents = Cotangents { points: &points_bar, log_det: &log_q_bar };
            let into = Gradients { theta: theta_bar.part(slot, ok.len()), points: &mut next };
            Workspace::with(|work| {
                self.maps[layer].pull_back(direction, theta, record, cotangents, into, work);
            });
            std::mem::swap(&mut points_bar, &mut next);
        }
        points_bar
    }

    /// Sets the cotangents of failed samples to zero, because their numbers mean nothing and must not move the
    /// parameters.
    fn mask_failed(&self, ok: &[bool], points_bar: &mut [f64], log_q_bar: &mut [f64]) {
        let n = self.manifold.ambient();
        for (s, _) in ok.iter().enumerate().filter(|(_, ok)| !**ok) {
            log_q_bar[s] = 0.0;
            points_bar[s * n..(s + 1) * n].fill(0.0);
        }
    }

    /// Adds the cotangent of the preimages through `log base(x)`.
    pub(super) fn add_base_gradient(&self, x: &[f64], log_q_bar: &[f64], x_bar: &mut [f64]) {
        if self.manifold.log_volume().is_some() {
            return; // Uniform.
        }
        let n = self.manifold.ambient();
        let mut gradient = vec![0.0; n];
        // Zero cotangents are those of failed samples, whose numbers may not be finite.
        for (s, &w) in log_q_bar.iter().enumerate().filter(|(_, w)| **w != 0.0) {
            self.manifold.log_base_gradient(&x[s * n..(s + 1) * n], &mut gradient);
            for (x_bar, g) in x_bar[s * n..(s + 1) * n].iter_mut().zip(&gradient) {
                *x_bar += w * g;
            }
        }
    }
}

/// A run through all layers, which can be pulled back through.
struct StackRun<'a> {
    direction: Direction,
    theta: &'a [f64],
    points: &'a [f64],
    records: &'a Records,
}

/// Gradient, values of the loss, and statistics of some parts.
type Sums<T> = (Vec<f64>, Vec<T>, SolveStats);

/// The sum of two sums; the values of the second follow those of the first.
fn sum_of<T>((mut gradient, mut values, mut stats): Sums<T>, (more, others, rest): Sums<T>) -> Sums<T> {
    gradient.iter_mut().zip(more).for_each(|(sum, g)| *sum += g);
    values.extend(others);
    stats.merge(&rest);
    (gradient, values, stats)
}
