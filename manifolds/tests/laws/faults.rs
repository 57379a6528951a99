//! The laws can fail: each finds the faults planted for it.

use std::f64::consts::TAU;
use std::fmt;

use crate::common::manifold;
use ircpm_ad::{Real, Scalar};
use ircpm_manifolds::{Base, Block, BlockMut, Coordinates, Cost, InvalidPoint, Manifold, Product, check};

/// One thing wrong with a manifold.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Fault {
    None,
    BlindCheck,
    NoOrigin,
    TooFewKinds,
    Reflection,
    ShortLog,
    ShortLogAtTinyDistance,
    ShortLogNearTheCutLocus,
    UndefinedLogAtCoincidentPoints,
    ShiftedBranch,
    ShortLogOnCover,
    LongExp,
    LongDistance,
    LongDistanceAtTinyDistance,
    LopsidedDistance,
    LateMargin,
    BlindMargin,
    LongFrame,
    FrameOfTheRepresentative,
    LongCovector,
    LongTransport,
    LongTransportAtCoincidentPoints,
    NoTransport,
    Twist,
    TwistOfLongVectors,
    QuadraticLift,
    CubicLift,
    QuadraticLiftDerivative,
    UndefinedHessianAtCoincidentPoints,
    LongHessianAtCoincidentPoints,
    LongHessianAtTinyDistance,
    LongHessianNearTheCutLocus,
    FlatHessian,
    FlatMixed,
    LongMixedNearTheCutLocus,
    FlatLogDet,
    FlatInverse,
    SmallDomain,
    BlindDomain,
    NotCurved,
    LongBasePoints,
    CrowdedPoints,
    HeavyBase,
}

/// A manifold of the library with that fault.
#[derive(Clone, Debug)]
struct Faulty {
    inner: Product,
    fault: Fault,
}

/// A relative error that every law must find.
const SMALL: f64 = 1e-12;

/// The length of a vector, of the first lane.
fn length<S: Scalar>(v: &[S]) -> f64 {
    v.iter().map(|v| v.value().lane(0).powi(2)).sum::<f64>().sqrt()
}

/// Whether the length is tiny, but not zero.
fn is_tiny(length: f64) -> bool {
    length > 0.0 && length < 1e-8
}

impl Faulty {
    /// `x` multiplied by `factor` if this is the fault.
    fn spoil<S: Scalar>(&self, fault: Fault, factor: f64, x: &mut [S]) {
        self.spoil_where(fault, true, factor, x);
    }

    /// The same, where a condition holds.
    fn spoil_where<S: Scalar>(&self, fault: Fault, holds: bool, factor: f64, x: &mut [S]) {
        if self.fault == fault && holds {
            x.iter_mut().for_each(|x| *x *= factor);
        }
    }
}

impl fmt::Display for Faulty {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} with {:?}", self.inner, self.fault)
    }
}

impl Manifold for Faulty {
    fn dim(&self) -> usize {
        self.inner.dim()
    }
    fn ambient(&self) -> usize {
        self.inner.ambient()
    }
    fn origin(&self) -> Vec<f64> {
        let mut origin = self.inner.origin();
        self.spoil(Fault::NoOrigin, 1.1, &mut origin);
        origin
    }
    fn check_point(&self, p: &[f64]) -> Result<(), InvalidPoint> {
        if self.fault == Fault::BlindCheck { Ok(()) } else { self.inner.check_point(p) }
    }
    fn coordinates(&self) -> Vec<Coordinates> {
        match self.fault {
            Fault::TooFewKinds => vec![Coordinates::UnitVector(self.dim())],
            _ => self.inner.coordinates(),
        }
    }
    fn wrap<B: Real>(&self, p: &mut [B]) {
        self.inner.wrap(p);
        self.spoil(Fault::Reflection, -1.0, p);
    }
    fn exp<S: Scalar>(&self, p: &[S], v: &[S], q: &mut [S]) {
        let mut v = v.to_vec();
        self.spoil(Fault::LongExp, 1.0 + SMALL, &mut v);
        self.inner.exp(p, &v, q);
    }
    fn log<S: Scalar>(&self, p: &[S], q: &[S], v: &mut [S]) -> S::Base {
        let mut q = q.to_vec();
        if self.fault == Fault::ShiftedBranch {
            // The branch of the torus, 6e-6 rad from where it should be: the shift is taken back below.
            q[0] += 6e-6;
        }
        let margin = self.inner.log(p, &q, v);
        if self.fault == Fault::ShiftedBranch {
            v[0] -= 6e-6;
        }
        let length = length(v);
        self.spoil(Fault::ShortLog, 1.0 - SMALL, v);
        self.spoil_where(Fault::ShortLogAtTinyDistance, is_tiny(length), 1.0 - 1e-3, v);
        self.spoil_where(Fault::ShortLogNearTheCutLocus, margin.lane(0) < 1e-5, 1.0 - 1e-6, v);
        self.spoil_where(Fault::UndefinedLogAtCoincidentPoints, length == 0.0, f64::NAN, v);
        match self.fault {
            Fault::LateMargin => margin + 1e-6,
            Fault::BlindMargin => S::Base::one(),
            _ => margin,
        }
    }
    fn log_on_cover<S: Scalar>(&self, p: &[S], q: &[S], v: &mut [S]) -> S::Base {
        let margin = self.inner.log_on_cover(p, q, v);
        self.spoil(Fault::ShortLogOnCover, 1.0 - SMALL, v);
        margin
    }
    fn distance<B: Real>(&self, p: &[B], q: &[B]) -> B {
        let mut distance = [self.inner.distance(p, q)];
        let length = distance[0].lane(0);
        self.spoil(Fault::LongDistance, 1.0 + SMALL, &mut distance);
        self.spoil_where(Fault::LongDistanceAtTinyDistance, is_tiny(length), 1.001, &mut distance);
        if self.fault == Fault::LopsidedDistance { distance[0] + p[0] * SMALL } else { distance[0] }
    }
    fn frame<S: Scalar>(&self, p: &[S], mut frame: BlockMut<'_, S>) {
        self.inner.frame(p, frame.block(0, 0));
        for i in 0..self.dim() {
            let row = &mut frame.row_mut(i)[..p.len()];
            self.spoil(Fault::LongFrame, 1.0 + SMALL, row);
            // Another frame, as orthonormal, at angles beyond 2π.
            self.spoil_where(Fault::FrameOfTheRepresentative, length(p) > TAU, -1.0, row);
        }
    }
    fn lower<S: Scalar>(&self, p: &[S], v: &mut [S]) {
        self.inner.lower(p, v);
        self.spoil(Fault::LongCovector, 1.0 + SMALL, v);
    }
    fn to_frame<S: Scalar>(&self, p: &[S], frame: Block<'_, S>, v: &[S], t: &mut [S]) {
        self.inner.to_frame(p, frame, v, t);
    }
    fn transport<S: Scalar>(&self, p: &[S], v: &[S], w: &[S], out: &mut [S]) {
        let mut w = w.to_vec();
        let rotates =
            self.fault == Fault::Twist || self.fault == Fault::TwistOfLongVectors && length(v) > 2.0;
        if rotates {
            rotate_about(p, v, &mut w);
        }
        self.inner.transport(p, v, &w, out);
        self.spoil(Fault::LongTransport, 1.0 + SMALL, out);
        self.spoil_where(Fault::LongTransportAtCoincidentPoints, length(v) == 0.0, 1.0 + SMALL, out);
        if self.fault == Fault::NoTransport {
            out.copy_from_slice(&w);
        }
    }
    fn lift<S: Scalar>(&self, p: &[S::Base], frame: Block<'_, S::Base>, t: &[S], z: &mut [S]) {
        self.inner.lift(p, frame, t, z);
        let u = t.iter().fold(S::zero(), |u, &t| u + t * t);
        for j in 0..z.len() {
            // 0.1 % of the second derivative, −|t|²/2 · p, and of the third, −|t|²/6 · Σ tᵢ Eᵢ.
            match self.fault {
                Fault::QuadraticLift => z[j] -= u.scale(p[j]) * 0.5e-3,
                Fault::CubicLift => {
                    for i in 0..t.len() {
                        z[j] -= (u * t[i]).scale(frame.row(i)[j]) * (1e-3 / 6.0);
                    }
                }
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
        self.inner.lift_derivative(p, frame, t, k, dz);
        if self.fault == Fault::QuadraticLiftDerivative {
            let u = t.iter().fold(S::zero(), |u, &t| u + t * t);
            for j in 0..dz.len() {
                // 0.5 % of the second derivative, −|t|²/2 · E_k.
                dz[j] -= u.scale(frame.row(k)[j]) * 2.5e-3;
            }
        }
    }
}

/// Rotates the tangent vector `w` at `p` of S³ about `v`, by an angle of 1e-3 |v|.
fn rotate_about<S: Scalar>(p: &[S], v: &[S], w: &mut [S]) {
    // The generalised cross product p × v × w is normal to all three, and as long as |v| |w| sin(v, w).
    let cross = |w: &[S]| -> Vec<S> {
        let minor = |a: usize, b: usize, c: usize| {
            p[a] * (v[b] * w[c] - v[c] * w[b]) - p[b] * (v[a] * w[c] - v[c] * w[a])
                + p[c] * (v[a] * w[b] - v[b] * w[a])
        };
        vec![minor(1, 2, 3), -minor(0, 2, 3), minor(0, 1, 3), -minor(0, 1, 2)]
    };
    // The exponential series of the rotation: six terms of 1e-3 |v| each.
    let mut term = w.to_vec();
    for k in 1..=6 {
        term = cross(&term).iter().map(|&x| x * (1e-3 / f64::from(k))).collect();
        for j in 0..w.len() {
            w[j] += term[j];
        }
    }
}

impl Cost for Faulty {
    fn domain_margin<B: Real>(&self, v: &[B]) -> B {
        let margin = self.inner.domain_margin(v);
        match self.fault {
            Fault::SmallDomain => margin - 1e-6,
            Fault::BlindDomain => B::constant(4.0),
            _ => margin,
        }
    }
    fn is_curved(&self) -> bool {
        self.fault != Fault::NotCurved
    }
    fn cost_hessian<S: Scalar>(&self, v: &[S], mut h: BlockMut<'_, S>) {
        let flat = self.fault == Fault::FlatHessian;
        let given: Vec<S> = v.iter().map(|&v| if flat { S::zero() } else { v }).collect();
        self.inner.cost_hessian(&given, h.block(0, 0));
        let (d, length, margin) = (self.dim(), length(v), self.inner.domain_margin(&values(v)).lane(0));
        for i in 0..d {
            let row = &mut h.row_mut(i)[..d];
            self.spoil_where(Fault::UndefinedHessianAtCoincidentPoints, length == 0.0, f64::NAN, row);
            self.spoil_where(Fault::LongHessianAtCoincidentPoints, length == 0.0, 1.0 + SMALL, row);
            self.spoil_where(Fault::LongHessianAtTinyDistance, is_tiny(length), 1.0 + SMALL, row);
            // So small that it shows 1e-3 rad from the cut locus, but not 1e-6, where rounding errors are larger.
            self.spoil_where(Fault::LongHessianNearTheCutLocus, margin < 2e-3, 1.0 + 1e-9, row);
        }
    }
    fn mixed<S: Scalar>(&self, v: &[S], w: &[S], out: &mut [S]) {
        self.inner.mixed(v, w, out);
        let margin = self.inner.domain_margin(&values(v)).lane(0);
        self.spoil_where(Fault::LongMixedNearTheCutLocus, margin < 2e-3, 1.0 + 1e-3, out);
        if self.fault == Fault::FlatMixed {
            out.copy_from_slice(w);
        }
    }
    fn mixed_inverse<S: Scalar>(&self, v: &[S], w: &[S], out: &mut [S]) {
        match self.fault {
            Fault::FlatInverse => out.copy_from_slice(w),
            _ => self.inner.mixed_inverse(v, w, out),
        }
    }
    fn mixed_log_det<S: Scalar>(&self, v: &[S]) -> S {
        if self.fault == Fault::FlatLogDet { S::zero() } else { self.inner.mixed_log_det(v) }
    }
}

/// The values of numbers with derivatives.
fn values<S: Scalar>(v: &[S]) -> Vec<S::Base> {
    v.iter().map(|v| v.value()).collect()
}

impl Base for Faulty {
    fn log_base<S: Scalar>(&self, p: &[S]) -> S {
        let log_base = self.inner.log_base::<S>(p);
        if self.fault == Fault::HeavyBase { log_base + 0.2 } else { log_base }
    }
    fn cube_dim(&self) -> usize {
        self.inner.cube_dim()
    }
    fn base_point(&self, u: &[f64], p: &mut [f64]) {
        let mut u = u.to_vec();
        self.spoil(Fault::CrowdedPoints, 0.8, &mut u);
        self.inner.base_point(&u, p);
        self.spoil(Fault::LongBasePoints, 1.001, p);
    }
    fn log_volume(&self) -> Option<f64> {
        self.inner.log_volume()
    }
}

/// A fault, the manifold that has it, and the law that finds it.
const PLANTED: [(Fault, &str, &str); 43] = [
    (Fault::BlindCheck, "S2", "check_point accepts points and rejects NaN"),
    (Fault::NoOrigin, "S2", "check_point accepts points and rejects NaN"),
    (Fault::TooFewKinds, "S2", "the kinds of coordinates cover the coordinates"),
    (Fault::Reflection, "S2", "wrap keeps the point and is idempotent"),
    (Fault::FrameOfTheRepresentative, "T1", "wrap keeps the frame"),
    (Fault::ShortLog, "S2", "log inverts exp"),
    (Fault::ShortLogAtTinyDistance, "S2", "log inverts exp"),
    (Fault::ShortLogNearTheCutLocus, "S2", "log inverts exp"),
    (Fault::UndefinedLogAtCoincidentPoints, "S2", "log inverts exp"),
    (Fault::ShiftedBranch, "T1", "log inverts exp"),
    (Fault::ShortLogOnCover, "S2", "log on the cover inverts exp"),
    (Fault::LongExp, "S2", "exp inverts log"),
    (Fault::LongDistance, "S2", "the length of log is the distance"),
    (Fault::LongDistanceAtTinyDistance, "S2", "the length of log is the distance"),
    (Fault::LopsidedDistance, "S2", "the distance is symmetric and shorter than any detour"),
    (Fault::LateMargin, "S2", "log reports the cut locus"),
    (Fault::BlindMargin, "R2", "log leaves no margin to what is not finite"),
    (Fault::LongFrame, "S2", "the frame is orthonormal and tangent"),
    (Fault::LongCovector, "S2", "lower gives the inner product of to_frame"),
    (Fault::LongTransport, "S2", "transport is an isometry, undone on the way back"),
    (Fault::LongTransportAtCoincidentPoints, "S2", "transport is an isometry, undone on the way back"),
    (Fault::TwistOfLongVectors, "S3", "transport along halves is transport along the whole"),
    (Fault::NoTransport, "S2", "transport carries v to minus the log back"),
    (Fault::Twist, "S3", "transport is parallel at its start"),
    (Fault::QuadraticLift, "S2", "lift agrees with exp to third order"),
    (Fault::CubicLift, "S2", "lift agrees with exp to third order"),
    (Fault::QuadraticLiftDerivative, "S2", "lift_derivative moves the lift to second order"),
    (Fault::FlatHessian, "S2", "cost_hessian is the derivative of minus the log"),
    (Fault::UndefinedHessianAtCoincidentPoints, "S2", "cost_hessian is the derivative of minus the log"),
    (Fault::LongHessianAtCoincidentPoints, "S2", "cost_hessian is the derivative of minus the log"),
    (Fault::LongHessianAtTinyDistance, "S2", "cost_hessian is the derivative of minus the log"),
    (Fault::LongHessianNearTheCutLocus, "S2", "cost_hessian is the derivative of minus the log"),
    (Fault::FlatMixed, "S2", "mixed is the derivative of the log in its end"),
    (Fault::LongMixedNearTheCutLocus, "S2", "mixed is the derivative of the log in its end"),
    (Fault::FlatInverse, "S2", "mixed_inverse inverts mixed"),
    (Fault::FlatLogDet, "S2", "mixed_log_det is the log-determinant of mixed"),
    (Fault::SmallDomain, "S2", "domain_margin is at least the margin of log"),
    (Fault::BlindDomain, "S2", "domain_margin is not positive where v is not finite"),
    (Fault::NotCurved, "S2", "the cost of a manifold that is not curved is quadratic"),
    (Fault::LongBasePoints, "S2", "base points are points"),
    (Fault::CrowdedPoints, "S2", "base points have the base density"),
    (Fault::HeavyBase, "S2", "the base density of a finite volume is uniform"),
    (Fault::HeavyBase, "R2", "base points have the base density"),
];

const SEED: u64 = 1;

#[test]
fn every_law_finds_the_faults_planted_for_it() {
    for (fault, name, law) in PLANTED {
        let violations = check::violations(&Faulty { inner: manifold(name), fault }, SEED);
        let found: Vec<_> = violations.iter().map(|violation| violation.law).collect();
        assert!(found.contains(&law), "{fault:?} on {name}, seed {SEED}, broke only {found:?}");
    }
}

#[test]
fn every_law_has_a_fault_planted_for_it() {
    for law in check::laws::<Faulty>() {
        assert!(PLANTED.iter().any(|(_, _, finder)| *finder == law.name), "{}", law.name);
    }
}

#[test]
fn a_manifold_without_a_fault_breaks_no_law() {
    for name in ["T1", "R2", "S2", "S3"] {
        assert_eq!(check::violations(&Faulty { inner: manifold(name), fault: Fault::None }, SEED), []);
    }
}
