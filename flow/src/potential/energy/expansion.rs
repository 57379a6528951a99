//! A function over any scalar, from its partial derivatives in plain numbers.
#![allow(
    clippy::needless_range_loop,
    reason = "index loops over packs: a closure may be compiled without the instruction set"
)]

use ircpm_ad::{Real, Scalar};

use super::Energy;
use super::composite::{Inner, compose};
use super::partials::{pair, partials, triple};
use super::shape::{MOST, Shape};

/// Partial derivatives of `f(u(z))` at one pack of points. Nothing here is compiled for a dimension.
#[derive(Debug, Default)]
pub(super) struct Numbers {
    /// `[coordinate][lane]`.
    points: Vec<f64>,
    /// Of the energy, `[partial][lane]`.
    energy: Vec<f64>,
    /// Of psi, `[partial][lane]`.
    psi: Vec<f64>,
    /// Of the derivatives of psi in the parameters, `[parameter][partial][lane]`.
    sensitivities: Vec<f64>,
}

impl Numbers {
    /// Evaluates the partial derivatives up to `order` at the points that are set. With the derivatives in the
    /// parameters, for a `sweep`, all of them are zero where one is not finite: a zero cotangent times infinity would
    /// be NaN.
    #[inline(never)]
    fn evaluate(
        &mut self,
        energy: &dyn Energy,
        shape: &Shape,
        theta: [f64; MOST],
        order: usize,
        sweep: bool,
    ) {
        let Self { points, energy: u, psi, sensitivities } = self;
        let n = energy.inputs();
        let (samples, count) = (points.len() / n, partials(n, order));
        u.resize(count * samples, 0.0);
        psi.resize(count * samples, 0.0);
        let below = if sweep { shape.parameters() * partials(n, order - 1) } else { 0 };
        sensitivities.resize(below * samples, 0.0);
        energy.derivatives(order, samples, points, u);
        compose(Inner { shape, theta, n, order, samples, u }, psi, sensitivities);
        if sweep {
            mask(samples, psi, sensitivities);
        }
    }
}

/// Sets all numbers of a sample to zero where one is not finite.
fn mask(samples: usize, psi: &mut [f64], sensitivities: &mut [f64]) {
    for s in 0..samples {
        let all = || psi.iter().skip(s).step_by(samples).chain(sensitivities.iter().skip(s).step_by(samples));
        if !all().all(|x| x.is_finite()) {
            psi.iter_mut().skip(s).step_by(samples).for_each(|x| *x = 0.0);
            sensitivities.iter_mut().skip(s).step_by(samples).for_each(|x| *x = 0.0);
        }
    }
}

/// [`Numbers`], and how far the coordinates move from the points.
///
/// A scalar is a real number plus a part `δ` whose powers above its order vanish, so that Taylor's formula
/// `psi(z + δ) = Σ_k (δ·∇)ᵏ psi(z) / k!` has finitely many terms and is exact. The engine's types never enter the
/// energy, which is compiled once and not for each of them.
#[derive(Debug)]
pub(super) struct Expansion<S> {
    /// The infinitesimal parts of the coordinates.
    delta: Vec<S>,
    numbers: Numbers,
}

impl<S> Default for Expansion<S> {
    fn default() -> Self {
        Self { delta: vec![], numbers: Numbers::default() }
    }
}

impl<S: Scalar> Expansion<S> {
    /// Evaluates what [`Expansion::psi`] needs at the points `z` of one pack; for a `sweep` what
    /// [`Expansion::slope`] and [`Expansion::sensitivity`] need as well.
    #[inline(always)]
    pub(super) fn evaluate(
        &mut self,
        (energy, shape): (&dyn Energy, &Shape),
        theta: [f64; MOST],
        z: &[S],
        sweep: bool,
    ) {
        let lanes = S::Base::LANES;
        self.delta.resize(z.len(), S::zero());
        self.numbers.points.resize(z.len() * lanes, 0.0);
        for c in 0..z.len() {
            z[c].value().store(&mut self.numbers.points[c * lanes..]);
            self.delta[c] = z[c] - S::from_base(z[c].value());
        }
        self.numbers.evaluate(energy, shape, theta, S::ORDER + usize::from(sweep), sweep);
    }

    /// The energy alone over scalars of order 3 at most.
    pub(super) fn energy(energy: &dyn Energy, z: &[S]) -> S {
        assert!(S::ORDER <= 3, "an energy over scalars of order {}: at most 3", S::ORDER);
        let lanes = S::Base::LANES;
        let (mut points, mut u) =
            (vec![0.0; z.len() * lanes], vec![0.0; partials(z.len(), S::ORDER) * lanes]);
        for (z, points) in z.iter().zip(points.chunks_exact_mut(lanes)) {
            z.value().store(points);
        }
        energy.derivatives(S::ORDER, lanes, &points, &mut u);
        let delta: Vec<S> = z.iter().map(|&z| z - S::from_base(z.value())).collect();
        value(&u, &delta)
    }

    /// `f(u(z))`.
    #[inline(always)]
    pub(super) fn psi(&self) -> S {
        value(&self.numbers.psi, &self.delta)
    }

    /// `∂f(u(z))/∂θₖ`.
    #[inline(always)]
    pub(super) fn sensitivity(&self, k: usize) -> S {
        let size = partials(self.delta.len(), S::ORDER) * S::Base::LANES;
        value(&self.numbers.sensitivities[k * size..][..size], &self.delta)
    }

    /// `∂f(u(z))/∂z_c`, of scalars of order 2 at most.
    #[inline(always)]
    pub(super) fn slope(&self, c: usize) -> S {
        let (n, delta) = (self.delta.len(), &self.delta);
        let psi = &self.numbers.psi;
        let mut sum = S::from_base(partial(psi, 1 + c));
        if S::ORDER == 0 {
            return sum;
        }
        for d in 0..n {
            let mut factor = S::from_base(partial(psi, pair(n, c.min(d), c.max(d))));
            if S::ORDER > 1 {
                for e in d..n {
                    let share = if d == e { 0.5 } else { 1.0 };
                    let (low, high) = (c.min(d), c.max(e));
                    let at = triple(n, low, c + d + e - low - high, high);
                    factor += delta[e].scale(partial::<S::Base>(psi, at) * share);
                }
            }
            sum += delta[d] * factor;
        }
        sum
    }
}

/// The partial derivative at that place, one number per lane.
#[inline(always)]
fn partial<R: Real>(numbers: &[f64], at: usize) -> R {
    R::load(&numbers[at * R::LANES..])
}

/// Taylor's formula from partial derivatives, `[partial][lane]`, in a function of its own for each scalar.
#[inline(never)]
fn value<S: Scalar>(partials: &[f64], delta: &[S]) -> S {
    S::Base::vectorized(
        #[inline(always)]
        || taylor(partials, delta),
    )
}

/// [`value`], in place.
#[inline(always)]
fn taylor<S: Scalar>(partials: &[f64], delta: &[S]) -> S {
    let n = delta.len();
    let mut sum = S::from_base(partial(partials, 0));
    if S::ORDER == 0 {
        return sum;
    }
    for c in 0..n {
        let mut of_c = S::from_base(partial(partials, 1 + c));
        for d in c..n {
            let share = if c == d { 0.5 } else { 1.0 };
            let of_pair = partial::<S::Base>(partials, if S::ORDER > 1 { pair(n, c, d) } else { 0 }) * share;
            if S::ORDER == 2 {
                of_c += delta[d].scale(of_pair);
            } else if S::ORDER > 2 {
                of_c += delta[d] * third(partials, delta, [c, d], of_pair);
            }
        }
        sum += delta[c] * of_c;
    }
    sum
}

/// What stands behind `δ_c δ_d` up to the third order, from its own coefficient.
#[inline(always)]
fn third<S: Scalar>(partials: &[f64], delta: &[S], [c, d]: [usize; 2], of_pair: S::Base) -> S {
    let mut sum = S::from_base(of_pair);
    for e in d..delta.len() {
        // One over the number of orders in which equal coordinates stand.
        let share = match (c == d, d == e) {
            (true, true) => 1.0 / 6.0,
            (false, false) => 1.0,
            _ => 0.5,
        };
        let at = triple(delta.len(), c, d, e);
        sum += delta[e].scale(partial::<S::Base>(partials, at) * share);
    }
    sum
}
