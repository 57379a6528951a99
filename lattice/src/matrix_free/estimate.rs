//! Means over random signs, with their standard errors.

use ircpm_ad::{Kernel, Real};
use rand::{Rng, SeedableRng};
use rand_pcg::Pcg64;

use super::clusters::{Cluster, WIDEST};
use super::krylov::{ConjugateGradients, Lanczos};
use super::{Hessian, Quadrature, Solve, enclosure, solve_pack};
use crate::error::MatrixFreeError;

/// Vectors of independent random signs. The same seed gives the same vectors, each whatever their number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Probes {
    /// Number of vectors, two at least.
    pub count: usize,
    /// The seed: draw a new one for every estimate whose errors are to be independent.
    pub seed: u64,
}

/// A mean over probes with its standard error: never the density of a sample, nor its weight.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Estimate {
    /// The mean.
    pub value: f64,
    /// The standard error of the mean, from the variance over the probes.
    pub standard_error: f64,
    /// Number of probes.
    pub probes: usize,
}

/// An estimate of `log det H`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct LogDet {
    /// The mean of Gauss's rule over the probes.
    pub estimate: Estimate,
    /// How far that rule is above the exact forms of these probes at most, in the mean.
    pub bias: f64,
}

/// An estimate of the gradient of `log det H`.
#[derive(Clone, Debug, PartialEq)]
pub struct Gradient {
    /// In every parameter.
    pub theta: Vec<Estimate>,
    /// In every angle, per radian.
    pub points: Vec<Estimate>,
    /// The largest residual of a solve, relative to its right-hand side.
    pub residual: f64,
    /// Most products with `H` that a pack of probes took.
    pub steps: usize,
}

/// Mean and sum of squared deviations of numbers that come one after the other (Welford 1962).
#[derive(Clone, Copy, Debug, Default)]
struct Moments {
    count: usize,
    mean: f64,
    square: f64,
}

impl Moments {
    fn add(&mut self, x: f64) {
        self.count += 1;
        let off = x - self.mean;
        self.mean += off / self.count as f64;
        self.square += off * (x - self.mean);
    }

    fn estimate(&self) -> Estimate {
        let n = self.count as f64;
        let standard_error = (self.square / (n * (n - 1.0))).sqrt();
        Estimate { value: self.mean, standard_error, probes: self.count }
    }
}

impl Probes {
    /// # Errors
    /// [`MatrixFreeError::Probes`] for less than two, of which there is no standard error.
    fn check(self) -> Result<(), MatrixFreeError> {
        if self.count < 2 { Err(MatrixFreeError::Probes { found: self.count }) } else { Ok(()) }
    }
}

/// The vectors of [`Probes`], one after the other from one generator.
struct Signs {
    generator: Pcg64,
    /// Probes that are left.
    left: usize,
    /// Signs of one pack, 64 per number, probe by probe.
    bits: Vec<u64>,
}

impl Signs {
    fn new(probes: Probes) -> Self {
        Self { generator: Pcg64::seed_from_u64(probes.seed), left: probes.count, bits: vec![] }
    }

    /// Writes the signs of the next pack of probes; lanes past the end repeat the last probe. Returns the number of others,
    /// which is zero at the end.
    #[inline(always)]
    fn write<R: Real>(&mut self, out: &mut [R]) -> usize {
        let (lanes, words) = (R::LANES.min(self.left), out.len().div_ceil(64));
        self.bits.clear();
        for _ in 0..lanes * words {
            self.bits.push(self.generator.next_u64());
        }
        if lanes > 0 {
            for i in 0..out.len() {
                out[i] = R::from_fn(|lane| {
                    let word = self.bits[lane.min(lanes - 1) * words + i / 64];
                    if word >> (i % 64) & 1 == 1 { 1.0 } else { -1.0 }
                });
            }
        }
        self.left -= lanes;
        lanes
    }
}

impl Hessian<'_> {
    /// Estimates `log det H`.
    ///
    /// # Errors
    /// As [`Hessian::log_form`], and [`MatrixFreeError::Probes`] for less than two probes.
    pub fn log_det(&self, probes: Probes, quadrature: Quadrature) -> Result<LogDet, MatrixFreeError> {
        probes.check()?;
        quadrature.check()?;
        self.clusters.isa.dispatch(LogDets { h: self, probes, quadrature })
    }

    /// Estimates the gradient of `log det H` in the parameters and the angles.
    ///
    /// A solve that ends at the tolerance `ε` moves the derivative in a parameter by at most `ε D ‖∂_k H‖/λ_min`.
    ///
    /// # Errors
    /// As [`Hessian::solve`], and [`MatrixFreeError::Probes`] for less than two probes.
    pub fn log_det_gradient(&self, probes: Probes, solve: Solve) -> Result<Gradient, MatrixFreeError> {
        probes.check()?;
        self.clusters.isa.dispatch(Gradients { h: self, probes, solve })
    }
}

struct LogDets<'a, 'b> {
    h: &'a Hessian<'b>,
    probes: Probes,
    quadrature: Quadrature,
}

impl Kernel for LogDets<'_, '_> {
    type Output = Result<LogDet, MatrixFreeError>;

    #[inline(always)]
    fn run<R: Real>(self) -> Self::Output {
        let LogDets { h, probes, quadrature } = self;
        let n = h.clusters.sites;
        let mut lanczos = Lanczos::<R>::new(n);
        let (mut upper, mut width) = (Moments::default(), 0.0);
        let mut signs = Signs::new(probes);
        loop {
            let lanes = signs.write(&mut lanczos.vectors[..n]);
            if lanes == 0 {
                break;
            }
            lanczos.run(h, quadrature.steps);
            for lane in 0..lanes {
                let form = enclosure(&lanczos.matrix(lane), lanczos.square.lane(lane), quadrature.lower)?;
                upper.add(form.upper);
                width += form.upper - form.lower;
            }
        }
        Ok(LogDet { estimate: upper.estimate(), bias: width / probes.count as f64 })
    }
}

struct Gradients<'a, 'b> {
    h: &'a Hessian<'b>,
    probes: Probes,
    solve: Solve,
}

impl Kernel for Gradients<'_, '_> {
    type Output = Result<Gradient, MatrixFreeError>;

    #[inline(always)]
    fn run<R: Real>(self) -> Self::Output {
        let Gradients { h, probes, solve } = self;
        let of = h.clusters;
        let mut gradients = ConjugateGradients::<R>::new(of.sites);
        let (mut theta, mut points) = (vec![R::zero(); of.parameters], vec![R::zero(); of.sites]);
        let mut moments_of_theta = vec![Moments::default(); of.parameters];
        let mut moments_of_points = vec![Moments::default(); of.sites];
        let (mut residual, mut steps, mut signs) = (0.0, 0, Signs::new(probes));
        loop {
            let lanes = signs.write(&mut gradients.b);
            if lanes == 0 {
                break;
            }
            residual = f64::max(residual, solve_pack(&mut gradients, h, solve)?);
            steps = steps.max(gradients.steps);
            h.differentiate(&gradients.b, &gradients.x, &mut theta, &mut points);
            for lane in 0..lanes {
                for k in 0..theta.len() {
                    moments_of_theta[k].add(theta[k].lane(lane));
                }
                for i in 0..points.len() {
                    moments_of_points[i].add(points[i].lane(lane));
                }
            }
        }
        let estimates = |moments: Vec<Moments>| moments.iter().map(Moments::estimate).collect();
        Ok(Gradient {
            theta: estimates(moments_of_theta),
            points: estimates(moments_of_points),
            residual,
            steps,
        })
    }
}

impl Hessian<'_> {
    /// Writes the derivatives of `zᵀ H u` with `z` and `u` held fixed.
    #[inline(always)]
    fn differentiate<R: Real>(&self, z: &[R], u: &[R], theta: &mut [R], points: &mut [R]) {
        for k in 0..theta.len() {
            theta[k] = R::zero();
        }
        for i in 0..points.len() {
            points[i] = R::zero();
        }
        for cluster in &self.clusters.clusters {
            match cluster.width {
                1 => self.add_narrow::<R, 1>(cluster, (z, u), theta, points),
                2 => self.add_narrow::<R, 2>(cluster, (z, u), theta, points),
                3 => self.add_narrow::<R, 3>(cluster, (z, u), theta, points),
                WIDEST => self.add_narrow::<R, WIDEST>(cluster, (z, u), theta, points),
                _ => self.add_wide(cluster, (z, u), theta, points),
            }
        }
    }

    /// Adds what the terms of one cluster on `K` sites give.
    #[inline(always)]
    fn add_narrow<R: Real, const K: usize>(
        &self,
        cluster: &Cluster,
        (z, u): (&[R], &[R]),
        theta: &mut [R],
        points: &mut [R],
    ) {
        let of = self.clusters;
        let sites = &of.sites_of[cluster.sites..cluster.sites + K];
        let (mut here, mut solved, mut sums) = ([R::zero(); K], [R::zero(); K], [R::zero(); K]);
        for i in 0..K {
            (here[i], solved[i]) = (z[sites[i] as usize], u[sites[i] as usize]);
        }
        for t in cluster.terms.0..cluster.terms.1 {
            let first = cluster.charges + (t - cluster.terms.0) * K;
            let q = &of.charges[first..first + K];
            let (mut a, mut b) = (R::zero(), R::zero());
            for i in 0..K {
                a = here[i].mul_add(R::constant(q[i]), a);
                b = solved[i].mul_add(R::constant(q[i]), b);
            }
            let (form, class) = (a * b, of.class_of[t] as usize);
            theta[class] -= form * (self.cosines[t] * of.weights[t]);
            let slope = form * self.slopes[t];
            for i in 0..K {
                sums[i] = slope.mul_add(R::constant(q[i]), sums[i]);
            }
        }
        for i in 0..K {
            points[sites[i] as usize] += sums[i];
        }
    }

    /// Adds what the terms of one cluster on many sites give.
    #[inline(always)]
    fn add_wide<R: Real>(&self, cluster: &Cluster, (z, u): (&[R], &[R]), theta: &mut [R], points: &mut [R]) {
        let (of, width) = (self.clusters, cluster.width);
        let sites = &of.sites_of[cluster.sites..cluster.sites + width];
        for t in cluster.terms.0..cluster.terms.1 {
            let first = cluster.charges + (t - cluster.terms.0) * width;
            let q = &of.charges[first..first + width];
            let (mut a, mut b) = (R::zero(), R::zero());
            for i in 0..width {
                a = z[sites[i] as usize].mul_add(R::constant(q[i]), a);
                b = u[sites[i] as usize].mul_add(R::constant(q[i]), b);
            }
            let (form, class) = (a * b, of.class_of[t] as usize);
            theta[class] -= form * (self.cosines[t] * of.weights[t]);
            let slope = form * self.slopes[t];
            for i in 0..width {
                points[sites[i] as usize] += slope * q[i];
            }
        }
    }
}
