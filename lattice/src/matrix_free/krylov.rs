//! Conjugate gradients and Lanczos' recurrence, one vector per lane.

use ircpm_ad::Real;

use super::clusters::Hessian;
use super::quadrature::Tridiagonal;
use crate::lanes::resize;

/// A recurrence ends where the next vector is shorter than this share of the largest number of the matrix so far: then the
/// space is invariant up to rounding.
const INVARIANT: f64 = 1e-13;

/// `x · y` in every lane.
#[inline(always)]
fn dot<R: Real>(x: &[R], y: &[R]) -> R {
    // Four sums hide the latency.
    let mut sums = [R::zero(); 4];
    let whole = x.len() / 4 * 4;
    let mut i = 0;
    while i < whole {
        for k in 0..4 {
            sums[k] = x[i + k].mul_add(y[i + k], sums[k]);
        }
        i += 4;
    }
    for i in whole..x.len() {
        sums[0] = x[i].mul_add(y[i], sums[0]);
    }
    (sums[0] + sums[1]) + (sums[2] + sums[3])
}

/// Conjugate gradients (Hestenes & Stiefel 1952) from zero.
#[derive(Debug)]
pub(super) struct ConjugateGradients<R> {
    /// The right-hand sides.
    pub b: Vec<R>,
    /// The solutions.
    pub x: Vec<R>,
    residual: Vec<R>,
    direction: Vec<R>,
    product: Vec<R>,
    /// 1 where a direction was met along which `H` is not positive.
    pub indefinite: R,
    /// `|b − H x|/|b|`, computed from `x`.
    pub relative: R,
    /// Number of products until all lanes had ended.
    pub steps: usize,
}

impl<R: Real> ConjugateGradients<R> {
    #[inline(always)]
    pub(super) fn new(sites: usize) -> Self {
        let vector = || vec![R::zero(); sites];
        let (b, x, residual, direction, product) = (vector(), vector(), vector(), vector(), vector());
        Self { b, x, residual, direction, product, indefinite: R::zero(), relative: R::zero(), steps: 0 }
    }

    /// Solves `H x = b` until `|b − H x| ≤ tolerance |b|` by the recurrence, in every lane.
    #[inline(always)]
    pub(super) fn solve(&mut self, h: &Hessian<'_>, tolerance: f64, most_steps: usize) {
        let (n, zero, one) = (self.b.len(), R::zero(), R::one());
        for i in 0..n {
            (self.x[i], self.residual[i], self.direction[i]) = (zero, self.b[i], self.b[i]);
        }
        let square = dot(&self.b, &self.b);
        let limit = square * (tolerance * tolerance);
        let mut rest = square;
        (self.indefinite, self.steps) = (zero, 0);
        while self.steps < most_steps {
            let active = R::select_gt(rest, limit, one, zero);
            if active.sum() == 0.0 {
                break;
            }
            self.steps += 1;
            h.product(&self.direction, &mut self.product);
            let curvature = dot(&self.direction, &self.product);
            let usable = R::select_gt(curvature, zero, active, zero);
            self.indefinite = self.indefinite.max(active - usable);
            let length = R::select_gt(usable, zero, rest / curvature, zero);
            for i in 0..n {
                self.x[i] = self.direction[i].mul_add(length, self.x[i]);
                self.residual[i] -= self.product[i] * length;
            }
            let left = dot(&self.residual, &self.residual);
            let ratio = R::select_gt(usable, zero, left / rest, zero);
            for i in 0..n {
                self.direction[i] = self.direction[i].mul_add(ratio, self.residual[i]);
            }
            // A lane along which H is not positive ends.
            rest = R::select_gt(usable, zero, left, R::select_gt(active, zero, zero, rest));
        }
        h.product(&self.x, &mut self.product);
        for i in 0..n {
            self.residual[i] = self.b[i] - self.product[i];
        }
        let left = dot(&self.residual, &self.residual);
        self.relative = R::select_gt(square, zero, (left / square).sqrt_real(), zero);
    }
}

/// Lanczos' recurrence, with every vector made orthogonal to all before it.
#[derive(Debug)]
pub(super) struct Lanczos<R> {
    /// The vectors, `[step][site]`; the first ones are given, of any length.
    pub vectors: Vec<R>,
    next: Vec<R>,
    /// `α` and `β` of every step.
    numbers: Vec<(R, R)>,
    /// `|v|²` of the vectors that were given.
    pub square: R,
}

impl<R: Real> Lanczos<R> {
    #[inline(always)]
    pub(super) fn new(sites: usize) -> Self {
        let (vectors, next) = (vec![R::zero(); sites], vec![R::zero(); sites]);
        Self { vectors, next, numbers: vec![], square: R::zero() }
    }

    /// Takes some steps, or as many as there are sites.
    #[inline(always)]
    pub(super) fn run(&mut self, h: &Hessian<'_>, steps: usize) {
        let (n, zero) = (self.next.len(), R::zero());
        let steps = steps.min(n);
        resize(&mut self.vectors, (steps + 1) * n);
        self.numbers.clear();
        self.square = dot(&self.vectors[..n], &self.vectors[..n]);
        let inverse = R::select_gt(self.square, zero, R::one() / self.square.sqrt_real(), zero);
        for i in 0..n {
            self.vectors[i] *= inverse;
        }
        let (mut before, mut largest) = (zero, zero);
        for j in 0..steps {
            let (past, next) = self.vectors.split_at_mut((j + 1) * n);
            let v = &past[j * n..];
            h.product(v, &mut self.next);
            let a = dot(v, &self.next);
            for i in 0..n {
                self.next[i] -= v[i] * a;
            }
            if j > 0 {
                let earlier = &past[(j - 1) * n..j * n];
                for i in 0..n {
                    self.next[i] -= earlier[i] * before;
                }
            }
            for k in 0..=j {
                let other = &past[k * n..(k + 1) * n];
                let along = dot(other, &self.next);
                for i in 0..n {
                    self.next[i] -= other[i] * along;
                }
            }
            let length = dot(&self.next, &self.next).sqrt_real();
            largest = largest.max(a.abs()).max(length);
            let length = R::select_gt(length, largest * INVARIANT, length, zero);
            let inverse = R::select_gt(length, zero, R::one() / length, zero);
            for i in 0..n {
                next[i] = self.next[i] * inverse;
            }
            self.numbers.push((a, length));
            before = length;
        }
    }

    /// The matrix of one lane, up to where its space is invariant.
    #[inline(always)]
    pub(super) fn matrix(&self, lane: usize) -> Tridiagonal {
        let mut out = Tridiagonal::default();
        for (a, b) in &self.numbers {
            out.diagonal.push(a.lane(lane));
            out.off.push(b.lane(lane));
            if b.lane(lane) == 0.0 {
                break;
            }
        }
        out
    }
}
