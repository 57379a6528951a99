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

/// The spectrum of one sample's `H`, and the floor.
#[derive(Clone, Debug)]
pub(super) struct Clamped {
    vectors: DMatrix<f64>,
    values: DVector<f64>,
    /// `L` of the metric `G = L Lᵀ`, in whose frame `H` is; none of the metric `I`.
    frame: Option<DMatrix<f64>>,
    floor: f64,
}

impl Clamped {
    fn new(h: DMatrix<f64>, frame: Option<DMatrix<f64>>, floor: f64) -> Self {
        let SymmetricEigen { eigenvectors: vectors, eigenvalues: values } = h.symmetric_eigen();
        Self { vectors, values, frame, floor }
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

    /// `G w`.
    fn in_metric(&self, w: DVector<f64>) -> DVector<f64> {
        self.frame.as_ref().map_or(w.clone(), |l| l * (l.transpose() * w))
    }

    /// `G⁻¹ w`.
    fn without_metric(&self, mut w: DVector<f64>) -> DVector<f64> {
        if let Some(l) = &self.frame {
            l.solve_lower_triangular_mut(&mut w);
            l.tr_solve_lower_triangular_mut(&mut w);
        }
        w
    }

    /// Pulls the cotangents of one sample back: see [`super::pull_back`].
    pub(super) fn pull_back(
        &self,
        map: &LatticeMap,
        (direction, theta): (Direction, &[f64]),
        (record, sample): (&Record, usize),
        cotangents: Cotangents<'_>,
        into: &mut Gradients<'_>,
    ) {
        let n = map.program.sites;
        let range: Range<usize> = sample * n..(sample + 1) * n;
        let (at, samples) = (map.single(theta, &record.y[range.clone()]), record.samples());
        let bar = DVector::from_column_slice(&cotangents.points[range.clone()]);
        let mut inverse = self.apply(|l| 1.0 / l.max(self.floor));
        let mut multiplied = self.apply(|l| l);
        if let Some(l) = &self.frame {
            let back = |b: &DMatrix<f64>| l.tr_solve_lower_triangular(b).expect("a diagonal without zeros");
            inverse = back(&back(&inverse).transpose());
            multiplied = l * multiplied * l.transpose();
        }
        let (slope, mut of_theta) = at.contract(&inverse, cotangents.log_det[sample]);
        let (w, out) = match direction {
            Direction::Forward => {
                let w = &inverse * (bar + slope);
                (w.clone(), self.in_metric(w))
            }
            Direction::Inverse => {
                let u = self.without_metric(bar);
                (-&u, multiplied * &u + slope)
            }
        };
        at.add_slope(&w, &mut of_theta);
        into.points[range].copy_from_slice(out.as_slice());
        for (parameter, of) in of_theta.into_iter().enumerate() {
            match &mut into.theta {
                ThetaGradient::Sum(sum) => sum[parameter] += of,
                ThetaGradient::Each(columns) => columns[parameter * samples + sample] += of,
            }
        }
    }
}

/// Clamps the eigenvalues of every sample's `H`: see [`ircpm_flow::Map::clamp_eigenvalues`].
pub(super) fn clamp_eigenvalues(map: &LatticeMap, floor: f64, record: &mut Record, lowest: &mut [f64]) {
    let n = map.program.sites;
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
        let (_, h) = map.single(&saved.theta, y).derivatives();
        record.ok[s] = h.iter().chain(y).chain(&record.x[s * n..(s + 1) * n]).all(|v| v.is_finite());
        if record.ok[s] {
            let frame = map.program.metric.as_ref().map(|metric| metric.cholesky.clone());
            let clamped = Clamped::new(h, frame, floor);
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
