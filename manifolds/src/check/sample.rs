//! Points and geodesics to try the laws on.

use crate::base::Base;
use crate::blocks::{Block, BlockMut};
use crate::box_muller;
use crate::coordinates::Coordinates;
use crate::manifold::Manifold;
use crate::slices::{combine, dot};

/// Uniform random numbers from a seed.
///
/// SplitMix64 (Steele, Lea and Flood, 2014), so that the library depends on no generator.
#[derive(Clone, Debug)]
pub(super) struct Sampler {
    state: u64,
}

impl Sampler {
    pub(super) fn new(seed: u64) -> Self {
        Self { state: seed }
    }

    /// A number in `[0, 1)`.
    pub(super) fn uniform(&mut self) -> f64 {
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.state;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((z ^ (z >> 31)) >> 11) as f64 * 2.0_f64.powi(-53)
    }

    /// A point of the base density.
    pub(super) fn base_point<M: Base>(&mut self, m: &M) -> Vec<f64> {
        let cube: Vec<f64> = (0..m.cube_dim()).map(|_| self.uniform()).collect();
        let mut p = vec![0.0; m.ambient()];
        m.base_point(&cube, &mut p);
        p
    }

    /// A point at the end of two geodesics of random directions and lengths, of which the first leaves the origin.
    ///
    /// They are at most 2 rad long, and 1 rad where there is no cut locus: there, coordinates may grow exponentially.
    pub(super) fn point<M: Manifold>(&mut self, m: &M) -> Vec<f64> {
        let mut p = m.origin();
        let bounded = m.log(&p, &p, &mut vec![0.0; m.ambient()]).is_finite();
        for _ in 0..2 {
            let length = if bounded { 2.0 } else { 1.0 } * self.uniform();
            let t: Vec<f64> = self.direction(m.dim()).iter().map(|t| t * length).collect();
            p = Geodesic::new(m, p, t).q;
            m.wrap(&mut p);
        }
        p
    }

    /// A unit vector of `n` numbers.
    pub(super) fn direction(&mut self, n: usize) -> Vec<f64> {
        let cube: Vec<f64> = (0..box_muller::cube_dim(n)).map(|_| self.uniform()).collect();
        let mut t = vec![0.0; n];
        box_muller::fill(&cube, &mut t);
        let length = dot(&t, &t).sqrt();
        t.iter().map(|t| t / length).collect()
    }

    /// Geodesics from a few points in random directions, of all lengths from 0 to 1e-6 before the cut locus.
    ///
    /// The longest ones go both ways, because a logarithm may change its branch on one side only.
    pub(super) fn geodesics<M: Manifold>(&mut self, m: &M) -> Vec<Geodesic> {
        /// Longest geodesic where there is no cut locus.
        const LONGEST: f64 = 2.0;
        let mut geodesics = Vec::new();
        for _ in 0..4 {
            let (p, direction) = (self.point(m), self.direction(m.dim()));
            let opposite: Vec<f64> = direction.iter().map(|t| -t).collect();
            let mut add = |direction: &[f64], length: f64| {
                geodesics.push(Geodesic::new(m, p.clone(), direction.iter().map(|t| t * length).collect()));
            };
            let reach = reach(m, &p, &direction);
            let last = if reach.is_finite() { reach.length_at_margin(1e-3) } else { LONGEST };
            for length in [0.0, 1e-9, 1e-3, 0.3 * last, 0.8 * last, last] {
                add(&direction, length);
            }
            if reach.is_finite() {
                add(&direction, reach.length_at_margin(1e-6));
                add(&opposite, self::reach(m, &p, &opposite).length_at_margin(1e-6));
            }
        }
        geodesics
    }
}

/// How far a geodesic goes before the cut locus.
///
/// It is known from the margin of the logarithm at the start, and from the fall of the margin per unit length.
#[derive(Clone, Copy, Debug)]
pub(super) struct Reach {
    margin: f64,
    fall: f64,
}

/// The reach of `exp_p(s E direction)`.
pub(super) fn reach<M: Manifold>(m: &M, p: &[f64], direction: &[f64]) -> Reach {
    const STEP: f64 = 0.25;
    let step = Geodesic::new(m, p.to_vec(), direction.iter().map(|t| t * STEP).collect());
    let margin = m.log(p, p, &mut vec![0.0; m.ambient()]);
    Reach { margin, fall: (margin - step.margin) / STEP }
}

impl Reach {
    pub(super) fn is_finite(self) -> bool {
        self.margin.is_finite()
    }

    /// Margin at the start: the radius of the largest ball without cut points.
    pub(super) fn start(self) -> f64 {
        self.margin
    }

    /// Length at which this margin is left.
    pub(super) fn length_at_margin(self, margin: f64) -> f64 {
        (self.margin - margin) / self.fall
    }
}

/// `s ↦ exp_p(s v)` up to `s = 1`, with what the laws ask of it.
#[derive(Clone, Debug)]
pub(super) struct Geodesic {
    /// Start.
    pub(super) p: Vec<f64>,
    /// Frame at the start, `D × n`.
    pub(super) frame: Vec<f64>,
    /// Initial velocity in the frame.
    pub(super) t: Vec<f64>,
    /// Initial velocity in ambient coordinates.
    pub(super) v: Vec<f64>,
    /// End.
    pub(super) q: Vec<f64>,
    /// Margin by which the end is inside the cut locus of the start.
    pub(super) margin: f64,
    /// Factor by which coordinates of this size magnify rounding errors.
    pub(super) size: f64,
}

impl Geodesic {
    pub(super) fn new<M: Manifold>(m: &M, p: Vec<f64>, t: Vec<f64>) -> Self {
        let frame = frame(m, &p);
        let mut v = vec![0.0; m.ambient()];
        combine(Block::dense(&frame, m.ambient()), &t, &mut v);
        let q = exp(m, &p, &v);
        let margin = m.log(&p, &q, &mut vec![0.0; m.ambient()]);
        let size = size(m, &p).max(size(m, &q));
        Self { p, frame, t, v, q, margin, size }
    }

    /// Row `i` of the frame.
    pub(super) fn axis(&self, i: usize) -> &[f64] {
        let n = self.p.len();
        &self.frame[i * n..][..n]
    }

    /// The size of a function that has a pole of this order at the cut locus, times that of rounding errors.
    pub(super) fn pole(&self, order: i32) -> f64 {
        self.size * (1.0 + self.margin.powi(-order))
    }
}

/// The cube of the largest embedded coordinate, at least 1: how much rounding errors may grow.
///
/// An inner product of two vectors may be small by cancellation, as on a hyperboloid, where it is 1 at every point;
/// and it may multiply a third vector, as in parallel transport.
pub(super) fn size<M: Manifold>(m: &M, p: &[f64]) -> f64 {
    let (mut largest, mut first): (f64, usize) = (1.0, 0);
    for run in m.coordinates() {
        if let Coordinates::Embedded(_) = run {
            largest = p[first..first + run.len()].iter().fold(largest, |largest, x| largest.max(x.abs()));
        }
        first += run.len();
    }
    largest.powi(3)
}

/// The frame at `p`, `D × n`.
pub(super) fn frame<M: Manifold>(m: &M, p: &[f64]) -> Vec<f64> {
    let mut frame = vec![0.0; m.dim() * m.ambient()];
    m.frame(p, BlockMut::dense(&mut frame, m.ambient()));
    frame
}

/// Coordinates of the tangent vector `v` in a frame at `p`.
pub(super) fn to_frame<M: Manifold>(m: &M, p: &[f64], frame: &[f64], v: &[f64]) -> Vec<f64> {
    let mut t = vec![0.0; m.dim()];
    m.to_frame(p, Block::dense(frame, m.ambient()), v, &mut t);
    t
}

/// `exp_p(v)`.
pub(super) fn exp<M: Manifold>(m: &M, p: &[f64], v: &[f64]) -> Vec<f64> {
    let mut q = vec![0.0; m.ambient()];
    m.exp(p, v, &mut q);
    q
}

/// `log_p(q)`, wherever `q` is.
pub(super) fn log<M: Manifold>(m: &M, p: &[f64], q: &[f64]) -> Vec<f64> {
    let mut v = vec![0.0; m.ambient()];
    m.log(p, q, &mut v);
    v
}

/// `w` carried along `exp_p(s v)`.
pub(super) fn transport<M: Manifold>(m: &M, p: &[f64], v: &[f64], w: &[f64]) -> Vec<f64> {
    let mut out = vec![0.0; m.ambient()];
    m.transport(p, v, w, &mut out);
    out
}
