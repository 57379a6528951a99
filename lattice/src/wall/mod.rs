//! The wall: keeping `H` positive definite everywhere on the torus while parameters are trained.
//!
//! psi is linear in its parameters `θ`, so that `s(θ) = sup_y λ_max(−Hess psi(y; θ))` is convex and homogeneous, and
//! `H ≽ 1 − s`. (Of networks on windows it is homogeneous in the output weights, which stand for `θ` here; the others
//! are left as they are.) Training moves *raw* parameters `θ`, and the map gets
//!
//! `θ_eff = f θ`, `f = (1 + (s/c)⁴)^(−1/4)`, hence `s(θ_eff) = s f < c`,
//!
//! whose derivative follows from that of `s`: by the envelope theorem `∂s/∂θ_k = Σ_{m∈k} c_m (q_m·v)²/|q_m|²` at the
//! worst point, `v` the eigenvector there. In another metric `G` of the torus ([`crate::Metric`]) eigenvalues are those of
//! `G⁻¹H`, and `vᵀGv = 1`. The worst point is one of a pool that climbs `λ_max` while training goes on. So
//! `s` is what was *found*: evidence and no proof, which for chains [`crate::certify`] gives.

mod search;

use std::f64::consts::TAU;
use std::sync::Arc;

use ircpm_flow::Map;
use rand::{RngExt, SeedableRng};
use rand_pcg::Pcg64;

use crate::error::WallError;
use crate::map::LatticeMap;
use search::{Ascent, Move, Points};

/// The limit that costs little and leaves a margin: `H ≽ 0.1`.
pub const LIMIT: f64 = 0.9;
/// Share of the pool that is replaced by random points before each search.
const FRESH: f64 = 0.1;
/// Share of the moves that are jumps of one angle, which lead from one maximum to another.
const JUMPS: f64 = 0.25;
/// Steps of ascent are between `10^LOW` and `10^HIGH` radians for the angle that moves most.
const LOW: f64 = -2.0;
const HIGH: f64 = -0.2;

/// A pool of points of one layer that look for the worst curvature.
#[derive(Clone, Debug)]
pub struct Wall {
    map: Arc<LatticeMap>,
    limit: f64,
    pool: Points,
    seed: u64,
    /// Searches so far: every one has random numbers of its own, so that they need not be saved.
    searches: u64,
}

/// Where a wall's pool stands, so that it can be taken up again to the bit.
#[derive(Clone, Debug, PartialEq)]
pub struct WallState {
    /// Searches so far.
    pub searches: u64,
    /// Points of the pool, `[point][site]`.
    pub points: Vec<f64>,
    /// The vectors that stand for their eigenvectors, `[point][site]`.
    pub vectors: Vec<f64>,
}

/// The worst curvature that a pool has found.
#[derive(Clone, Debug, PartialEq)]
pub struct Worst {
    /// `s = λ_max(−Hess psi)`, at least 0; the smallest eigenvalue of `H` is `1 − s`.
    pub curvature: f64,
    /// Where.
    pub point: Vec<f64>,
    /// `∂s/∂θ`.
    pub gradient: Vec<f64>,
}

/// Parameters behind the wall.
#[derive(Clone, Debug, PartialEq)]
pub struct Scaled {
    /// `θ_eff`, which the map is given.
    pub theta: Vec<f64>,
    /// The factor `f`.
    pub factor: f64,
    /// `s(θ_eff)`, below the limit as far as the pool knows.
    pub curvature: f64,
    /// The raw parameters that the factor multiplies, and zero in place of the others.
    raw: Vec<f64>,
    /// `f` for those, and one for the others.
    factors: Vec<f64>,
    limit: f64,
    worst: Worst,
}

impl Wall {
    /// A pool of `points` random points for a map, with the limit `c` on `s`: [`LIMIT`] is a good one, and 16 to 32
    /// points.
    ///
    /// # Errors
    /// [`WallError`] if the limit is not between 0 and 1, or the pool would be empty.
    pub fn new(map: Arc<LatticeMap>, limit: f64, points: usize, seed: u64) -> Result<Self, WallError> {
        if !(limit > 0.0 && limit < 1.0) {
            return Err(WallError::Limit { value: limit });
        }
        if points == 0 {
            return Err(WallError::NoPoints);
        }
        let pool = Points::random(map.psi().sites(), points, &mut generator(seed, 0));
        Ok(Self { map, limit, pool, seed, searches: 0 })
    }

    /// The limit `c`.
    pub fn limit(&self) -> f64 {
        self.limit
    }

    /// What [`Wall::restore`] needs of a wall of the same map, limit, number of points and seed.
    pub fn state(&self) -> WallState {
        let Points { points, vectors, .. } = self.pool.clone();
        WallState { searches: self.searches, points, vectors }
    }

    /// Takes up a saved state.
    ///
    /// # Errors
    /// [`WallError::State`] if it is of another number of points or sites, or a number is not finite.
    pub fn restore(&mut self, state: WallState) -> Result<(), WallError> {
        let WallState { searches, points, vectors } = state;
        let expected = self.pool.points.len();
        let finite = |x: &[f64]| x.len() == expected && x.iter().all(|x| x.is_finite());
        if !(finite(&points) && finite(&vectors)) {
            return Err(WallError::State { expected });
        }
        (self.pool.points, self.pool.vectors, self.searches) = (points, vectors, searches);
        Ok(())
    }

    /// Replaces the tenth of the pool where `λ_max` is smallest by random points, and moves all by `steps` steps, of
    /// ascent or to another angle at one site. Eight steps at each step of training keep up with it.
    ///
    /// # Panics
    /// If `theta` has the wrong length.
    pub fn search(&mut self, theta: &[f64], steps: usize) {
        let a = self.map.coefficients(theta);
        self.searches += 1;
        let mut rng = generator(self.seed, self.searches);
        let fresh = (FRESH * self.pool.len() as f64) as usize;
        if fresh > 0 {
            for point in self.lowest_first(&a, &mut rng).into_iter().take(fresh) {
                self.pool.replace(point, &mut rng);
            }
        }
        self.climb(&a, steps, &mut rng);
    }

    /// Puts a point in the place of that point of the pool where `λ_max` is smallest.
    ///
    /// # Panics
    /// If `theta` or the point has the wrong length.
    pub fn insert(&mut self, theta: &[f64], point: &[f64]) {
        let sites = self.map.psi().sites();
        assert_eq!(point.len(), sites, "a point of the torus");
        let a = self.map.coefficients(theta);
        self.searches += 1;
        let mut rng = generator(self.seed, self.searches);
        let place = self.lowest_first(&a, &mut rng)[0];
        // A random vector, which the next evaluation turns into the eigenvector.
        self.pool.replace(place, &mut rng);
        self.pool.points[place * sites..(place + 1) * sites].copy_from_slice(point);
    }

    /// The points of the pool, those where `λ_max` is smallest first.
    fn lowest_first(&mut self, a: &[f64], rng: &mut Pcg64) -> Vec<usize> {
        let curvatures = self.climb(a, 0, rng);
        let mut order: Vec<usize> = (0..self.pool.len()).collect();
        order.sort_by(|&i, &j| curvatures[i].total_cmp(&curvatures[j]));
        order
    }

    /// Moves the pool, and returns `λ_max` at every point.
    fn climb(&mut self, a: &[f64], steps: usize, rng: &mut Pcg64) -> Vec<f64> {
        let sites = self.map.psi().sites();
        let mut any = || {
            if rng.random_range(0.0..1.0) < JUMPS {
                Move::Jump(rng.random_range(0..sites), rng.random_range(0.0..TAU))
            } else {
                Move::Ascent(10f64.powf(rng.random_range(LOW..HIGH)))
            }
        };
        let moves: Vec<Move> = (0..steps * self.pool.len()).map(|_| any()).collect();
        let mut curvatures = vec![0.0; self.pool.len()];
        let (pool, out) = (&mut self.pool, &mut curvatures);
        self.map.isa().dispatch(Ascent { map: &self.map, a, pool, moves: &moves, out, theta: None });
        curvatures
    }

    /// The worst point of the pool as it is.
    ///
    /// # Panics
    /// If `theta` has the wrong length.
    pub fn worst(&self, theta: &[f64]) -> Worst {
        let a = self.map.coefficients(theta);
        let (n, points) = (self.map.psi().sites(), self.pool.len());
        let (mut pool, mut out, mut gradients) =
            (self.pool.clone(), vec![0.0; points], vec![0.0; points * theta.len()]);
        let theta_bar = Some(&mut gradients[..]);
        self.map.isa().dispatch(Ascent {
            map: &self.map,
            a: &a,
            pool: &mut pool,
            moves: &[],
            out: &mut out,
            theta: theta_bar,
        });
        let worst = (0..points).max_by(|&i, &j| out[i].total_cmp(&out[j])).unwrap_or(0);
        let (curvature, gradient) = (out[worst], &gradients[worst * theta.len()..(worst + 1) * theta.len()]);
        Worst {
            curvature: if curvature > 0.0 { curvature } else { 0.0 },
            point: self.pool.points[worst * n..(worst + 1) * n].to_vec(),
            gradient: gradient.iter().map(|g| if curvature > 0.0 { *g } else { 0.0 }).collect(),
        }
    }

    /// Raw parameters behind the wall, by the worst point of the pool as it is.
    ///
    /// # Panics
    /// If `theta` has the wrong length.
    pub fn scale(&self, theta: &[f64]) -> Scaled {
        let worst = self.worst(theta);
        let factor = (1.0 + (worst.curvature / self.limit).powi(4)).powf(-0.25);
        let mut scaled = theta.to_vec();
        self.map.rescale(&mut scaled, factor);
        let curvature = worst.curvature * factor;
        let mut others = theta.to_vec();
        self.map.rescale(&mut others, 0.0);
        let raw = theta.iter().zip(&others).map(|(all, other)| all - other).collect();
        let mut factors = vec![1.0; theta.len()];
        self.map.rescale(&mut factors, factor);
        Scaled { theta: scaled, factor, curvature, raw, factors, limit: self.limit, worst }
    }
}

impl Scaled {
    /// The worst point of the raw parameters.
    pub fn worst(&self) -> &Worst {
        &self.worst
    }

    /// `∂f/∂s`.
    fn slope(&self) -> f64 {
        let r = self.worst.curvature / self.limit;
        -(1.0 + r.powi(4)).powf(-1.25) * r.powi(3) / self.limit
    }

    /// Turns a gradient in the parameters of the map into that in the raw parameters.
    ///
    /// # Panics
    /// If it has the wrong length.
    pub fn pull_back(&self, theta_bar: &mut [f64]) {
        self.pull_back_columns(theta_bar, 1);
    }

    /// As [`Scaled::pull_back`], for one gradient per sample, `[parameter][sample]`.
    ///
    /// # Panics
    /// If there are not as many rows as parameters.
    pub fn pull_back_columns(&self, columns: &mut [f64], samples: usize) {
        assert_eq!(columns.len(), self.raw.len() * samples, "gradients in the parameters of a map");
        let mut along = vec![0.0; samples];
        for (row, a) in columns.chunks_exact(samples.max(1)).zip(&self.raw) {
            row.iter().zip(&mut along).for_each(|(g, along)| *along += g * a);
        }
        let slope = self.slope();
        let rows = columns.chunks_exact_mut(samples.max(1));
        for ((row, factor), of_s) in rows.zip(&self.factors).zip(&self.worst.gradient) {
            row.iter_mut().zip(&along).for_each(|(g, along)| *g = *g * factor + along * slope * of_s);
        }
    }

    /// A smooth penalty `−ln(1 − s(θ_eff)/c)` that keeps away from the wall, and its gradient in the raw parameters.
    pub fn penalty(&self) -> (f64, Vec<f64>) {
        let r = self.worst.curvature / self.limit;
        // s f has the derivative (1 + (s/c)⁴)^(−5/4) in s.
        let slope = (1.0 + r.powi(4)).powf(-1.25) / (self.limit - self.curvature);
        let gradient = self.worst.gradient.iter().map(|g| g * slope).collect();
        (-(1.0 - self.curvature / self.limit).ln(), gradient)
    }
}

/// The worst curvature that `points` random points reach in `steps` steps: the search at the end of a training, with 64
/// points and 60 steps.
///
/// On potentials of local terms longer searches change it in the fourth digit. Where sites are coupled by their total
/// beside terms of their own, maxima are many, and longer searches went on to find curvatures that were larger by
/// several hundredths: give such a coupling a layer of its own.
///
/// # Errors
/// [`WallError::NoPoints`] without points.
///
/// # Panics
/// If `theta` has the wrong length.
pub fn search(
    map: &Arc<LatticeMap>,
    theta: &[f64],
    points: usize,
    steps: usize,
    seed: u64,
) -> Result<Worst, WallError> {
    let mut wall = Wall::new(Arc::clone(map), LIMIT, points, seed)?;
    let a = wall.map.coefficients(theta);
    wall.climb(&a, steps, &mut generator(seed, 1));
    Ok(wall.worst(theta))
}

/// The random numbers of one search: a stream of its own.
fn generator(seed: u64, search: u64) -> Pcg64 {
    // The constant is that of SplitMix64, so that neighbouring numbers give seeds far apart.
    Pcg64::seed_from_u64(seed ^ search.wrapping_mul(0x9e37_79b9_7f4a_7c15))
}
