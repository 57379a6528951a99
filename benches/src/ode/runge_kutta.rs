//! One step of the classical Runge–Kutta method, and its pull-back.
//!
//! On a sphere the method runs in ambient coordinates, on the field that is constant along rays: stages are brought to
//! the sphere before the field is evaluated, and so is the end. A solution of that field stays on the sphere, so the
//! order of the method, four, is kept (Hairer, Lubich & Wanner, *Geometric Numerical Integration*, section IV.4).

use ircpm_ad::Real;
use ircpm_manifolds::Manifold;

use super::field::{Field, FieldWorkspace, Stage};

/// Number of evaluations of the field per step.
pub(super) const STAGES: usize = 4;
/// Where stage `i` lies, in units of the step, along the velocity of stage `i − 1`.
const NODES: [f64; STAGES] = [0.0, 0.5, 0.5, 1.0];
/// Weights of the velocities.
const WEIGHTS: [f64; STAGES] = [1.0 / 6.0, 1.0 / 3.0, 1.0 / 3.0, 1.0 / 6.0];

/// Memory of steps.
pub(super) struct StepWorkspace<R: Real, const D: usize> {
    pub field: FieldWorkspace<R, D>,
    /// An ambient vector, or its cotangent.
    vector: Vec<R>,
    start_bar: Vec<R>,
    velocity_bar: Vec<R>,
}

impl<R: Real, const D: usize> Default for StepWorkspace<R, D> {
    fn default() -> Self {
        let [vector, start_bar, velocity_bar] = [vec![], vec![], vec![]];
        Self { field: FieldWorkspace::default(), vector, start_bar, velocity_bar }
    }
}

/// When a step begins, and how long it is: negative backwards in time.
#[derive(Clone, Copy, Debug)]
pub(super) struct Interval {
    pub start: f64,
    pub length: f64,
}

/// Moves the ambient vector `s` by one step; returns the integral of the divergence.
///
/// The step begins at the point that `s` is brought to. Its four evaluations are left in `stages`.
#[inline(always)]
pub(super) fn step<M: Manifold, R: Real, const D: usize>(
    field: &Field<'_, M>,
    Interval { start, length }: Interval,
    save: bool,
    s: &mut [R],
    stages: &mut [Stage<R, D>],
    work: &mut StepWorkspace<R, D>,
) -> R {
    let StepWorkspace { field: memory, vector, .. } = work;
    vector.clear();
    vector.extend_from_slice(s);
    let mut integral = R::zero();
    for i in 0..STAGES {
        if i > 0 {
            for c in 0..s.len() {
                vector[c] = stages[0].y[c] + stages[i - 1].velocity[c] * (length * NODES[i]);
            }
        }
        field.evaluate(vector, start + NODES[i] * length, save, &mut stages[i], memory);
        integral += stages[i].divergence * (length * WEIGHTS[i]);
    }
    for c in 0..s.len() {
        s[c] = stages[0].y[c];
        for i in 0..STAGES {
            s[c] += stages[i].velocity[c] * (length * WEIGHTS[i]);
        }
    }
    integral
}

/// Turns `s_bar`, the cotangent of the vector after a step, into that of the vector before it, and adds the gradient in
/// the parameters to `theta_bar`; `integral_bar` is the cotangent of the integral of the divergence.
#[inline(always)]
pub(super) fn pull_back<M: Manifold, R: Real, const D: usize>(
    field: &Field<'_, M>,
    length: f64,
    stages: &[Stage<R, D>],
    integral_bar: R,
    s_bar: &mut [R],
    theta_bar: &mut [f64],
    work: &mut StepWorkspace<R, D>,
) {
    let StepWorkspace { field: memory, vector: bar, start_bar, velocity_bar } = work;
    let n = s_bar.len();
    bar.clear();
    bar.resize(n, R::zero());
    velocity_bar.resize(n, R::zero());
    start_bar.clear();
    start_bar.extend_from_slice(s_bar);
    memory.begin(field, STAGES);
    for i in (0..STAGES).rev() {
        // The velocity enters the end of the step and, unless it is the last, the next stage's vector.
        let next = if i + 1 < STAGES { length * NODES[i + 1] } else { 0.0 };
        for c in 0..n {
            velocity_bar[c] = s_bar[c] * (length * WEIGHTS[i]) + bar[c] * next;
        }
        let given = (&velocity_bar[..], integral_bar * (length * WEIGHTS[i]));
        field.pull_back(&stages[i], i, given, bar, memory);
        if i > 0 {
            field.pull_back_stage(&stages[i], bar);
        }
        for c in 0..n {
            start_bar[c] += bar[c];
        }
    }
    field.pull_back_stage(&stages[0], start_bar);
    s_bar.copy_from_slice(start_bar);
    memory.accumulate(field, theta_bar);
}
