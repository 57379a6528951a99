//! Points and geodesics to try the laws on.

use crate::base::Base;
use crate::box_muller;
use crate::cost::Cost;
use crate::slices::dot;

/// Uniform random numbers from a seed: SplitMix64 (Steele, Lea and Flood, 2014), so that the library needs no generator.
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
    pub(super) fn point<M: Cost + Base>(&mut self, m: &M) -> Vec<f64> {
        let cube: Vec<f64> = (0..m.cube_dim()).map(|_| self.uniform()).collect();
        let mut p = vec![0.0; m.ambient()];
        m.base_point(&cube, &mut p);
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

    /// Geodesics from a few points in random directions, of all lengths from 0 to 1e-3 before the cut locus.
    pub(super) fn geodesics<M: Cost + Base>(&mut self, m: &M) -> Vec<Geodesic> {
        let mut geodesics = Vec::new();
        for _ in 0..4 {
            let (p, direction) = (self.point(m), self.direction(m.dim()));
            let reach = reach(m, &p, &direction);
            let last = if reach.is_finite() { reach.length_at_margin(1e-3) } else { 4.0 };
            for length in [0.0, 1e-9, 1e-3, 0.3 * last, 0.8 * last, last] {
                geodesics.push(Geodesic::new(m, p.clone(), direction.iter().map(|t| t * length).collect()));
            }
        }
        geodesics
    }
}

/// How far a geodesic goes before the cut locus: the margin of its logarithm at the start, and its fall per unit length.
#[derive(Clone, Copy, Debug)]
pub(super) struct Reach {
    margin: f64,
    fall: f64,
}

/// The reach of `exp_p(s E direction)`.
pub(super) fn reach<M: Cost + Base>(m: &M, p: &[f64], direction: &[f64]) -> Reach {
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
}

impl Geodesic {
    pub(super) fn new<M: Cost + Base>(m: &M, p: Vec<f64>, t: Vec<f64>) -> Self {
        let mut frame = vec![0.0; m.dim() * m.ambient()];
        m.frame(&p, crate::BlockMut::dense(&mut frame, m.ambient()));
        let v = combine(&frame, &t, m.ambient());
        let q = exp(m, &p, &v);
        let margin = m.log(&p, &q, &mut vec![0.0; m.ambient()]);
        Self { p, frame, t, v, q, margin }
    }

    /// Row `i` of the frame.
    pub(super) fn axis(&self, i: usize) -> &[f64] {
        let n = self.p.len();
        &self.frame[i * n..][..n]
    }

    /// The size of a function that has a pole of this order at the cut locus.
    pub(super) fn pole(&self, order: i32) -> f64 {
        1.0 + self.margin.powi(-order)
    }

    /// Unit of length for finite differences: 1, or the distance to the cut locus.
    pub(super) fn unit(&self) -> f64 {
        self.margin.min(1.0)
    }
}

/// `Σ tᵢ Eᵢ`.
pub(super) fn combine(frame: &[f64], t: &[f64], ambient: usize) -> Vec<f64> {
    (0..ambient).map(|j| t.iter().enumerate().map(|(i, t)| t * frame[i * ambient + j]).sum()).collect()
}

/// `exp_p(v)`.
pub(super) fn exp<M: Cost + Base>(m: &M, p: &[f64], v: &[f64]) -> Vec<f64> {
    let mut q = vec![0.0; m.ambient()];
    m.exp(p, v, &mut q);
    q
}

/// `log_p(q)`, wherever `q` is.
pub(super) fn log<M: Cost + Base>(m: &M, p: &[f64], q: &[f64]) -> Vec<f64> {
    let mut v = vec![0.0; m.ambient()];
    m.log(p, q, &mut v);
    v
}

/// `w` carried along `exp_p(s v)`.
pub(super) fn transport<M: Cost + Base>(m: &M, p: &[f64], v: &[f64], w: &[f64]) -> Vec<f64> {
    let mut out = vec![0.0; m.ambient()];
    m.transport(p, v, w, &mut out);
    out
}
