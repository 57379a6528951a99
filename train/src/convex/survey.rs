//! The search for folds of one layer: the smallest eigenvalue of `H` over points, and downhill from the worst of them.

use std::f64::consts::PI;
use std::sync::Arc;

use ircpm_flow::{Flow, LinearMap, Map};
use ircpm_manifolds::AnyManifold;

use super::layer::{LOWEST, NARROW};
use super::specification::BumpTerm;
use crate::points::{Generator, Sequence, Spread, base_points, neighbour};

/// Points of the base density and points around every centre, in a search during a fit.
pub(super) const FRESH: (usize, usize) = (8000, 16);
/// Points from which it goes downhill.
pub(super) const STARTS: usize = 48;
/// The same for the last search of a layer, because hundreds of places may be nearly as narrow as the worst, and the lowest
/// of them need not be among the worst points that were drawn.
const LAST_STARTS: usize = 512;
/// Points of the base density, [`CONDITIONAL`] times as many with conditioning variables, and points around every centre, in
/// the last search of a layer.
const LAST_POINTS: (usize, usize) = (60_000, 96);
/// Rounds of the search; its steps shrink from one to the next.
const ROUNDS: usize = 10;
/// Trial steps from every point and round.
const TRIALS: usize = 8;
const SHRINKAGE: f64 = 0.6;
/// How many times as many uniform points there are where there are conditioning variables.
pub(super) const CONDITIONAL: usize = 4;

/// Where folds are looked for.
#[derive(Clone, Copy)]
pub(super) struct Places<'a> {
    pub manifold: &'a AnyManifold,
    /// Given points, `[point][coordinate]`.
    pub data: &'a [f64],
    /// Functions that may be narrow.
    pub bumps: &'a [BumpTerm],
}

/// Points with the lengths of a search's first steps there.
#[derive(Default)]
pub(super) struct Starts {
    points: Vec<f64>,
    lengths: Vec<f64>,
}

/// Points of the base density, evenly spread.
pub(super) fn uniform(manifold: &AnyManifold, count: usize, rng: &mut Generator) -> Vec<f64> {
    let sequence = Sequence::new(Spread::Kronecker, count, manifold.cube_dim());
    base_points(manifold, &sequence, rng)
}

impl Places<'_> {
    /// Fresh points: `count` of the base density, `each` around every centre, and the data.
    pub(super) fn fresh(&self, count: usize, each: usize, rng: &mut Generator) -> Starts {
        let ambient = self.manifold.ambient();
        let count = if self.manifold.contexts() > 0 { CONDITIONAL * count } else { count };
        let spacing = PI * (count as f64).powf(-1.0 / self.manifold.dim() as f64);
        let mut starts = Starts { points: uniform(self.manifold, count, rng), lengths: vec![spacing; count] };
        for BumpTerm { centre, kappa } in self.bumps {
            let width = kappa.sqrt().recip();
            for j in 0..each {
                let spread = 0.5 + 1.5 * j as f64 / each as f64;
                starts.points.extend(neighbour(self.manifold, centre, spread * width, rng));
                starts.lengths.push(0.4 * width);
            }
        }
        starts.points.extend(self.data);
        starts.lengths.resize(starts.points.len() / ambient, spacing);
        starts
    }
}

/// Moves the conditioning variables of every other point some way towards those of a random row, because a layer may fold
/// between rows as well.
fn move_contexts(manifold: &AnyManifold, point: &mut [f64], rng: &mut Generator) {
    let first = point.len() - manifold.contexts();
    if first == point.len() || rng.below(2) == 0 {
        return;
    }
    let mut uniform = || rng.uniform();
    // Small steps are more frequent.
    let share = uniform().powi(3);
    let cube: Vec<f64> = (0..manifold.cube_dim()).map(|_| uniform()).collect();
    let mut row = vec![0.0; point.len()];
    manifold.base_point(&cube, &mut row);
    point[first..].iter_mut().zip(&row[first..]).for_each(|(c, to)| *c += share * (to - *c));
}

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
    pub(super) fn new(map: &Arc<dyn LinearMap>) -> Self {
        let map: Arc<dyn Map> = map.clone();
        Self { flow: Flow::from_maps(vec![map], false).expect("one map is a flow") }
    }

    /// Smallest eigenvalue of `H` at points; `−∞` where it is not known, or beyond the injectivity radius.
    pub(super) fn lowest(&self, a: &[f64], points: &[f64]) -> Vec<f64> {
        let (pulled, lowest) = self.flow.inverse_with_eigenvalues(a, points);
        let known = |(&lowest, &ok): (&f64, &bool)| {
            if lowest.is_nan() || (lowest > 0.0 && !ok) { f64::NEG_INFINITY } else { lowest }
        };
        lowest.iter().zip(&pulled.ok).map(known).collect()
    }

    /// The worst points, worst first: those below `threshold` among the given ones, and what a random search downhill
    /// from the `most` worst finds.
    pub(super) fn search(
        &self,
        a: &[f64],
        Starts { points, lengths: scales }: &Starts,
        threshold: f64,
        most: usize,
        rng: &mut Generator,
    ) -> Vec<Candidate> {
        let n = self.flow.manifold().ambient();
        let lowest = self.lowest(a, points);
        let mut order: Vec<usize> = (0..lowest.len()).collect();
        order.sort_by(|&i, &j| lowest[i].total_cmp(&lowest[j]));
        let candidate =
            |i: usize| Candidate { point: points[i * n..(i + 1) * n].to_vec(), lowest: lowest[i] };
        let starts = &order[..most.min(order.len())];
        let mut found: Vec<Candidate> = starts.iter().map(|&i| candidate(i)).collect();
        let mut lengths: Vec<f64> = starts.iter().map(|&i| scales[i]).collect();
        for _ in 0..ROUNDS {
            let mut trials = Vec::with_capacity(found.len() * TRIALS * n);
            for (candidate, length) in found.iter().zip(&lengths) {
                for _ in 0..TRIALS {
                    let mut trial = neighbour(self.flow.manifold(), &candidate.point, *length, rng);
                    move_contexts(self.flow.manifold(), &mut trial, rng);
                    trials.extend(trial);
                }
            }
            let values = self.lowest(a, &trials);
            for (k, candidate) in found.iter_mut().enumerate() {
                let before = candidate.lowest;
                for t in k * TRIALS..(k + 1) * TRIALS {
                    if values[t] < candidate.lowest {
                        *candidate =
                            Candidate { point: trials[t * n..(t + 1) * n].to_vec(), lowest: values[t] };
                    }
                }
                if candidate.lowest >= before {
                    lengths[k] *= SHRINKAGE;
                }
            }
        }
        found.extend(
            order.iter().skip(starts.len()).take_while(|&&i| lowest[i] < threshold).map(|&i| candidate(i)),
        );
        found.sort_by(|a, b| a.lowest.total_cmp(&b.lowest));
        found
    }
}

/// Contractions of a layer after one fit, before it becomes the identity.
const CONTRACTIONS: usize = 20;

/// Parameters after a last search, and what it saw.
pub(super) struct Contracted {
    pub a: Vec<f64>,
    /// Points where `H` is nearly singular, worst first.
    pub narrow: Vec<Candidate>,
}

impl Survey {
    /// Looks for folds at more points than before, and contracts by what is found, until a search at fresh points finds no
    /// fold. A layer that folds after [`CONTRACTIONS`] becomes the identity.
    pub(super) fn contract(&self, a: &[f64], places: &Places<'_>, rng: &mut Generator) -> Contracted {
        let mut a = a.to_vec();
        let mut contractions = 0;
        loop {
            let mut narrow =
                self.search(&a, &places.fresh(LAST_POINTS.0, LAST_POINTS.1, rng), NARROW, LAST_STARTS, rng);
            let lowest = narrow[0].lowest;
            if lowest >= LOWEST || contractions > CONTRACTIONS {
                narrow.retain(|candidate| candidate.lowest < NARROW);
                return Contracted { a, narrow };
            }
            // An eigenvalue that is not a number comes to its end here, too.
            let factor = contraction(lowest, 1.5 * LOWEST);
            let factor = if contractions < CONTRACTIONS && factor.is_finite() { factor } else { 0.0 };
            a.iter_mut().for_each(|a| *a *= factor);
            contractions += 1;
        }
    }
}

/// The factor `t` that lifts a smallest eigenvalue to `target`: `λ_min(H(t a)) ≥ 1 − t (1 − λ_min(H(a)))`, because `H`
/// is concave along the ray from the identity. Beyond the injectivity radius there is no such bound, and `t` is a half.
pub(super) fn contraction(lowest: f64, target: f64) -> f64 {
    if lowest >= target { 1.0 } else { ((1.0 - target) / (1.0 - lowest)).max(0.5) }
}
