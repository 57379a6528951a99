//! The fast forms of a potential, run over packs on an instruction set.

use std::marker::PhantomData;

use ircpm_ad::{Algebra, Dual, Jet, Kernel, Lap, Real, Scalar};
use ircpm_flow::{EvaluatedPack, Potential};
use ircpm_manifolds::{Block, BlockMut, Manifold, Product};

use super::SAMPLES;

/// Samples with their contractions: `SAMPLES` points, and for each `c`, `β` and the root `L` of
/// `c psi + (L β) · grad psi + L Lᵀ : Hess psi`.
#[derive(Clone, Debug)]
pub(crate) struct Case<const D: usize> {
    pub manifold: Product,
    pub theta: Vec<f64>,
    /// `[sample][coordinate]`.
    pub points: Vec<f64>,
    pub c: Vec<f64>,
    pub beta: Vec<[f64; D]>,
    pub root: Vec<[[f64; D]; D]>,
}

impl<const D: usize> Case<D> {
    /// `b = L β`.
    pub(crate) fn b(&self, s: usize) -> [f64; D] {
        std::array::from_fn(|i| (0..D).map(|k| self.root[s][i][k] * self.beta[s][k]).sum())
    }

    /// `A = L Lᵀ`.
    pub(crate) fn a(&self, s: usize) -> [[f64; D]; D] {
        let entry = |i: usize, j: usize| (0..D).map(|k| self.root[s][i][k] * self.root[s][j][k]).sum();
        std::array::from_fn(|i| std::array::from_fn(|j| entry(i, j)))
    }

    /// Coordinates and frame of pack `p`.
    #[inline(always)]
    fn site<R: Real>(&self, p: usize) -> (Vec<R>, Vec<R>) {
        let n = self.manifold.ambient();
        let y: Vec<R> =
            (0..n).map(|c| R::from_fn(|lane| self.points[(p * R::LANES + lane) * n + c])).collect();
        let mut frame = vec![R::zero(); n * D];
        self.manifold.frame(&y, BlockMut::dense(&mut frame, n));
        (y, frame)
    }
}

/// How a contraction enters an algebra: by the seeds of the normal coordinates and the cotangent of psi.
pub(crate) trait Form {
    type Of<R: Real, const D: usize>: Algebra<Base = R>;
    /// Order of the derivatives that it carries.
    const ORDER: usize;
    fn seeds<R: Real, const D: usize>(root: &[[R; D]; D]) -> [Self::Of<R, D>; D];
    fn cotangent<R: Real, const D: usize>(c: R, beta: [R; D], b: [R; D], a: [[R; D]; D]) -> Self::Of<R, D>;
}

/// [`Lap`] along the columns of `L`.
pub(crate) struct Collapsed;
/// [`Jet`] along the frame.
pub(crate) struct Full;
/// [`Dual`] along the frame, `A` left out.
pub(crate) struct First;
/// Reals, `A` and `b` left out.
pub(crate) struct Value;

impl Form for Collapsed {
    type Of<R: Real, const D: usize> = Lap<R, D>;
    const ORDER: usize = 2;
    fn seeds<R: Real, const D: usize>(root: &[[R; D]; D]) -> [Lap<R, D>; D] {
        root.map(|row| Lap::seeded(R::zero(), row))
    }
    fn cotangent<R: Real, const D: usize>(c: R, beta: [R; D], _: [R; D], _: [[R; D]; D]) -> Lap<R, D> {
        Lap { re: c, grad: beta, lap: R::one() }
    }
}

impl Form for Full {
    type Of<R: Real, const D: usize> = Jet<R, D>;
    const ORDER: usize = 2;
    fn seeds<R: Real, const D: usize>(_: &[[R; D]; D]) -> [Jet<R, D>; D] {
        std::array::from_fn(|i| Jet::variable(R::zero(), i))
    }
    fn cotangent<R: Real, const D: usize>(c: R, _: [R; D], b: [R; D], a: [[R; D]; D]) -> Jet<R, D> {
        Jet { re: c, grad: b, hess: a }
    }
}

impl Form for First {
    type Of<R: Real, const D: usize> = Dual<R, D>;
    const ORDER: usize = 1;
    fn seeds<R: Real, const D: usize>(_: &[[R; D]; D]) -> [Dual<R, D>; D] {
        std::array::from_fn(|i| Dual::variable(R::zero(), i))
    }
    fn cotangent<R: Real, const D: usize>(c: R, _: [R; D], b: [R; D], _: [[R; D]; D]) -> Dual<R, D> {
        Dual::new(c, b)
    }
}

impl Form for Value {
    type Of<R: Real, const D: usize> = R;
    const ORDER: usize = 0;
    fn seeds<R: Real, const D: usize>(_: &[[R; D]; D]) -> [R; D] {
        [R::zero(); D]
    }
    fn cotangent<R: Real, const D: usize>(c: R, _: [R; D], _: [R; D], _: [[R; D]; D]) -> R {
        c
    }
}

/// All samples through [`Potential::jets`]: value, gradient and Hessian of every sample, `1 + D + D²` numbers.
pub(crate) struct Jets<'a, P, const D: usize>(pub &'a Case<D>, pub &'a P);

impl<P: Potential, const D: usize> Kernel for Jets<'_, P, D> {
    type Output = Vec<f64>;

    #[inline(always)]
    fn run<R: Real>(self) -> Vec<f64> {
        let Jets(case, potential) = self;
        let (n, packs) = (case.manifold.ambient(), SAMPLES / R::LANES);
        let t: [Jet<R, D>; D] = std::array::from_fn(|i| Jet::variable(R::zero(), i));
        let (mut psi, mut z, mut work) = (vec![Jet::zero(); packs], vec![Jet::zero(); n], Default::default());
        // Twice with the same workspace: nothing of the first run must be left in the second.
        for _ in 0..2 {
            for (p, psi) in psi.iter_mut().enumerate() {
                let (y, frame) = case.site::<R>(p);
                case.manifold.lift(&y, Block::dense(&frame, n), &t, &mut z);
                *psi = potential.jets(&case.theta[..], &z, &mut work, None);
            }
        }
        let coefficients = Algebra::coefficients(&psi);
        let size = 1 + D + D * D;
        (0..SAMPLES * size)
            .map(|i| coefficients[i / size / R::LANES * size + i % size].lane(i / size % R::LANES))
            .collect()
    }
}

/// What a reverse sweep over a tile returns.
pub(crate) struct Swept {
    /// psi of every sample.
    pub psi: Vec<f64>,
    /// One, and the sum over the samples of the contraction's gradient in `θ`.
    pub theta_bar: Vec<f64>,
    /// The contraction's gradient in the point, in its frame: `[sample][k]`.
    pub point_bar: Vec<f64>,
}

/// All samples in one tile through forward, backward and accumulate.
pub(crate) struct Sweep<'a, F, P, const D: usize> {
    case: &'a Case<D>,
    potential: &'a P,
    form: PhantomData<F>,
}

impl<'a, F, P, const D: usize> Sweep<'a, F, P, D> {
    pub(crate) fn new(case: &'a Case<D>, potential: &'a P) -> Self {
        Self { case, potential, form: PhantomData }
    }
}

impl<F: Form, P: Potential, const D: usize> Kernel for Sweep<'_, F, P, D> {
    type Output = Swept;

    #[inline(always)]
    fn run<R: Real>(self) -> Swept {
        let Sweep { case, potential, .. } = self;
        let Tile { z, seeds, psi_bar } = Tile::<F::Of<R, D>, D>::of::<F>(case);
        let n = case.manifold.ambient();
        let (mut z_bar, mut psi) = (vec![Scalar::zero(); z.len()], vec![Scalar::zero(); psi_bar.len()]);
        let mut sweep = Default::default();
        potential.begin(psi.len(), &mut sweep);
        for (p, psi) in psi.iter_mut().enumerate() {
            *psi = potential.forward(&case.theta, p, &z[p * n..][..n], &mut sweep);
        }
        // Cotangents replace each other: nothing of the first ones must be left.
        for cotangents in [&psi, &psi_bar] {
            for (p, &psi_bar) in cotangents.iter().enumerate() {
                let z_bar = &mut z_bar[p * n..][..n];
                potential.backward(&case.theta, p, psi_bar, z_bar, &mut sweep);
            }
        }
        let mut theta_bar = vec![1.0; case.theta.len()];
        potential.accumulate(&sweep, &mut theta_bar);
        let psi = (0..SAMPLES).map(|s| psi[s / R::LANES].value().lane(s % R::LANES)).collect();
        Swept { psi, theta_bar, point_bar: point_bar(case, &seeds, &z_bar) }
    }
}

/// All samples in one tile through [`Potential::jets`] and, from what that saves, [`Potential::contract`] and
/// accumulate. Values of psi are left out of the contraction.
pub(crate) struct Contracted<'a, P, const D: usize>(pub &'a Case<D>, pub &'a P);

impl<P: Potential, const D: usize> Kernel for Contracted<'_, P, D> {
    type Output = Swept;

    #[inline(always)]
    fn run<R: Real>(self) -> Swept {
        let Contracted(case, potential) = self;
        let (m, n, packs) = (&case.manifold, case.manifold.ambient(), SAMPLES / R::LANES);
        let t: [Jet<R, D>; D] = std::array::from_fn(|i| Jet::variable(R::zero(), i));
        let mut saved: Vec<_> = (0..packs).map(|_| P::Saved::<R, D>::default()).collect();
        let (mut point, mut work) = (vec![Jet::zero(); n], Default::default());
        let mut psi = vec![Jet::zero(); packs];
        for p in 0..packs {
            let (y, frame) = case.site::<R>(p);
            m.lift(&y, Block::dense(&frame, n), &t, &mut point);
            psi[p] = potential.jets(&case.theta[..], &point, &mut work, Some(&mut saved[p]));
        }
        let Tile { z, seeds, mut psi_bar } = Tile::<Lap<R, D>, D>::of::<Collapsed>(case);
        let directions: Vec<_> = seeds.iter().map(|seeds| seeds.map(|seed| seed.grad)).collect();
        let (mut z_bar, mut sweep) = (vec![Lap::zero(); z.len()], Default::default());
        psi_bar.iter_mut().for_each(|psi_bar| psi_bar.re = R::zero());
        // Twice with the same workspace: nothing of the first run must be left in the second.
        for cotangents in [&vec![Lap { lap: R::one(), ..Lap::one() }; packs], &psi_bar] {
            potential.begin(packs, &mut sweep);
            for (p, &psi_bar) in cotangents.iter().enumerate() {
                let z = &z[p * n..][..n];
                let pack = EvaluatedPack { p, z, directions: &directions[p], saved: &saved[p] };
                let z_bar = &mut z_bar[p * n..][..n];
                potential.contract(&case.theta, pack, psi_bar, z_bar, &mut sweep);
            }
        }
        let mut theta_bar = vec![1.0; case.theta.len()];
        potential.accumulate(&sweep, &mut theta_bar);
        let psi = (0..SAMPLES).map(|s| psi[s / R::LANES].re.lane(s % R::LANES)).collect();
        Swept { psi, theta_bar, point_bar: point_bar(case, &seeds, &z_bar) }
    }
}

/// A case in packs: points, seeds of their normal coordinates, cotangents of psi.
struct Tile<S, const D: usize> {
    z: Vec<S>,
    seeds: Vec<[S; D]>,
    psi_bar: Vec<S>,
}

impl<R: Real, S: Algebra<Base = R>, const D: usize> Tile<S, D> {
    #[inline(always)]
    fn of<F: Form<Of<R, D> = S>>(case: &Case<D>) -> Self {
        let (n, packs) = (case.manifold.ambient(), SAMPLES / R::LANES);
        let (mut z, mut point) = (vec![], vec![S::zero(); n]);
        let (mut seeds, mut psi_bar) = (vec![], vec![]);
        for p in 0..packs {
            let (y, frame) = case.site::<R>(p);
            let of = |f: &dyn Fn(usize) -> f64| R::from_fn(|lane| f(p * R::LANES + lane));
            let vector = |f: &dyn Fn(usize) -> [f64; D]| std::array::from_fn(|i| of(&|s| f(s)[i]));
            let matrix = |f: &dyn Fn(usize) -> [[f64; D]; D]| std::array::from_fn(|i| vector(&|s| f(s)[i]));
            seeds.push(F::seeds(&matrix(&|s| case.root[s])));
            case.manifold.lift(&y, Block::dense(&frame, n), &seeds[p], &mut point);
            z.extend_from_slice(&point);
            let (b, a) = (vector(&|s| case.b(s)), matrix(&|s| case.a(s)));
            psi_bar.push(F::cotangent(of(&|s| case.c[s]), vector(&|s| case.beta[s]), b, a));
        }
        Self { z, seeds, psi_bar }
    }
}

/// The contraction's gradient in the points, in their frames, from the cotangents of their coordinates.
#[inline(always)]
fn point_bar<R: Real, S: Algebra<Base = R>, const D: usize>(
    case: &Case<D>,
    seeds: &[[S; D]],
    z_bar: &[S],
) -> Vec<f64> {
    let n = case.manifold.ambient();
    let (mut out, mut point) = (vec![0.0; SAMPLES * D], vec![S::zero(); n]);
    for (p, seeds) in seeds.iter().enumerate() {
        let (y, frame) = case.site::<R>(p);
        for k in 0..D {
            case.manifold.lift_derivative(&y, Block::dense(&frame, n), seeds, k, &mut point);
            let mut sum = R::zero();
            for c in 0..n {
                sum += point[c].pair(z_bar[p * n + c]);
            }
            (0..R::LANES).for_each(|lane| out[(p * R::LANES + lane) * D + k] = sum.lane(lane));
        }
    }
    out
}
