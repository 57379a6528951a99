//! Section 5: the stochastic gradient of the log-determinant beside the exact one.

use cpu_time::ProcessTime;
use ircpm_flow::{Direction, Expression, FeatureMap, Features, Minimiser, Network, Variation};
use ircpm_manifolds::Product;
use std::sync::atomic::Ordering;

use super::{Setting, header};
use crate::paper::{Model, Models, PaperError, Table};
use crate::points::{Generator, Sequence, Spread, base_points};

/// The models, all on T² with one layer.
const MODELS: [&str; 2] = ["torus-multi-modal-mlp", "torus-multi-modal-adam"];

/// Base points of the quick programme and of the whole one.
const POINTS: (usize, usize) = (16, 128);

/// Relative bias that rounding may leave.
const ROUNDING: f64 = 1e-9;

/// What was found at all points of a model.
#[derive(Default)]
struct Found {
    points: usize,
    /// Largest `|mean over probes − exact|` over the largest entry of the exact gradient.
    bias: f64,
    /// Largest difference of the exact gradient from that of the flow's kernels, in the same unit.
    kernels: f64,
    /// Mean over the points of the estimator's variance, all parameters together.
    variance: f64,
    /// Mean over the points of the exact gradient of the loss, and of its square length.
    mean: Vec<f64>,
    square: f64,
}

/// Bias and variance of the estimator on trained models.
pub(super) fn measure(models: &Models, setting: &Setting<'_>) -> Result<Option<Table>, PaperError> {
    let mut table = Table {
        title: "The stochastic gradient of the log-determinant (section 5)".to_owned(),
        lead: "With a probe z of random signs, zᵀJ⁻¹(∂J)z estimates ∂ log|det J| (Dong et al. 2017; Huang et al. 2021). On \
               surfaces its four probes give two values, so that its mean and variance over them are exact: the bias is \
               rounding. *σ of probes* is the deviation of one sample's gradient of the loss by the probe alone, *σ of \
               points* that of the exact gradient from base point to base point, which a batch averages as well. Training \
               here takes the exact gradient."
            .to_owned(),
        header: header([
            "model",
            "points",
            "bias, of the largest entry",
            "beside the kernels",
            "σ of probes",
            "σ of points",
            "CPU s",
        ]),
        ..Table::default()
    };
    for name in MODELS {
        let Some(model) = models.get(name) else { continue };
        let Some(network) = network(model) else { continue };
        let start = ProcessTime::now();
        let found = look(&network, model, setting)?;
        let length: f64 = found.mean.iter().map(|g| g * g).sum();
        let of_points = (found.square - length).max(0.0).sqrt();
        table.missed += usize::from(!(found.bias < ROUNDING && found.kernels < ROUNDING));
        table.rows.push(vec![
            name.to_owned(),
            found.points.to_string(),
            format!("{:.0e}", found.bias),
            format!("{:.0e}", found.kernels),
            format!("{:.3}", found.variance.sqrt()),
            format!("{of_points:.3}"),
            format!("{:.1}", start.elapsed().as_secs_f64()),
        ]);
    }
    Ok((!table.rows.is_empty()).then_some(table))
}

fn look(network: &Network, model: &Model, setting: &Setting<'_>) -> Result<Found, PaperError> {
    let Model { flow, theta, target, config } = model;
    let manifold = flow.manifold();
    let product: Product = manifold.to_string().parse().expect("a torus is a product");
    let points = if setting.quick { POINTS.0 } else { POINTS.1 };
    let sequence = Sequence::new(Spread::Lattice, points, manifold.cube_dim());
    let x = base_points(manifold, &sequence, &mut Generator::from_seed(setting.seed));
    let pushed = flow.forward(theta, &x);
    let mut found = Found { mean: vec![0.0; theta.len()], ..Found::default() };
    for ((x, y), _) in x.chunks_exact(2).zip(pushed.y.chunks_exact(2)).zip(&pushed.ok).filter(|(_, ok)| **ok)
    {
        if setting.stop.load(Ordering::Relaxed) {
            return Err(PaperError::Stopped);
        }
        let minimiser = Minimiser::new(&product, network, theta, x, y)?;
        let exact = minimiser.log_det_gradient()?.theta;
        let [even, odd] = [[1.0, 1.0], [1.0, -1.0]].map(|z| minimiser.log_det_gradient_along(&z));
        let (Variation { theta: even, .. }, Variation { theta: odd, .. }) = (even?, odd?);
        // log q = −log|det J| on a manifold whose base density is uniform.
        let kernels = flow.vjp(Direction::Forward, theta, x, &[0.0; 2], &[-1.0]).theta;
        let (mut u, mut slope) = ([0.0], [0.0; 2]);
        target.gradients(y, &mut u, &mut slope);
        slope.iter_mut().for_each(|slope| *slope *= config.beta());
        let gradient = flow.vjp(Direction::Forward, theta, x, &slope, &[1.0]).theta;
        let size = exact.iter().fold(f64::MIN_POSITIVE, |size, g| size.max(g.abs()));
        for k in 0..theta.len() {
            found.bias = found.bias.max((0.5 * (even[k] + odd[k]) - exact[k]).abs() / size);
            found.kernels = found.kernels.max((kernels[k] - exact[k]).abs() / size);
            found.variance += (0.5 * (even[k] - odd[k])).powi(2);
            found.mean[k] += gradient[k];
            found.square += gradient[k].powi(2);
        }
        found.points += 1;
    }
    let count = found.points.max(1) as f64;
    found.variance /= count;
    found.square /= count;
    found.mean.iter_mut().for_each(|g| *g /= count);
    Ok(found)
}

/// The potential of a model; none if it is no single network on a surface with coordinates of its own, or has
/// symmetries.
fn network(model: &Model) -> Option<Network> {
    let (flow, config) = (&model.flow, &model.config.model);
    let features: Features = config.features.clone().into();
    let features = FeatureMap::new(&features, flow.manifold()).ok()?;
    let network = Network::new(features, &config.hidden, config.output_scale);
    let is_plane = flow.manifold().ambient() == 2 && flow.manifold().dim() == 2;
    let is_alone = flow.layers() == 1 && config.symmetry.is_empty();
    (is_plane && is_alone && network.parameters() == model.theta.len()).then_some(network)
}
