//! Reverse Kullback–Leibler divergence from an energy.

use ircpm_flow::{Flow, Part, SolveStats};

use super::{Gradient, LossError, Sum, check_input, mean};
use crate::ranks::{Packed, Ranks, Words};
use crate::target::Target;

/// `KL(q ‖ p) − log Z = E_x[log q(y) + β u(y)]`, `y = T(x)`, over base points `x` (`[sample][coordinate]`), in nats.
///
/// Samples whose inner solve failed do not count; `stats` says how many there were.
///
/// # Errors
/// [`LossError::NoPoints`] if `x` is empty, [`LossError::Parameter`] if `theta` is not finite, [`LossError::Beta`] if
/// `beta` is not finite, [`LossError::Energy`] if the energy is not finite at an image, [`LossError::Image`] if an
/// image is not finite, [`LossError::Solves`] if every solve failed.
///
/// # Panics
/// If `theta` or `x` has the wrong length for the flow, or the target lives on another manifold.
pub fn reverse_kl(
    flow: &Flow,
    theta: &[f64],
    x: &[f64],
    target: &dyn Target,
    beta: f64,
) -> Result<Gradient, LossError> {
    shared_reverse_kl(&Ranks::ALONE, flow, theta, x, target, beta)
}

/// [`reverse_kl`] by some ranks together.
pub(crate) fn shared_reverse_kl(
    ranks: &Ranks,
    flow: &Flow,
    theta: &[f64],
    x: &[f64],
    target: &dyn Target,
    beta: f64,
) -> Result<Gradient, LossError> {
    let (grad, parts, stats) = sums(ranks, flow, theta, x, (target, beta), false)?;
    total(flow, x, grad, parts, stats)
}

/// [`reverse_kl`] with the path gradient: the part of the gradient that goes through the points `y`, at fixed parameters
/// of `log q`.
///
/// The rest, `E ∂_θ log q(y)` at fixed `y`, is zero in expectation, but not over a batch: left out, the noise of the
/// gradient vanishes as `q` approaches the target (Roeder, Wu & Duvenaud 2017, arXiv:1703.09194). It is subtracted
/// here, by the closed-form inverse at the same points.
///
/// # Errors
/// As [`reverse_kl`].
///
/// # Panics
/// As [`reverse_kl`].
pub fn reverse_kl_by_path(
    flow: &Flow,
    theta: &[f64],
    x: &[f64],
    target: &dyn Target,
    beta: f64,
) -> Result<Gradient, LossError> {
    shared_reverse_kl_by_path(&Ranks::ALONE, flow, theta, x, target, beta)
}

/// [`reverse_kl_by_path`] by some ranks together.
pub(crate) fn shared_reverse_kl_by_path(
    ranks: &Ranks,
    flow: &Flow,
    theta: &[f64],
    x: &[f64],
    target: &dyn Target,
    beta: f64,
) -> Result<Gradient, LossError> {
    let (mut grad, parts, stats) = sums(ranks, flow, theta, x, (target, beta), true)?;
    let images: Vec<f64> = parts.iter().flat_map(|part| &part.images).copied().collect();
    let n = flow.manifold().ambient();
    let (score, ..) = ranks.gradient(images.len() / n, |batch| {
        flow.inverse_gradient(theta, &images[batch.start * n..batch.end * n], |part: Part<'_>| {
            for s in (0..part.ok.len()).filter(|&s| part.ok[s]) {
                part.log_q_bar[s] = 1.0;
            }
            Ok::<Sum, LossError>(Sum::default())
        })
    })?;
    grad.iter_mut().zip(&score).for_each(|(grad, score)| *grad -= score);
    total(flow, x, grad, parts, stats)
}

/// What a part of a batch leaves: its sums, and the images that count, if they are asked for.
struct PartSum {
    sum: Sum,
    images: Vec<f64>,
}

impl Packed for PartSum {
    fn pack(&self, words: &mut Vec<f64>) {
        self.sum.pack(words);
        self.images.pack(words);
    }

    fn unpack(words: &mut Words<'_>) -> Self {
        Self { sum: Sum::unpack(words), images: Vec::unpack(words) }
    }
}

/// Sums over the samples that count, with the gradient of `Σ log q(y) + β u(y)`.
fn sums(
    ranks: &Ranks,
    flow: &Flow,
    theta: &[f64],
    x: &[f64],
    (target, beta): (&dyn Target, f64),
    with_images: bool,
) -> Result<(Vec<f64>, Vec<PartSum>, SolveStats), LossError> {
    assert_eq!(flow.manifold(), target.manifold(), "a flow and its target live on one manifold");
    check_input(theta, x)?;
    if !beta.is_finite() {
        return Err(LossError::Beta(beta));
    }
    let n = flow.manifold().ambient();
    let of_part = |part: Part<'_>| {
        let Part { points, log_q, ok, points_bar, log_q_bar, .. } = part;
        let mut u = vec![0.0; ok.len()];
        target.gradients(points, &mut u, points_bar);
        let (mut sum, mut images) = (Sum::default(), vec![]);
        for s in (0..ok.len()).filter(|&s| ok[s]) {
            let slope = &mut points_bar[s * n..(s + 1) * n];
            let bad = std::iter::once(&u[s]).chain(slope.iter()).find(|value| !value.is_finite());
            if let Some(&value) = bad {
                return Err(LossError::energy(value, &points[s * n..(s + 1) * n]));
            }
            slope.iter_mut().for_each(|g| *g *= beta);
            log_q_bar[s] = 1.0;
            let log_weight = -beta * u[s] - log_q[s];
            sum.total -= log_weight;
            sum.count += 1;
            sum.log_weights.push(log_weight);
            if with_images {
                images.extend_from_slice(&points[s * n..(s + 1) * n]);
            }
        }
        Ok(PartSum { sum, images })
    };
    ranks.gradient(x.len() / n, |batch| {
        flow.forward_gradient(theta, &x[batch.start * n..batch.end * n], of_part)
    })
}

/// The mean over a batch from the sums over its parts.
fn total(
    flow: &Flow,
    x: &[f64],
    grad: Vec<f64>,
    parts: Vec<PartSum>,
    stats: SolveStats,
) -> Result<Gradient, LossError> {
    let points = x.len() / flow.manifold().ambient();
    let sums = parts.into_iter().map(|part| part.sum).collect();
    mean(grad, sums, stats, LossError::Solves { failed: points, points })
}
