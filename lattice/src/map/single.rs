//! Derivatives of psi at one point, with matrices in full: for samples that are looked at one at a time.

use nalgebra::{DMatrix, DVector};

use crate::charges::Charges;
use crate::factor::Ldl;
use crate::potential::LatticePotential;
use crate::program::{At, Contraction, Harmonics, Local, Program};

/// A potential with its parameters, at one point.
#[derive(Clone, Copy, Debug)]
pub(super) struct Single<'a> {
    pub potential: &'a LatticePotential,
    pub program: &'a Program,
    pub theta: &'a [f64],
    pub y: &'a [f64],
}

impl Single<'_> {
    /// `grad psi` and `H` in an orthonormal frame of the metric: `L⁻¹ ∂psi` and `L⁻¹ H L⁻ᵀ`, where `G = L Lᵀ`.
    pub(super) fn derivatives(&self) -> (DVector<f64>, DMatrix<f64>) {
        let (mut gradient, mut h) = self.derivatives_by_angles();
        if let Some(metric) = &self.program.metric {
            let l = &metric.cholesky;
            l.solve_lower_triangular_mut(&mut gradient);
            l.solve_lower_triangular_mut(&mut h);
            h.transpose_mut();
            l.solve_lower_triangular_mut(&mut h);
            h.transpose_mut();
        }
        (gradient, h)
    }

    /// `∂psi` and `H`.
    fn derivatives_by_angles(&self) -> (DVector<f64>, DMatrix<f64>) {
        match self.potential {
            LatticePotential::Charges(charges) => self.derivatives_of_charges(charges),
            LatticePotential::Windows(_) => {
                let mut local = Local::<f64>::default();
                local.evaluate(self.program, self.theta, &Harmonics::default(), self.y);
                (DVector::from_column_slice(&local.gradient), self.matrix(&local.h))
            }
        }
    }

    /// Derivatives of `−omega G : Hess psi` with `G` held fixed, in the point and in the parameters.
    pub(super) fn contract(&self, g: &DMatrix<f64>, omega: f64) -> (DVector<f64>, Vec<f64>) {
        match self.potential {
            LatticePotential::Charges(charges) => self.contract_charges(charges, g, omega),
            LatticePotential::Windows(_) => {
                let mut contraction = Contraction::default();
                contraction.begin(self.program);
                contraction.add_curvature(&self.at(&Harmonics::default()), &self.entries(g), omega);
                (DVector::from_vec(contraction.points), contraction.theta)
            }
        }
    }

    /// Adds the derivatives of `−w · grad psi` in the parameters.
    pub(super) fn add_slope(&self, w: &DVector<f64>, of_theta: &mut [f64]) {
        match self.potential {
            LatticePotential::Charges(charges) => {
                for m in 0..charges.terms() {
                    let (s, _) = sin_cos(charges, m, self.y);
                    let along: f64 =
                        charges.charge(m).iter().map(|&(i, q)| w[i as usize] * f64::from(q)).sum();
                    of_theta[charges.class(m)] += s * along * charges.weight(m);
                }
            }
            LatticePotential::Windows(_) => {
                let mut contraction = Contraction::default();
                contraction.begin(self.program);
                contraction.add_slope(&self.at(&Harmonics::default()), w.as_slice());
                of_theta.iter_mut().zip(contraction.theta).for_each(|(sum, of)| *sum += of);
            }
        }
    }

    fn at<'b>(&'b self, harmonics: &'b Harmonics<f64>) -> At<'b, f64> {
        At { program: self.program, a: self.theta, harmonics, y: self.y }
    }

    /// A matrix in full from its entries in the places of `H`.
    fn matrix(&self, entries: &Ldl<f64>) -> DMatrix<f64> {
        let s = &self.program.symbolic;
        let mut h = DMatrix::zeros(s.size(), s.size());
        for j in 0..s.size() {
            let column = s.order[j] as usize;
            h[(column, column)] = entries.diagonal[j];
            for e in s.columns[j]..s.columns[j + 1] {
                let row = s.order[s.rows[e] as usize] as usize;
                (h[(row, column)], h[(column, row)]) = (entries.lower[e], entries.lower[e]);
            }
        }
        h
    }

    /// The entries of a matrix in the places of `H`.
    fn entries(&self, matrix: &DMatrix<f64>) -> Ldl<f64> {
        let s = &self.program.symbolic;
        let mut entries = Ldl::default();
        entries.set_identity(s, 0);
        for j in 0..s.size() {
            let column = s.order[j] as usize;
            entries.diagonal[j] = matrix[(column, column)];
            for e in s.columns[j]..s.columns[j + 1] {
                entries.lower[e] = matrix[(s.order[s.rows[e] as usize] as usize, column)];
            }
        }
        entries
    }

    fn derivatives_of_charges(&self, charges: &Charges) -> (DVector<f64>, DMatrix<f64>) {
        let n = charges.sites();
        let metric = self.program.metric.as_ref();
        let mut h =
            metric.map_or_else(|| DMatrix::identity(n, n), |of| &of.cholesky * of.cholesky.transpose());
        let mut gradient = DVector::zeros(n);
        for m in 0..charges.terms() {
            let (q, (s, c)) = (charges.charge(m), sin_cos(charges, m, self.y));
            let a = self.coefficient(charges, m);
            for &(i, qi) in q {
                gradient[i as usize] -= a * s * f64::from(qi);
                for &(j, qj) in q {
                    h[(i as usize, j as usize)] -= a * c * f64::from(qi * qj);
                }
            }
        }
        (gradient, h)
    }

    fn contract_charges(&self, charges: &Charges, g: &DMatrix<f64>, omega: f64) -> (DVector<f64>, Vec<f64>) {
        let (mut slope, mut of_theta) = (DVector::zeros(charges.sites()), vec![0.0; self.theta.len()]);
        for m in 0..charges.terms() {
            let (q, (s, c)) = (charges.charge(m), sin_cos(charges, m, self.y));
            let mut form = 0.0;
            for &(i, qi) in q {
                for &(j, qj) in q {
                    form += g[(i as usize, j as usize)] * f64::from(qi * qj);
                }
            }
            of_theta[charges.class(m)] += omega * c * form * charges.weight(m);
            for &(i, q) in q {
                slope[i as usize] -= omega * self.coefficient(charges, m) * s * form * f64::from(q);
            }
        }
        (slope, of_theta)
    }

    /// The coefficient of a term's cosine.
    fn coefficient(&self, charges: &Charges, term: usize) -> f64 {
        self.theta[charges.class(term)] * charges.weight(term)
    }
}

/// Sine and cosine of a term's phase.
fn sin_cos(charges: &Charges, term: usize, y: &[f64]) -> (f64, f64) {
    charges.charge(term).iter().map(|&(i, q)| f64::from(q) * y[i as usize]).sum::<f64>().sin_cos()
}
