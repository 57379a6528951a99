//! The mass from points of a mixture of base, model and data.
//!
//! A point `y` of the model's component has the density `q(y)` where the map comes back to it, `T(S(y)) = y`, and none
//! elsewhere. With `n_k` points of each component of density `p_k`, the sum of `q(yᵢ)/Σ_k n_k p_k(yᵢ)` over all points
//! is an unbiased estimate of `∫ q` (Veach & Guibas 1995, *Optimally combining sampling techniques*), and no term
//! exceeds the inverse of the model's number wherever the map comes back: a narrow peak does not spoil it. A peak that
//! the map never comes to has terms of its own from base and data.

use rayon::prelude::*;

use super::fold::Survey;
use super::kernels::Kernels;
use super::mass::Mass;
use super::{EvaluationError, MASS, SHIFTS, Subject, stream};
use crate::estimate::Estimate;
use crate::points::{Generator, Sequence, Spread, base_points};

/// Share of the uniform points that each component gets.
const SHARE: usize = 4;

/// The integral from [`SHIFTS`] independent sets of points.
pub(super) fn mass(subject: &Subject<'_>, survey: &mut Survey) -> Result<Mass, EvaluationError> {
    let (manifold, data) = (subject.flow.manifold(), subject.data());
    let kernels = Kernels::new(manifold, &data.points);
    let count = (subject.settings.uniform / SHARE / SHIFTS).max(1);
    let mut rng = Generator::from_seed(stream(subject.settings.seed, MASS));
    let sequence = Sequence::new(Spread::Kronecker, count, manifold.cube_dim());
    let (mut means, mut reversed, mut unmeasured) = (vec![], 0.0, 0);
    for _ in 0..SHIFTS {
        let mut y = base_points(manifold, &sequence, &mut rng);
        if let Some(kernels) = &kernels {
            y.extend((0..count).filter_map(|_| kernels.draw(&mut rng)).flatten());
        }
        let x = base_points(manifold, &sequence, &mut rng);
        let set = Set { subject, kernels: kernels.as_ref(), count: count as f64 };
        let found = set.integrate(y, &x, survey)?;
        means.push(found.0);
        reversed += found.1 / SHIFTS as f64;
        unmeasured += found.2;
    }
    let Estimate { value, standard_error } = Estimate::mean_of(&means);
    Ok(Mass { value, standard_error: Some(standard_error), resolution: None, reversed, unmeasured })
}

/// One set of points.
struct Set<'a> {
    subject: &'a Subject<'a>,
    kernels: Option<&'a Kernels<'a>>,
    /// Points of each component.
    count: f64,
}

impl Set<'_> {
    /// The integral, its part with negative determinants, and the number of points without a density, from points `y`
    /// of base and data and the images of base points `x`.
    fn integrate(
        &self,
        mut y: Vec<f64>,
        x: &[f64],
        survey: &mut Survey,
    ) -> Result<(f64, f64, usize), EvaluationError> {
        let manifold = self.subject.flow.manifold();
        let n = manifold.ambient();
        let given = y.len() / n;
        y.extend(self.subject.push(x, survey)?);
        let found = self.subject.survey(&y, survey)?;
        let mut reached = self.subject.reached(&y[..given * n], &found, survey)?;
        reached.resize(y.len() / n, true);
        // Terms are summed in their order, so that any number of threads gives the same bits.
        let terms: Vec<f64> = (0..y.len() / n)
            .into_par_iter()
            .map(|i| {
                let (point, log_q) = (&y[i * n..(i + 1) * n], found.log_q[i]);
                if log_q.is_nan() {
                    return 0.0;
                }
                let of_model = if reached[i] { log_q } else { f64::NEG_INFINITY };
                let of_data = self.kernels.map_or(f64::NEG_INFINITY, |k| k.density(point).ln());
                (log_q - self.count.ln() - log_sum([manifold.log_base(point), of_model, of_data])).exp()
            })
            .collect();
        let reversed = terms.iter().zip(&found.sign).filter(|(_, sign)| **sign < 0.0).map(|(t, _)| t).sum();
        Ok((terms.iter().sum(), reversed, found.log_q.iter().filter(|l| l.is_nan()).count()))
    }
}

/// `log Σ exp`, without overflow.
fn log_sum(logs: [f64; 3]) -> f64 {
    let largest = logs.into_iter().fold(f64::NEG_INFINITY, f64::max);
    if largest == f64::NEG_INFINITY {
        // No component comes here, so no point does.
        return f64::INFINITY;
    }
    largest + logs.into_iter().map(|l| (l - largest).exp()).sum::<f64>().ln()
}
