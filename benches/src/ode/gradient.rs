//! Reverse KL of the flow, with its gradient through all steps: discretised first, then differentiated.

use ircpm_ad::{Kernel, Real};
use ircpm_flow::{SolveStats, Workspace};
use ircpm_manifolds::{AnyManifold, Base};
use ircpm_train::loss::Gradient;
use ircpm_train::target::Target;
use rayon::prelude::*;

use super::field::{Field, Stage};
use super::flow::{End, OdeFlow, PART, load};
use super::runge_kutta::{STAGES, StepWorkspace, pull_back, step};

impl<M: Base + Into<AnyManifold>, const D: usize> OdeFlow<M, D> {
    /// `E_x[log q(y) + u(y)]` over base points `x`, `[sample][coordinate]`, in nats, with its gradient.
    ///
    /// # Panics
    /// If a slice has the wrong length or there are no points.
    pub fn reverse_kl(&self, theta: &[f64], x: &[f64], target: &dyn Target) -> Gradient {
        let n = self.manifold.ambient();
        let parts: Vec<Sums> = x
            .par_chunks(PART * n)
            .map(|x| {
                Workspace::with(|work| self.isa.dispatch(ReverseKl { flow: self, theta, x, target, work }))
            })
            .collect();
        let scale = n as f64 / x.len() as f64;
        let (mut grad, mut log_weights) = (vec![0.0; theta.len()], vec![]);
        for part in parts {
            grad.iter_mut().zip(part.theta_bar).for_each(|(sum, g)| *sum += scale * g);
            log_weights.extend(part.log_weights);
        }
        let loss = -scale * log_weights.iter().sum::<f64>();
        Gradient { loss, grad, log_weights, stats: SolveStats::default() }
    }
}

/// Sums over the samples of a part.
struct Sums {
    theta_bar: Vec<f64>,
    log_weights: Vec<f64>,
}

/// The kernel of [`OdeFlow::reverse_kl`].
struct ReverseKl<'a, M, const D: usize> {
    flow: &'a OdeFlow<M, D>,
    theta: &'a [f64],
    x: &'a [f64],
    target: &'a dyn Target,
    work: &'a mut Workspace,
}

/// Buffers of a thread.
struct Buffers<R: Real, const D: usize> {
    s: Vec<R>,
    s_bar: Vec<R>,
    stages: Vec<Stage<R, D>>,
    work: StepWorkspace<R, D>,
}

impl<R: Real, const D: usize> Default for Buffers<R, D> {
    fn default() -> Self {
        let (stages, work) = (vec![], StepWorkspace::default());
        Self { s: vec![], s_bar: vec![], stages, work }
    }
}

impl<M: Base, const D: usize> Kernel for ReverseKl<'_, M, D> {
    type Output = Sums;

    /// A pack goes through all steps and back before the next one starts. The units of all stages are saved.
    #[inline(always)]
    fn run<R: Real>(self) -> Sums {
        let ReverseKl { flow, theta, x, target, work } = self;
        let (m, n, samples) = (&flow.manifold, flow.manifold.ambient(), x.len() / flow.manifold.ambient());
        let field = Field::new(m, &flow.network, theta);
        let Buffers { s, s_bar, stages, work } = work.get::<Buffers<R, D>>();
        stages.resize_with(flow.steps * STAGES, Stage::default);
        let mut sums = Sums { theta_bar: vec![0.0; theta.len()], log_weights: vec![] };
        for start in (0..samples).step_by(R::LANES) {
            load(x, n, start, s);
            let mut log_q = m.log_base(s);
            for (k, stages) in stages.chunks_exact_mut(STAGES).enumerate() {
                log_q -= step(&field, flow.interval(End::Start, k), true, s, stages, work);
            }
            let inverse_length = field.retract(s);
            let lanes = R::LANES.min(samples - start);
            add_loss(target, lanes, s, log_q, s_bar, &mut sums.log_weights);
            // Lanes past the end repeat a sample, and count nothing.
            let one = R::from_fn(|lane| f64::from(u8::from(lane < lanes)));
            field.pull_back_retraction(s, inverse_length, s_bar);
            for (k, stages) in stages.chunks_exact(STAGES).enumerate().rev() {
                let length = flow.interval(End::Start, k).length;
                pull_back(&field, length, stages, -one, s_bar, &mut sums.theta_bar, work);
            }
        }
        sums
    }
}

/// Appends the log-weights of a pack's samples, and writes the cotangent of its points: the gradient of the energy.
#[inline(always)]
fn add_loss<R: Real>(
    target: &dyn Target,
    lanes: usize,
    y: &[R],
    log_q: R,
    y_bar: &mut Vec<R>,
    log_weights: &mut Vec<f64>,
) {
    let n = y.len();
    let mut points = vec![0.0; lanes * n];
    let (mut u, mut slope) = (vec![0.0; lanes], vec![0.0; lanes * n]);
    for c in 0..n {
        for lane in 0..lanes {
            points[lane * n + c] = y[c].lane(lane);
        }
    }
    target.gradients(&points, &mut u, &mut slope);
    log_weights.extend((0..lanes).map(|lane| -u[lane] - log_q.lane(lane)));
    y_bar.resize(n, R::zero());
    for c in 0..n {
        y_bar[c] = R::from_fn(|lane| if lane < lanes { slope[lane * n + c] } else { 0.0 });
    }
}
