//! Levenberg–Marquardt: damped Gauss–Newton steps on residuals at fresh points.

use std::ops::Range;

use ircpm_flow::Jacobian;
use nalgebra::DVector;

use super::{
    Check, Harmed, LeastSquares, Objective, Optimiser, Squares, StateError, StepReport, Tensors, tensor,
};
use crate::least_squares::{ColumnSource, Form, JacobianRows, System, divided, gathered};
use crate::loss::{LossError, check_solves};

/// Levenberg–Marquardt with geodesic acceleration and an independent check.
///
/// One step takes fresh points; residuals `r` and Jacobian `J` there; `δ = −(JᵀΠJ + nμD)⁻¹ JᵀΠ r`
/// ([`crate::least_squares`]); the curve's second derivative `r″` along `δ` by a difference, and with the factor at
/// hand the correction `−½ (JᵀΠJ + nμD)⁻¹ JᵀΠ r″`, which follows the geodesic instead of its tangent (Transtrum & Sethna
/// 2012, arXiv:1201.5885). A step is taken if the sum of squares falls by a fair share of what was predicted *and*
/// falls on check points that the step has not seen; else the damping `μ` grows. Before it grows because of check points
/// alone, the step is tried again with the rows of those that it harms, in the normal equations of an objective that looks
/// for such ([`LeastSquares::harmed`]). Deviations: (1) the damping matrix `D` is between the unit matrix and Moré's, (2)
/// a correction that is too long is left out rather than the step, which its own test judges, (3) the correction leaves
/// out the second derivative at added rows.
#[derive(Clone, Debug)]
pub struct LevenbergMarquardt {
    /// Damping `μ`; not positive before the first step.
    damping: f64,
    jacobian: Jacobian,
}

/// Most tries of a step.
const TRIES: usize = 7;
/// Most times that the rows of harmed points are added in one step.
const ADDITIONS: usize = 3;
/// Share of the predicted decrease that a step must deliver.
const SUFFICIENT: f64 = 0.1;
/// Most damping after a step that is taken, in mean squares of the residuals: where only damping helps against harm at check
/// points, and where rows of harmed points are added. Damping that rejections by check points have raised far
/// does not fit the next points.
const MOST_DAMPING: [f64; 2] = [1.0, 10.0];
/// Part of the step over which the second derivative is taken.
const DIFFERENCE: f64 = 0.1;
/// Longest correction, relative to the step.
const LONGEST_CORRECTION: f64 = 0.75;

/// A point that was tried.
struct Trial {
    theta: DVector<f64>,
    squares: f64,
    check: Check,
    predicted: f64,
}

impl LevenbergMarquardt {
    /// Name in the table.
    pub const NAME: &'static str = "levenberg-marquardt";

    /// An optimiser before its first step.
    pub fn new() -> Self {
        Self { damping: 0.0, jacobian: Jacobian::default() }
    }

    /// The end of the curve with damping `mu` from residuals `r`, whose `gradient` is that of [`System::gradient`] and of
    /// added rows; none if no factor or no residual exists there.
    fn attempt(
        mu: f64,
        (system, r, gradient): (&System<'_>, &DVector<f64>, &DVector<f64>),
        theta: &DVector<f64>,
        on: &dyn LeastSquares,
    ) -> Option<Trial> {
        let damped = system.damped(mu)?;
        let mut step = damped.step_along(r, gradient);
        let slope = gradient.dot(&step);
        // |Πr|² − |Π(r + Jδ)|² = −2 gᵀδ − δᵀJᵀΠJδ, and the last term is −gᵀδ − nμ δᵀDδ. With added rows this is the fall of
        // their squares as well, which asks more of the step's own points.
        let predicted = mu * system.length_squared(&step) - slope / system.samples() as f64;
        if let Some(ahead) = on.at((theta + DIFFERENCE * &step).as_slice()) {
            let curvature = ((ahead.value - r) / DIFFERENCE - system.times(&step)) * (2.0 / DIFFERENCE);
            let correction = damped.step(&curvature);
            if 0.5 * correction.norm() < LONGEST_CORRECTION * step.norm() {
                step.axpy(0.5, &correction, 1.0);
            }
        }
        let theta = theta + step;
        let squares = on.at(theta.as_slice())?.mean_square;
        let check = on.check(theta.as_slice())?;
        Some(Trial { theta, squares, check, predicted })
    }
}

/// The equations of a step, with the rows that are added to them.
struct Equations<'a> {
    system: System<'a>,
    gradient: DVector<f64>,
    /// Check points whose rows were added, and how often such were added.
    harmed: Vec<usize>,
    additions: usize,
    /// Whether rows may be added.
    takes_rows: bool,
}

impl Equations<'_> {
    /// Adds the rows of the check points that a try has harmed, unless that was done [`ADDITIONS`] times. Says whether there
    /// were such.
    fn add_harmed(&mut self, start: &DVector<f64>, trial: &Trial, on: &dyn LeastSquares) -> bool {
        if !self.takes_rows || self.additions == ADDITIONS {
            return false;
        }
        self.additions += 1;
        let harmed = on.harmed(start.as_slice(), trial.theta.as_slice(), &self.harmed);
        if let Some(Harmed { points, value, jacobian }) = &harmed {
            self.system.add(jacobian);
            self.gradient += JacobianRows::stored(jacobian).transposed_times(value);
            self.harmed.extend(points);
        }
        harmed.is_some()
    }
}

impl LevenbergMarquardt {
    /// The first of [`TRIES`] steps that delivers at its own points and at the check points; none if none does. Leaves the
    /// damping of the next step, or that of the last try.
    ///
    /// After a try that delivers at its own points alone, the rows of the check points that it harms are added, and damping
    /// stays. It grows where there are no such points, and after a try that does not deliver at its own points.
    fn search(
        &mut self,
        equations: &mut Equations<'_>,
        start: &Squares,
        check: Check,
        theta: &DVector<f64>,
        on: &dyn LeastSquares,
    ) -> Option<Trial> {
        let gain = |t: &Trial| (start.mean_square - t.squares) / t.predicted;
        let mut growth = 4.0;
        for _ in 0..TRIES {
            let present = (&equations.system, &start.value, &equations.gradient);
            if let Some(trial) = Self::attempt(self.damping, present, theta, on)
                && gain(&trial) > SUFFICIENT
            {
                if trial.check.improves_on(check) {
                    let most = MOST_DAMPING[usize::from(equations.takes_rows)] * start.mean_square;
                    self.damping = relaxed(self.damping, gain(&trial)).min(most);
                    return Some(trial);
                }
                if equations.add_harmed(theta, &trial, on) {
                    continue;
                }
            }
            self.damping *= growth;
            growth *= 1.5;
        }
        None
    }
}

impl Default for LevenbergMarquardt {
    fn default() -> Self {
        Self::new()
    }
}

/// Damping after a step that delivered this share of its prediction.
fn relaxed(mu: f64, gain: f64) -> f64 {
    mu * match gain {
        g if g > 0.9 => 0.4,
        g if g > 0.6 => 0.7,
        g if g > 0.25 => 1.0,
        _ => 2.0,
    }
}

impl Optimiser for LevenbergMarquardt {
    fn name(&self) -> &'static str {
        Self::NAME
    }

    fn step(
        &mut self,
        theta: &mut [f64],
        objective: &mut dyn Objective,
        _: usize,
    ) -> Result<StepReport, LossError> {
        objective.refresh(theta)?;
        // Training removes folds, so only solves that do not converge count here.
        let stats = objective.stats();
        check_solves(stats.unconverged, stats.points)?;
        let on = objective.least_squares().ok_or(LossError::NoResiduals)?;
        let (Some(start), Some(check)) = (on.at(theta), on.check(theta)) else {
            return Err(LossError::Value(f64::NAN));
        };
        let form = Form::choose(on.samples(), theta.len());
        let mut jacobian = std::mem::take(&mut self.jacobian);
        let source = Linearised { on, theta, at: &start };
        let (samples, ranks) = (on.samples(), on.ranks());
        let rows = match form {
            Form::MatrixFree => JacobianRows::computed(samples, theta.len(), &source).shared_by(ranks),
            Form::Normal if !ranks.is_alone() => {
                jacobian = divided(&source, samples, theta.len(), ranks);
                JacobianRows::divided(samples, &jacobian, ranks)
            }
            Form::Kernel if !ranks.is_alone() => {
                jacobian = gathered(&source, samples, theta.len(), ranks);
                JacobianRows::stored(&jacobian).shared_by(ranks)
            }
            Form::Normal | Form::Kernel => {
                on.jacobian(theta, &start, &mut jacobian);
                JacobianRows::stored(&jacobian)
            }
        };
        let system = System::new(form, rows, &start.nuisance);
        let gradient = system.gradient(&start.value);
        let takes_rows = on.looks_for_harm() && form == Form::Normal;
        let mut equations = Equations { system, gradient, harmed: Vec::new(), additions: 0, takes_rows };
        if self.damping <= 0.0 {
            self.damping = start.mean_square;
        }
        let origin = DVector::from_column_slice(theta);
        let taken = self.search(&mut equations, &start, check, &origin, on);
        let harmed = equations.harmed;
        self.jacobian = jacobian;
        let (damping, squares) = (self.damping, taken.as_ref().map_or(start.mean_square, |t| t.squares));
        let points = on.samples();
        match taken {
            Some(trial) => {
                // A step that helps at its own points but not at others has fitted the points: then more are needed.
                let (here, there) =
                    (trial.squares / start.mean_square, trial.check.mean_square / check.mean_square);
                theta.copy_from_slice(trial.theta.as_slice());
                objective.accepted(1.0 - there >= 0.3 * (1.0 - here), &harmed);
            }
            None => {
                // Damping that so many rejections have raised does not fit the next points.
                self.damping = start.mean_square;
                objective.accepted(false, &harmed);
            }
        }
        let squares = Some(squares.sqrt());
        let loss = check.mean_square;
        Ok(StepReport {
            loss,
            damping: Some(damping),
            residual: squares,
            points,
            stats,
            ..StepReport::default()
        })
    }

    fn state(&self) -> Tensors {
        Tensors::from([("damping".to_owned(), vec![self.damping])])
    }

    fn restore(&mut self, state: &Tensors) -> Result<(), StateError> {
        self.damping = tensor(state, "damping", Some(1), |x| x.is_finite() && x >= 0.0)?[0];
        Ok(())
    }
}

/// Residuals at fixed parameters, as a source of columns.
struct Linearised<'a> {
    on: &'a dyn LeastSquares,
    theta: &'a [f64],
    at: &'a Squares,
}

impl ColumnSource for Linearised<'_> {
    fn columns(&self, samples: Range<usize>, columns: &mut [f64]) {
        self.on.columns(self.theta, self.at, samples, columns);
    }
}
