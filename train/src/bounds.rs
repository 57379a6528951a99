//! Bounds on the derivatives of a flow's potentials over the manifold: the check of section 4.3 of the paper.

use std::sync::atomic::{AtomicBool, Ordering};

use ircpm_flow::{Flow, LayerBounds};

use crate::points::{Generator, Sequence, Spread, base_point_blocks};

/// Points at a time: enough for every thread, little memory. The results do not depend on it.
const BLOCK: usize = 16_384;

/// [`Flow::potential_bounds`] over `points` points of a Kronecker sequence, which are spread evenly by the base
/// density: one for each layer that has a potential and parameters of its own, in memory that does not depend on
/// their number.
///
/// Fewer points of the same seed are the beginning of more, and results are the same bits on any number of threads.
/// `progress` is told how many points are done. On factors Rⁿ the points are those of a normal distribution, and
/// derivatives may have no bound beyond them.
///
/// Returns `None` if `stop` becomes true.
///
/// # Panics
/// If `theta` has the wrong length.
pub fn potential_bounds(
    flow: &Flow,
    theta: &[f64],
    points: usize,
    seed: u64,
    stop: &AtomicBool,
    progress: &mut dyn FnMut(usize),
) -> Option<Vec<LayerBounds>> {
    let (manifold, mut done) = (flow.manifold(), 0);
    let sequence = Sequence::new(Spread::Kronecker, points, manifold.cube_dim());
    let mut bounds = flow.potential_bounds(theta, &[]);
    for y in base_point_blocks(manifold, &sequence, &mut Generator::from_seed(seed), BLOCK) {
        if stop.load(Ordering::Relaxed) {
            return None;
        }
        let more = flow.potential_bounds(theta, &y);
        bounds.iter_mut().zip(&more).for_each(|(all, more)| all.merge(more));
        done += y.len() / manifold.ambient();
        progress(done);
    }
    Some(bounds)
}
