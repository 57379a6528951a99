//! Gradients of a discrete map: cotangents through the barycentre and its log-determinant, term by term.
//!
//! For a loss `f(y, ℓ)` write `ω = ∂f/∂ℓ`, and `ȳ` for the cotangent of the image in the frame at `x`, carried along
//! `v`. With `Ā = ω A⁻¹` and `e = (−B)⁻¹ ȳ` the cotangent of `v = Σ wᵢ vᵢ` is
//!
//! `v̄ = e + ∇_v (Ā : C(v) − ω log|det B(v)|)`,
//!
//! and each term gets, with `aᵢ = vᵢ − v` and `sᵢ = −(|vᵢ|²/2 + αᵢ)/γ`,
//!
//! - `w̄ᵢ = v̄·vᵢ + aᵢᵀ Ā aᵢ/γ − Ā : Hᵢ`, `s̄ᵢ = wᵢ (w̄ᵢ − Σ wⱼ w̄ⱼ)`, `ᾱᵢ = −s̄ᵢ/γ`;
//! - `v̄ᵢ = wᵢ (v̄ + 2 Ā aᵢ/γ − ∇ (Ā : C)(vᵢ)) − s̄ᵢ vᵢ/γ`.
//!
//! Since `∇ₑ log_x(yᵢ) = −Hᵢ e` as `x` moves, the cotangent of `x` is `C(v) e − Σ Hᵢ v̄ᵢ`; and that of `yᵢ` is
//! `−B(vᵢ) v̄ᵢ`, carried along `vᵢ`. For orbits of translations `Hᵢ` is `C(vᵢ)` without the orbit's direction.
//!
//! In the inverse direction, `x = T⁻¹(y)` with a cotangent `x̄`, everything is that of a forward pull-back whose `ȳ` is
//! `−λ`, where `λ = (DT)⁻ᵀ (x̄ + ω ∇ℓ)` is the cotangent of `y`.

use ircpm_ad::{Dual, Kernel, Real};
use ircpm_manifolds::{Base, BlockMut, Cost};

use super::DiscreteMap;
use super::sites::Sites;
use super::terms::{Terms, cost_hessian, dot, minus, plus, times};
use crate::lanes::{Span, Workspace};
use crate::map::local_jet::{from_frame, pair_with_frame};
use crate::map::{Cotangents, Direction, Gradients, Record, ThetaGradient};
use crate::potential::resize;
use crate::small::Cholesky;

/// The kernel: see [`crate::map::Map::pull_back`].
pub(super) struct PullBack<'a, M, const D: usize> {
    pub map: &'a DiscreteMap<M, D>,
    pub sites: &'a Sites,
    pub direction: Direction,
    pub record: &'a Record,
    pub cotangents: Cotangents<'a>,
    pub into: Gradients<'a>,
    pub work: &'a mut Workspace,
}

/// Buffers of a thread.
struct Buffers<R, const D: usize> {
    terms: Terms<R, D>,
    reverse: Reverse<R, D>,
    points_bar: Vec<R>,
    /// Sums over packs of the cotangents of the sites, `n` coordinates and the offset each.
    sites_bar: Vec<R>,
    /// The same of one sample, or of all.
    sums: Vec<f64>,
}

impl<R: Real, const D: usize> Default for Buffers<R, D> {
    fn default() -> Self {
        let (terms, reverse) = (Terms::default(), Reverse::default());
        Self { terms, reverse, points_bar: vec![], sites_bar: vec![], sums: vec![] }
    }
}

impl<M: Cost + Base, const D: usize> Kernel for PullBack<'_, M, D> {
    type Output = ();

    #[inline(always)]
    fn run<R: Real>(self) {
        let PullBack { map, sites, direction, record, cotangents, into, work } = self;
        let Gradients { theta: mut theta_bar, points: starts_bar } = into;
        let n = map.manifold.ambient();
        let Buffers { terms, reverse, points_bar, sites_bar, sums } = work.get::<Buffers<R, D>>();
        terms.reserve(map, sites);
        reverse.reserve(map, terms.weights.len());
        resize(points_bar, n);
        resize(sites_bar, terms.weights.len() * (n + 1));
        sums.resize(sites_bar.len(), 0.0);
        sites_bar.fill(R::zero());
        let span = Span { start: 0, len: record.samples() };
        for p in 0..span.packs::<R>() {
            let ok: R = span.mask(&record.ok, p);
            for c in 0..n {
                let x = span.load(&record.x, n, c, p);
                terms.x[c] = R::select_gt(ok, R::zero(), x, R::constant(map.origin[c]));
                points_bar[c] = span.load_padded(cotangents.points, n, c, p);
            }
            let omega = span.load_padded(cotangents.log_det, 1, 0, p);
            reverse.begin(map, sites, terms, omega);
            R::vectorized(
                #[inline(always)]
                || reverse.pull_back(map, direction, terms, points_bar),
            );
            R::vectorized(
                #[inline(always)]
                || reverse.add_sites(map, sites, terms, sites_bar),
            );
            for c in 0..n {
                span.store(points_bar[c], starts_bar, n, c, p);
            }
            if let ThetaGradient::Each(columns) = &mut theta_bar {
                let samples = span.len;
                span.each::<R>(p, |sample, lane| {
                    for k in 0..sums.len() {
                        sums[k] = sites_bar[k].lane(lane);
                    }
                    let add = |k: usize, value| columns[k * samples + sample] += value;
                    sites.pull_back(sums, &map.kinds, &map.orbits.group, add);
                });
                sites_bar.fill(R::zero());
            }
        }
        if let ThetaGradient::Sum(gradient) = theta_bar {
            for k in 0..sums.len() {
                sums[k] = sites_bar[k].sum();
            }
            sites.pull_back(sums, &map.kinds, &map.orbits.group, |k, value| gradient[k] += value);
        }
    }
}

/// The reverse sweep of one pack.
struct Reverse<R, const D: usize> {
    /// `v`.
    v: [R; D],
    /// `C(v)`.
    cost: [[R; D]; D],
    /// `A`.
    a: [[R; D]; D],
    /// `Ā = ω A⁻¹`.
    a_bar: [[R; D]; D],
    factor: Cholesky<R, D>,
    /// `∇_v (Ā : C(v) − ω log|det B(v)|)`.
    slope: [R; D],
    /// `∇ (Ā : C)(vᵢ)` of every term.
    slopes: Vec<[R; D]>,
    /// `aᵢᵀ Ā aᵢ/γ − Ā : Hᵢ` of every term.
    traces: Vec<R>,
    /// `v̄ᵢ`.
    velocities_bar: Vec<[R; D]>,
    /// `ᾱᵢ`; before, `w̄ᵢ`.
    offsets_bar: Vec<R>,
    tangent: Vec<R>,
    velocity: Vec<R>,
    moved: Vec<R>,
}

impl<R: Real, const D: usize> Default for Reverse<R, D> {
    fn default() -> Self {
        let zero = R::zero();
        Self {
            v: [zero; D],
            cost: [[zero; D]; D],
            a: [[zero; D]; D],
            a_bar: [[zero; D]; D],
            factor: Cholesky::identity(),
            slope: [zero; D],
            slopes: vec![],
            traces: vec![],
            velocities_bar: vec![],
            offsets_bar: vec![],
            tangent: vec![],
            velocity: vec![],
            moved: vec![],
        }
    }
}

impl<R: Real, const D: usize> Reverse<R, D> {
    #[inline(always)]
    fn reserve<M: Cost + Base>(&mut self, map: &DiscreteMap<M, D>, terms: usize) {
        let n = map.manifold.ambient();
        resize(&mut self.tangent, n);
        resize(&mut self.velocity, n);
        resize(&mut self.moved, n);
        resize(&mut self.traces, terms);
        resize(&mut self.offsets_bar, terms);
        self.slopes.resize(terms, [R::zero(); D]);
        self.velocities_bar.resize(terms, [R::zero(); D]);
    }

    /// Finds all that depends on `ω` alone.
    #[inline(always)]
    fn begin<M: Cost + Base>(
        &mut self,
        map: &DiscreteMap<M, D>,
        sites: &Sites,
        terms: &mut Terms<R, D>,
        omega: R,
    ) {
        let phi = terms.evaluate(map, sites);
        R::vectorized(
            #[inline(always)]
            || {
                self.v = phi.v;
                self.cost = cost_hessian(&map.manifold, &self.v);
                self.a = plus(&self.cost, &phi.minus_hessian);
                self.factor = Cholesky::new(&self.a);
                for i in 0..D {
                    let mut axis = [R::zero(); D];
                    axis[i] = omega;
                    self.a_bar[i] = self.factor.solve(axis);
                }
                self.slope = [R::zero(); D];
                if map.manifold.is_curved() {
                    (_, self.slope) = contraction(&map.manifold, &self.a_bar, &self.v);
                    let log_det: Dual<R, D> = map.manifold.mixed_log_det(&variables(&self.v));
                    for i in 0..D {
                        self.slope[i] -= omega * log_det.eps[i];
                    }
                }
            },
        );
        R::vectorized(
            #[inline(always)]
            || self.contract(map, terms),
        );
    }

    /// Contracts the Hessian of every term with `Ā`.
    #[inline(always)]
    fn contract<M: Cost + Base>(&mut self, map: &DiscreteMap<M, D>, terms: &Terms<R, D>) {
        let scale = map.sharpness();
        let mut outside = R::zero();
        for k in 0..map.orbits.translations.len() {
            let mut projector = [[R::zero(); D]; D];
            map.orbits.translations[k].subtract_projector(&mut projector);
            outside += frobenius(&self.a_bar, &projector);
        }
        let mut flat = R::zero();
        for i in 0..D {
            flat += self.a_bar[i][i];
        }
        for i in 0..terms.weights.len() {
            let away = minus(&terms.velocities[i], &self.v);
            let (mut trace, mut slope) = (flat, [R::zero(); D]);
            if map.manifold.is_curved() {
                (trace, slope) = contraction(&map.manifold, &self.a_bar, &terms.velocities[i]);
            }
            self.slopes[i] = slope;
            self.traces[i] = dot(&away, &times(&self.a_bar, &away)) * scale - trace - outside;
        }
    }

    /// Replaces the cotangents of the points that the run ended at by those of the points that it started from.
    #[inline(always)]
    fn pull_back<M: Cost + Base>(
        &mut self,
        map: &DiscreteMap<M, D>,
        direction: Direction,
        terms: &Terms<R, D>,
        points_bar: &mut [R],
    ) {
        let m = &map.manifold;
        let y_bar: [R; D] = match direction {
            Direction::Forward => {
                from_frame(&terms.frame, &self.v, &mut self.velocity);
                self.carried_back(map, terms, points_bar)
            }
            Direction::Inverse => {
                let mut x_bar: [R; D] = pair_with_frame(&terms.frame, points_bar);
                let by_log_det = self.sweep(map, terms, &[R::zero(); D]);
                for i in 0..D {
                    x_bar[i] += by_log_det[i];
                }
                let (solved, mut lambda) = (self.factor.solve(x_bar), [R::zero(); D]);
                m.mixed(&self.v, &solved, &mut lambda);
                self.write_carried(map, terms, &lambda, points_bar);
                for i in 0..D {
                    lambda[i] = -lambda[i];
                }
                lambda
            }
        };
        let mut e = [R::zero(); D];
        m.mixed_inverse(&self.v, &y_bar, &mut e);
        let mut x_bar = self.sweep(map, terms, &e);
        let along = times(&self.cost, &e);
        for i in 0..D {
            x_bar[i] += along[i];
        }
        if direction == Direction::Forward {
            from_frame(&terms.frame, &x_bar, points_bar);
            m.lower(&terms.x, points_bar);
        }
    }

    /// What a covector at `exp_x(v)` says of each vector of the frame at `x`, carried along `v`.
    #[inline(always)]
    fn carried_back<M: Cost + Base>(
        &mut self,
        map: &DiscreteMap<M, D>,
        terms: &Terms<R, D>,
        covector: &[R],
    ) -> [R; D] {
        let n = covector.len();
        let mut out = [R::zero(); D];
        for i in 0..D {
            map.manifold.transport(&terms.x, &self.velocity, &terms.frame[i * n..][..n], &mut self.moved);
            for c in 0..n {
                out[i] = covector[c].mul_add(self.moved[c], out[i]);
            }
        }
        out
    }

    /// Writes the covector at `exp_x(v)` of a tangent vector with frame coordinates `w` at `x`, carried along `v`.
    #[inline(always)]
    fn write_carried<M: Cost + Base>(
        &mut self,
        map: &DiscreteMap<M, D>,
        terms: &Terms<R, D>,
        w: &[R; D],
        out: &mut [R],
    ) {
        let m = &map.manifold;
        from_frame(&terms.frame, &self.v, &mut self.velocity);
        from_frame(&terms.frame, w, &mut self.tangent);
        m.transport(&terms.x, &self.velocity, &self.tangent, out);
        m.exp(&terms.x, &self.velocity, &mut self.moved);
        m.lower(&self.moved, out);
    }

    /// Cotangents of all terms, for `e`, and `−Σ Hᵢ v̄ᵢ`.
    #[inline(always)]
    fn sweep<M: Cost + Base>(&mut self, map: &DiscreteMap<M, D>, terms: &Terms<R, D>, e: &[R; D]) -> [R; D] {
        let scale = map.sharpness();
        let mut v_bar = *e;
        for i in 0..D {
            v_bar[i] += self.slope[i];
        }
        // The constant's term has no velocity and no Hessian.
        let square = dot(&self.v, &times(&self.a_bar, &self.v)) * scale;
        let mut mean = terms.constant * square;
        for i in 0..terms.weights.len() {
            let weight_bar = dot(&v_bar, &terms.velocities[i]) + self.traces[i];
            self.offsets_bar[i] = weight_bar;
            mean = terms.weights[i].mul_add(weight_bar, mean);
        }
        let mut x_bar = [R::zero(); D];
        for i in 0..terms.weights.len() {
            let (weight, velocity) = (terms.weights[i], &terms.velocities[i]);
            let offset_bar = -(weight * (self.offsets_bar[i] - mean)) * scale;
            let pull = times(&self.a_bar, &minus(velocity, &self.v));
            let mut bar = [R::zero(); D];
            for k in 0..D {
                let direct = v_bar[k] + pull[k] * (2.0 * scale) - self.slopes[i][k];
                bar[k] = weight * direct + offset_bar * velocity[k];
            }
            let by_x = times(&terms.hessians[i], &bar);
            for k in 0..D {
                x_bar[k] -= by_x[k];
            }
            self.offsets_bar[i] = offset_bar;
            self.velocities_bar[i] = bar;
        }
        x_bar
    }

    /// Adds the cotangents of the sites.
    #[inline(always)]
    fn add_sites<M: Cost + Base>(
        &mut self,
        map: &DiscreteMap<M, D>,
        sites: &Sites,
        terms: &Terms<R, D>,
        sites_bar: &mut [R],
    ) {
        let (m, n) = (&map.manifold, terms.x.len());
        for i in 0..terms.weights.len() {
            let mut bar = self.velocities_bar[i];
            for k in 0..map.orbits.translations.len() {
                bar = map.orbits.translations[k].orthogonal(&bar);
            }
            let mut end_bar = [R::zero(); D];
            m.mixed(&terms.velocities[i], &bar, &mut end_bar);
            from_frame(&terms.frame, &terms.velocities[i], &mut self.velocity);
            from_frame(&terms.frame, &end_bar, &mut self.tangent);
            m.transport(&terms.x, &self.velocity, &self.tangent, &mut self.moved);
            // On tori, where the orbit's nearest point may be another, all points have the same metric.
            sites.load(i, &mut self.tangent);
            m.lower(&self.tangent, &mut self.moved);
            let out = &mut sites_bar[i * (n + 1)..][..=n];
            for c in 0..n {
                out[c] += self.moved[c];
            }
            out[n] += self.offsets_bar[i];
        }
    }
}

/// `v` as variables.
#[inline(always)]
fn variables<R: Real, const D: usize>(v: &[R; D]) -> [Dual<R, D>; D] {
    let mut out = [Dual::fixed(R::zero()); D];
    for i in 0..D {
        out[i] = Dual::variable(v[i], i);
    }
    out
}

/// `Ā : C(v)` and its gradient in `v`.
#[inline(always)]
fn contraction<M: Cost, R: Real, const D: usize>(m: &M, a_bar: &[[R; D]; D], v: &[R; D]) -> (R, [R; D]) {
    let mut h = [[Dual::fixed(R::zero()); D]; D];
    m.cost_hessian(&variables(v), BlockMut::dense(h.as_flattened_mut(), D));
    let (mut value, mut gradient) = (R::zero(), [R::zero(); D]);
    for i in 0..D {
        for j in 0..D {
            value = a_bar[i][j].mul_add(h[i][j].re, value);
            for k in 0..D {
                gradient[k] = a_bar[i][j].mul_add(h[i][j].eps[k], gradient[k]);
            }
        }
    }
    (value, gradient)
}

/// `A : B`.
#[inline(always)]
fn frobenius<R: Real, const D: usize>(a: &[[R; D]; D], b: &[[R; D]; D]) -> R {
    let mut sum = R::zero();
    for i in 0..D {
        sum += dot(&a[i], &b[i]);
    }
    sum
}
