//! The laws can fail: each finds the fault planted for it.

use ircpm_ad::{Real, Scalar};
use ircpm_manifolds::{Base, Block, BlockMut, Cost, InvalidPoint, Manifold, Sphere, check};

/// One thing wrong with a sphere.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Fault {
    None,
    ShortLog,
    ShortLogOnCover,
    LongExp,
    LongDistance,
    LopsidedDistance,
    LateMargin,
    LongFrame,
    LongTransport,
    NoTransport,
    Reflection,
    QuadraticLift,
    LinearLift,
    LinearLiftDerivative,
    FlatHessian,
    FlatMixed,
    FlatLogDet,
    FlatInverse,
    SmallDomain,
    CrowdedPoints,
    HeavyBase,
    BlindCheck,
}

/// The sphere with that fault.
#[derive(Clone, Copy, Debug)]
struct Faulty {
    sphere: Sphere,
    fault: Fault,
}

impl Faulty {
    /// `x` multiplied by `factor` if this is the fault.
    fn spoil<S: Scalar>(&self, fault: Fault, factor: f64, x: &mut [S]) {
        if self.fault == fault {
            x.iter_mut().for_each(|x| *x = *x * factor);
        }
    }
}

impl Manifold for Faulty {
    fn dim(&self) -> usize {
        self.sphere.dim()
    }
    fn ambient(&self) -> usize {
        self.sphere.ambient()
    }
    fn exp<S: Scalar>(&self, p: &[S], v: &[S], q: &mut [S]) {
        let mut v = v.to_vec();
        self.spoil(Fault::LongExp, 1.0 + 1e-12, &mut v);
        self.sphere.exp(p, &v, q);
    }
    fn log<S: Scalar>(&self, p: &[S], q: &[S], v: &mut [S]) -> S::Base {
        let margin = self.sphere.log(p, q, v);
        self.spoil(Fault::ShortLog, 1.0 - 1e-12, v);
        if self.fault == Fault::LateMargin { margin + 1e-6 } else { margin }
    }
    fn log_on_cover<S: Scalar>(&self, p: &[S], q: &[S], v: &mut [S]) -> S::Base {
        let margin = self.sphere.log(p, q, v);
        self.spoil(Fault::ShortLogOnCover, 1.0 - 1e-12, v);
        margin
    }
    fn distance<B: Real>(&self, p: &[B], q: &[B]) -> B {
        let mut distance = [self.sphere.distance(p, q)];
        self.spoil(Fault::LongDistance, 1.0 + 1e-12, &mut distance);
        if self.fault == Fault::LopsidedDistance { distance[0] + p[0] * 1e-12 } else { distance[0] }
    }
    fn frame<S: Scalar>(&self, p: &[S], mut frame: BlockMut<'_, S>) {
        self.sphere.frame(p, frame.block(0, 0));
        for i in 0..self.dim() {
            self.spoil(Fault::LongFrame, 1.0 + 1e-12, &mut frame.row_mut(i)[..p.len()]);
        }
    }
    fn transport<S: Scalar>(&self, p: &[S], v: &[S], w: &[S], out: &mut [S]) {
        self.sphere.transport(p, v, w, out);
        self.spoil(Fault::LongTransport, 1.0 + 1e-12, out);
        if self.fault == Fault::NoTransport {
            out.copy_from_slice(w);
        }
    }
    fn lift<S: Scalar>(&self, p: &[S::Base], frame: Block<'_, S::Base>, t: &[S], z: &mut [S]) {
        self.sphere.lift(p, frame, t, z);
        let (mut opposite, mut ahead) = (z.to_vec(), z.to_vec());
        let back: Vec<S> = t.iter().map(|&t| -t).collect();
        self.sphere.lift(p, frame, &back, &mut opposite);
        let u = t.iter().fold(S::zero(), |u, &t| u + t * t);
        for j in 0..z.len() {
            // Odd part over (1 − u/6): the linear term, without the cubic one.
            ahead[j] = (z[j] - opposite[j]) * 0.5 / (u * (-1.0 / 6.0) + 1.0);
            match self.fault {
                Fault::QuadraticLift => z[j] = (z[j] + opposite[j]) * 0.5 + ahead[j],
                Fault::LinearLift => z[j] = ahead[j] + S::from_base(p[j]),
                _ => {}
            }
        }
    }
    fn lift_derivative<S: Scalar>(
        &self,
        p: &[S::Base],
        frame: Block<'_, S::Base>,
        t: &[S],
        k: usize,
        dz: &mut [S],
    ) {
        self.sphere.lift_derivative(p, frame, t, k, dz);
        if self.fault == Fault::LinearLiftDerivative {
            for j in 0..dz.len() {
                dz[j] = S::from_base(frame.row(k)[j]) - t[k].scale(p[j]);
            }
        }
    }
    fn wrap<B: Real>(&self, p: &mut [B]) {
        self.sphere.wrap(p);
        self.spoil(Fault::Reflection, -1.0, p);
    }
    fn check_point(&self, p: &[f64]) -> Result<(), InvalidPoint> {
        if self.fault == Fault::BlindCheck { Ok(()) } else { self.sphere.check_point(p) }
    }
    fn origin(&self) -> Vec<f64> {
        self.sphere.origin()
    }
}

impl std::fmt::Display for Faulty {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} with {:?}", self.sphere, self.fault)
    }
}

impl Cost for Faulty {
    fn cost_hessian<S: Scalar>(&self, v: &[S], h: BlockMut<'_, S>) {
        let v: Vec<S> =
            v.iter().map(|&v| if self.fault == Fault::FlatHessian { S::zero() } else { v }).collect();
        self.sphere.cost_hessian(&v, h);
    }
    fn mixed_log_det<S: Scalar>(&self, v: &[S]) -> S {
        if self.fault == Fault::FlatLogDet { S::zero() } else { self.sphere.mixed_log_det(v) }
    }
    fn mixed<S: Scalar>(&self, v: &[S], w: &[S], out: &mut [S]) {
        match self.fault {
            Fault::FlatMixed => out.copy_from_slice(w),
            _ => self.sphere.mixed(v, w, out),
        }
    }
    fn mixed_inverse<S: Scalar>(&self, v: &[S], w: &[S], out: &mut [S]) {
        match self.fault {
            Fault::FlatInverse => out.copy_from_slice(w),
            _ => self.sphere.mixed_inverse(v, w, out),
        }
    }
    fn domain_margin<B: Real>(&self, v: &[B]) -> B {
        let margin = self.sphere.domain_margin(v);
        if self.fault == Fault::SmallDomain { margin - 1e-6 } else { margin }
    }
    fn is_curved(&self) -> bool {
        true
    }
}

impl Base for Faulty {
    fn log_base<S: Scalar>(&self, p: &[S]) -> S {
        let log_base = self.sphere.log_base::<S>(p);
        if self.fault == Fault::HeavyBase { log_base + 0.2 } else { log_base }
    }
    fn cube_dim(&self) -> usize {
        self.sphere.cube_dim()
    }
    fn base_point(&self, u: &[f64], p: &mut [f64]) {
        let mut u = u.to_vec();
        self.spoil(Fault::CrowdedPoints, 0.8, &mut u);
        self.sphere.base_point(&u, p);
    }
    fn log_volume(&self) -> Option<f64> {
        self.sphere.log_volume()
    }
}

const SEED: u64 = 1;

#[test]
fn every_law_finds_the_fault_planted_for_it() {
    let planted = [
        (Fault::ShortLog, "log inverts exp"),
        (Fault::ShortLogOnCover, "log on the cover inverts exp"),
        (Fault::LongExp, "exp inverts log"),
        (Fault::LongDistance, "the length of log is the distance"),
        (Fault::LopsidedDistance, "the distance is symmetric and shorter than any detour"),
        (Fault::LateMargin, "log reports the cut locus"),
        (Fault::LongFrame, "the frame is orthonormal and tangent"),
        (Fault::LongTransport, "transport is an isometry, undone on the way back"),
        (Fault::NoTransport, "transport carries v to minus the log back"),
        (Fault::Reflection, "wrap keeps the point and is idempotent"),
        (Fault::QuadraticLift, "lift agrees with exp to fourth order"),
        (Fault::LinearLiftDerivative, "lift_derivative moves the lift along a geodesic"),
        (Fault::LinearLift, "lift gives the gradient and the Hessian of a function"),
        (Fault::FlatHessian, "cost_hessian is the Hessian of half the squared distance"),
        (Fault::FlatMixed, "mixed is the mixed derivative of half the squared distance"),
        (Fault::FlatLogDet, "mixed_log_det is the log-determinant of mixed"),
        (Fault::FlatInverse, "mixed_inverse inverts mixed"),
        (Fault::SmallDomain, "domain_margin is at least the margin of log"),
        (Fault::CrowdedPoints, "base points have the base density"),
        (Fault::HeavyBase, "the base density of a finite volume is uniform"),
        (Fault::BlindCheck, "check_point accepts points and rejects NaN"),
    ];
    let sphere = Sphere::new(2).expect("a sphere");
    for (fault, law) in planted {
        let violations = check::violations(&Faulty { sphere, fault }, SEED);
        let found: Vec<_> = violations.iter().map(|violation| violation.law).collect();
        assert!(found.contains(&law), "{fault:?}, seed {SEED}, broke only {found:?}");
    }
    let laws = check::laws::<Faulty>();
    assert_eq!(laws.len(), planted.len(), "a law without a planted fault");
    assert_eq!(check::violations(&Faulty { sphere, fault: Fault::None }, SEED), []);
}
