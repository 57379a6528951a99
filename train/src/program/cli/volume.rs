//! Points through a flow in either direction, with the logarithms of the factors by which volumes change.

use ircpm_flow::{Direction, Flow, Record, Workspace};
use rayon::prelude::*;

/// Samples at a time per thread; a constant, so that results are the same bits on any number of threads.
const PART: usize = 128;

/// Where points come to.
#[derive(Default)]
pub(super) struct Carried {
    /// Images or preimages, `[point][coordinate]`.
    pub(super) points: Vec<f64>,
    /// Logarithm of the factor by which the flow, or its inverse, enlarges volumes; NaN where it is not `ok`.
    pub(super) log_det: Vec<f64>,
    /// Whether the point lies on the manifold, and the flow is one-to-one there and finite, as of
    /// [`ircpm_flow::Pulled::ok`].
    pub(super) ok: Vec<bool>,
}

/// Carries points through all layers.
///
/// The volumes come from the layers themselves. The difference of the log-densities on both sides is the same number
/// where these are moderate, but loses its digits where they are large, and is NaN where both are infinite.
///
/// # Panics
/// If `theta` or `points` has the wrong length.
pub(super) fn carry(flow: &Flow, direction: Direction, theta: &[f64], points: &[f64]) -> Carried {
    let parts: Vec<Carried> = points
        .par_chunks(PART * flow.manifold().ambient())
        .map(|points| carry_part(flow, direction, theta, points))
        .collect();
    parts.into_iter().fold(Carried::default(), |mut all, part| {
        all.points.extend(part.points);
        all.log_det.extend(part.log_det);
        all.ok.extend(part.ok);
        all
    })
}

fn carry_part(flow: &Flow, direction: Direction, theta: &[f64], points: &[f64]) -> Carried {
    let n = flow.manifold().ambient();
    let on_manifold = |point| flow.manifold().check_point(point).is_ok();
    let mut ok: Vec<bool> = points.chunks_exact(n).map(on_manifold).collect();
    let (mut at, mut log_det) = (points.to_vec(), vec![0.0; ok.len()]);
    for step in 0..flow.layers() {
        let (layer, sign) = match direction {
            Direction::Forward => (step, 1.0),
            Direction::Inverse => (flow.layers() - 1 - step, -1.0),
        };
        let mut record = Record::default();
        let theta = &theta[flow.slot(layer)];
        Workspace::with(|work| flow.map(layer).run(direction, theta, &at, &mut record, work));
        at = match direction {
            Direction::Forward => record.y,
            Direction::Inverse => record.x,
        };
        for (s, ok) in ok.iter_mut().enumerate() {
            log_det[s] += sign * record.log_det[s];
            *ok &= record.ok[s] && at[s * n..(s + 1) * n].iter().all(|x| x.is_finite());
        }
    }
    for (ok, log_det) in ok.iter_mut().zip(&mut log_det) {
        *ok &= log_det.is_finite();
        if !*ok {
            *log_det = f64::NAN;
        }
    }
    Carried { points: at, log_det, ok }
}
