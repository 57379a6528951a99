//! Samples with an eigenvalue of `H` below a floor, one at a time and with `H` in full.
//!
//! `log det H = Σ log λ` is continued below the floor `ε` by the tangent, `log ε + (λ − ε)/ε`, whose derivative is
//! `1/max(λ, ε)`. So in the derivatives of the log-determinant `V max(Λ, ε) Vᵀ` stands for `H`; where `H` is the
//! derivative of the inverse map it stays what it is.

use std::ops::Range;

use ircpm_flow::{Cotangents, Direction, Gradients, Record, ThetaGradient};
use nalgebra::{DMatrix, DVector, SymmetricEigen};

use super::LatticeMap;
use super::eigenvalues::Exceeding;
use super::saved::Parameters;
use crate::charges::Charges;

/// The spectrum of one sample's `H`, and the floor.
#[derive(Clone, Debug)]
pub(super) struct Clamped {
    vectors: DMatrix<f64>,
    values: DVector<f64>,
    floor: f64,
}

/// `H` at one point.
pub(super) fn hessian(charges: &Charges, theta: &[f64], y: &[f64]) -> DMatrix<f64> {
    let mut h = DMatrix::identity(charges.sites(), charges.sites());
    for m in 0..charges.terms() {
        let (q, (_, c)) = (charges.charge(m), sin_cos(charges, m, y));
        for &(i, qi) in q {
            for &(j, qj) in q {
                h[(i as usize, j as usize)] -= coefficient(charges, theta, m) * c * f64::from(qi * qj);
            }
        }
    }
    h
}

/// Writes `grad psi` at one point.
pub(super) fn gradient(charges: &Charges, theta: &[f64], y: &[f64], out: &mut [f64]) {
    out.fill(0.0);
    for m in 0..charges.terms() {
        let (s, _) = sin_cos(charges, m, y);
        for &(i, q) in charges.charge(m) {
            out[i as usize] -= coefficient(charges, theta, m) * s * f64::from(q);
        }
    }
}

/// The coefficient of a term's cosine.
fn coefficient(charges: &Charges, theta: &[f64], term: usize) -> f64 {
    theta[charges.class(term)] * charges.weight(term)
}

/// Sine and cosine of a term's phase.
fn sin_cos(charges: &Charges, term: usize, y: &[f64]) -> (f64, f64) {
    charges.charge(term).iter().map(|&(i, q)| f64::from(q) * y[i as usize]).sum::<f64>().sin_cos()
}

impl Clamped {
    fn new(h: DMatrix<f64>, floor: f64) -> Self {
        let SymmetricEigen { eigenvectors: vectors, eigenvalues: values } = h.symmetric_eigen();
        Self { vectors, values, floor }
    }

    /// The eigenvalues through a function, as a matrix.
    fn apply(&self, f: impl Fn(f64) -> f64) -> DMatrix<f64> {
        &self.vectors * DMatrix::from_diagonal(&self.values.map(f)) * self.vectors.transpose()
    }

    /// The clamped matrix.
    pub(super) fn matrix(&self) -> DMatrix<f64> {
        self.apply(|l| l.max(self.floor))
    }

    /// The smallest eigenvalue of the clamped matrix.
    pub(super) fn smallest(&self) -> f64 {
        self.values.min().max(self.floor)
    }

    /// `log det`, continued below the floor.
    fn log_det(&self) -> f64 {
        let floor = self.floor;
        self.values.iter().map(|&l| if l < floor { floor.ln() + (l - floor) / floor } else { l.ln() }).sum()
    }

    /// Pulls the cotangents of one sample back: see [`super::pull_back`].
    pub(super) fn pull_back(
        &self,
        charges: &Charges,
        (direction, theta): (Direction, &[f64]),
        (record, sample): (&Record, usize),
        cotangents: Cotangents<'_>,
        into: &mut Gradients<'_>,
    ) {
        let n = charges.sites();
        let range: Range<usize> = sample * n..(sample + 1) * n;
        let (y, samples) = (&record.y[range.clone()], record.samples());
        let bar = DVector::from_column_slice(&cotangents.points[range.clone()]);
        let omega = cotangents.log_det[sample];
        let inverse = self.apply(|l| 1.0 / l.max(self.floor));
        let mut slope = DVector::zeros(n);
        let mut of_theta = vec![0.0; theta.len()];
        for m in 0..charges.terms() {
            let (q, (s, c)) = (charges.charge(m), sin_cos(charges, m, y));
            let mut form = 0.0;
            for &(i, qi) in q {
                for &(j, qj) in q {
                    form += inverse[(i as usize, j as usize)] * f64::from(qi * qj);
                }
            }
            of_theta[charges.class(m)] += omega * c * form * charges.weight(m);
            for &(i, q) in q {
                slope[i as usize] -= omega * coefficient(charges, theta, m) * s * form * f64::from(q);
            }
        }
        let (w, out) = match direction {
            Direction::Forward => {
                let w = &inverse * (bar + slope);
                (w.clone(), w)
            }
            Direction::Inverse => (-&bar, self.apply(|l| l) * &bar + slope),
        };
        for m in 0..charges.terms() {
            let (s, _) = sin_cos(charges, m, y);
            let along: f64 = charges.charge(m).iter().map(|&(i, q)| w[i as usize] * f64::from(q)).sum();
            of_theta[charges.class(m)] += s * along * charges.weight(m);
        }
        into.points[range].copy_from_slice(out.as_slice());
        for (class, of) in of_theta.into_iter().enumerate() {
            match &mut into.theta {
                ThetaGradient::Sum(sum) => sum[class] += of,
                ThetaGradient::Each(columns) => columns[class * samples + sample] += of,
            }
        }
    }
}

/// Clamps the eigenvalues of every sample's `H`: see [`ircpm_flow::Map::clamp_eigenvalues`].
pub(super) fn clamp_eigenvalues(map: &LatticeMap, floor: f64, record: &mut Record, lowest: &mut [f64]) {
    let n = map.charges.sites();
    let mut saved = std::mem::take(record.saved_mut().get_mut::<Parameters>());
    let a = map.coefficients(&saved.theta);
    let mut exceeding = vec![false; record.samples()];
    map.isa.dispatch(Exceeding { map, a: &a, points: &record.y, floor, out: &mut exceeding });
    for (s, lowest) in lowest.iter_mut().enumerate() {
        *lowest = floor;
        if record.ok[s] && exceeding[s] {
            continue;
        }
        let y = &record.y[s * n..(s + 1) * n];
        let h = hessian(&map.charges, &saved.theta, y);
        record.ok[s] = h.iter().chain(y).chain(&record.x[s * n..(s + 1) * n]).all(|v| v.is_finite());
        if record.ok[s] {
            let clamped = Clamped::new(h, floor);
            record.log_det[s] = -clamped.log_det();
            record.ok[s] = record.log_det[s].is_finite();
            *lowest = clamped.values.min().min(floor);
            saved.clamped.insert(s, clamped);
        }
        if !record.ok[s] {
            *lowest = f64::NAN;
        }
    }
    *record.saved_mut().get_mut::<Parameters>() = saved;
}
