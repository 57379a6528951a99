//! The search for folds of one layer: the smallest eigenvalue of `H` over points, and downhill from the worst of them.

use std::sync::Arc;

use ircpm_flow::{Flow, LinearMap, Map};
use ircpm_manifolds::AnyManifold;

use crate::points::Generator;

/// Points from which the search goes downhill.
const STARTS: usize = 48;
/// Rounds of the search; its steps shrink from one to the next.
const ROUNDS: usize = 10;
/// Trial steps from every point and round.
const TRIALS: usize = 8;
const SHRINKAGE: f64 = 0.6;

/// One layer, as a flow whose eigenvalues are asked for.
pub(super) struct Survey {
    flow: Flow,
}

/// A point where an eigenvalue is small.
#[derive(Clone, Debug)]
pub(super) struct Candidate {
    pub point: Vec<f64>,
    pub lowest: f64,
}

impl Survey {
    pub fn new(map: &Arc<dyn LinearMap>) -> Self {
        let map: Arc<dyn Map> = map.clone();
        Self { flow: Flow::from_maps(vec![map], false).expect("one map is a flow") }
    }

    /// Smallest eigenvalue of `H` at points; `−∞` where it is not known, or beyond the injectivity radius.
    pub fn lowest(&self, a: &[f64], points: &[f64]) -> Vec<f64> {
        let (pulled, lowest) = self.flow.inverse_with_eigenvalues(a, points);
        let known = |(&lowest, &ok): (&f64, &bool)| {
            if lowest.is_nan() || (lowest > 0.0 && !ok) { f64::NEG_INFINITY } else { lowest }
        };
        lowest.iter().zip(&pulled.ok).map(known).collect()
    }

    /// The worst points, worst first: those below `threshold` among the given ones, and what a random search downhill
    /// from the very worst finds. `scales` are lengths of its first steps, one per point.
    pub fn search(
        &self,
        a: &[f64],
        points: &[f64],
        scales: &[f64],
        threshold: f64,
        rng: &mut Generator,
    ) -> Vec<Candidate> {
        let n = self.flow.manifold().ambient();
        let lowest = self.lowest(a, points);
        let mut order: Vec<usize> = (0..lowest.len()).collect();
        order.sort_by(|&i, &j| lowest[i].total_cmp(&lowest[j]));
        let candidate = |i: usize| Candidate { point: points[i * n..(i + 1) * n].to_vec(), lowest: lowest[i] };
        let starts = &order[..STARTS.min(order.len())];
        let mut found: Vec<Candidate> = starts.iter().map(|&i| candidate(i)).collect();
        let mut lengths: Vec<f64> = starts.iter().map(|&i| scales[i]).collect();
        for _ in 0..ROUNDS {
            let mut trials = Vec::with_capacity(found.len() * TRIALS * n);
            for (candidate, length) in found.iter().zip(&lengths) {
                for _ in 0..TRIALS {
                    trials.extend(step(self.flow.manifold(), &candidate.point, *length, rng));
                }
            }
            let values = self.lowest(a, &trials);
            for (k, candidate) in found.iter_mut().enumerate() {
                let before = candidate.lowest;
                for t in k * TRIALS..(k + 1) * TRIALS {
                    if values[t] < candidate.lowest {
                        *candidate = Candidate { point: trials[t * n..(t + 1) * n].to_vec(), lowest: values[t] };
                    }
                }
                if candidate.lowest >= before {
                    lengths[k] *= SHRINKAGE;
                }
            }
        }
        found.extend(order.iter().skip(starts.len()).take_while(|&&i| lowest[i] < threshold).map(|&i| candidate(i)));
        found.sort_by(|a, b| a.lowest.total_cmp(&b.lowest));
        found
    }
}

/// A random step from a point, normally distributed with the given length along every direction.
pub(super) fn step(manifold: &AnyManifold, point: &[f64], length: f64, rng: &mut Generator) -> Vec<f64> {
    let (n, dim) = (manifold.ambient(), manifold.dim());
    let mut frame = vec![0.0; n * dim];
    manifold.frame(point, &mut frame);
    let mut tangent = vec![0.0; n];
    for axis in frame.chunks_exact(n) {
        let t = length * rng.normal();
        tangent.iter_mut().zip(axis).for_each(|(v, e)| *v += t * e);
    }
    let mut moved = vec![0.0; n];
    manifold.exp(point, &tangent, &mut moved);
    manifold.wrap(&mut moved);
    moved
}
