//! A bound on the curvature of windows from the weights of their networks.

use ircpm_flow::Network;

use super::Windows;

/// Largest second derivative of softplus.
const STEEPEST: f64 = 0.25;

impl Windows {
    /// A bound on the absolute values of the eigenvalues of `Hess psi`, everywhere on the torus.
    ///
    /// With `‖Hess f‖ ≤ b_w` for every window, `xᵀ Hess psi x ≤ Σ_w b_w |x_w|²`, which is at most the largest sum of `b_w`
    /// over the windows of one site, times `|x|²`.
    pub(super) fn curvature_bound(&self, theta: &[f64]) -> f64 {
        // A difference of two angles has the gradient (−1, 1).
        let square = if self.differences { 2.0 } else { 1.0 };
        let of_class: Vec<f64> = self
            .slots()
            .map(|(network, slot)| network_bound(network, &theta[slot], square, self.perceptron.order))
            .collect();
        let mut sites = vec![0.0; self.sites];
        for window in &self.windows {
            for &site in &window.sites {
                sites[site] += of_class[window.class] * window.weight.abs();
            }
        }
        sites.into_iter().fold(f64::MIN_POSITIVE, f64::max)
    }
}

/// A bound on `‖Hess f‖`, where the squared gradient of every input is `square`.
///
/// From layer to layer: sums have the sums of the bounds times the absolute weights, and softplus turns bounds `g` and
/// `h` on gradient and Hessian into `g` and `h + g²/4`.
fn network_bound(network: &Network, theta: &[f64], square: f64, order: usize) -> f64 {
    let sizes = network.mlp().sizes();
    // The cosine and the sine of every multiple k of every input.
    let multiple = |feature: usize| (feature / 2 % order + 1) as f64;
    let mut gradients: Vec<f64> = (0..sizes[0]).map(|f| multiple(f) * square.sqrt()).collect();
    let mut hessians: Vec<f64> = (0..sizes[0]).map(|f| multiple(f).powi(2) * square).collect();
    let mut first = 0;
    for (layer, pair) in sizes.windows(2).enumerate() {
        let (inputs, outputs) = (pair[0], pair[1]);
        let is_last = layer + 2 == sizes.len();
        let sum = |bounds: &[f64], unit: usize| -> f64 {
            let weights = &theta[first + unit * inputs..][..inputs];
            weights.iter().zip(bounds).map(|(w, b)| w.abs() * b).sum()
        };
        let slopes: Vec<f64> = (0..outputs).map(|unit| sum(&gradients, unit)).collect();
        let bend = |unit: usize| if is_last { 0.0 } else { STEEPEST * slopes[unit].powi(2) };
        hessians = (0..outputs).map(|unit| sum(&hessians, unit) + bend(unit)).collect();
        gradients = slopes;
        first += outputs * (inputs + 1);
    }
    hessians[0]
}
