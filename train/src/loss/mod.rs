//! SKELETON: what the training loop minimises; bodies are being written.
use ircpm_flow::{Flow, SolveStats};
use crate::target::Target;
/// Value and exact gradient of a loss over a batch.
#[derive(Clone, Debug)]
pub struct Gradient {
    /// mean over the samples that count
    pub loss: f64,
    pub grad: Vec<f64>,
    /// log p̃(y) − log q(y) per sample that counts (reverse KL), empty for likelihood
    pub log_weights: Vec<f64>,
    pub stats: SolveStats,
}
/// Why a loss could not be computed: energy NaN/inf at a point, too many unconverged points ...
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[error("loss error")]
pub struct LossError;
/// E_x[log q(y) + β u(y)], y = T(x), at base points x; [sample][coordinate]
pub fn reverse_kl(flow: &Flow, theta: &[f64], x: &[f64], target: &dyn Target, beta: f64) -> Result<Gradient, LossError> { let _ = (flow, theta, x, target, beta); unimplemented!() }
/// −mean log q(y) at given points
pub fn likelihood(flow: &Flow, theta: &[f64], y: &[f64]) -> Result<Gradient, LossError> { let _ = (flow, theta, y); unimplemented!() }
