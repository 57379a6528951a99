//! Proofs of how far a trained density is from its target: [`ircpm_certify::Density`] for the flow of a checkpoint.

use std::ops::ControlFlow;

use ircpm_ad::Scalar;
use ircpm_ad::interval::Interval;
use ircpm_certify::{Density, DensityBounds, DensityOptions, DensityProgress, EnergyModel, SpaceModel};
use ircpm_flow::Expression;
use ircpm_manifolds::Coordinates;
use serde::{Deserialize, Serialize};

use crate::proof::{LARGEST, ProofError, Space, is_provable, linear, network};
use crate::target::Target;
use crate::training::Model;
use crate::training::checkpoint::Checkpoint;

/// What is proven of `g = log q + βu`, where q is the density of a flow and `exp(−βu)` its target: bounds over the whole
/// manifold, in nats.
///
/// `ρ = g + log Z` is the logarithm of the model's density over the target's. The integrals of both are one, so that `log Z`
/// lies between `−highest` and `−lowest`; what else follows is derived in section 40 of `docs/mathematics.md`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct DensityProof {
    /// Inverse temperature β of the target.
    pub beta: f64,
    /// A lower bound of g; −∞ if none is proven, which is null in JSON, and is not stored.
    pub lowest: f64,
    /// An upper bound of g; ∞ if none is proven, which is null in JSON, and is not stored.
    pub highest: f64,
    /// The lowest and highest values of g that were met, to rounding.
    pub met: [f64; 2],
    /// `log Z` in closed form, in doubles, where it is known.
    pub log_z: Option<f64>,
    /// Whether both bounds are within the tolerance of values that were met.
    pub is_sharp: bool,
    /// Cells that were looked at.
    pub cells: u64,
}

impl DensityProof {
    /// Whether bounds are proven, and with them that q is a density.
    pub fn is_proven(&self) -> bool {
        self.lowest.is_finite() && self.highest.is_finite()
    }

    /// The interval of `log Z` that is proven.
    pub fn log_z_interval(&self) -> [f64; 2] {
        [-self.highest, -self.lowest]
    }

    /// Whether the closed form of `log Z` lies within what is proven, to 1e-9; true where there is none.
    pub fn agrees(&self) -> bool {
        let [lowest, highest] = self.log_z_interval();
        self.log_z.is_none_or(|log_z| (lowest - 1e-9..=highest + 1e-9).contains(&log_z))
    }

    /// An upper bound `w` of the width of ρ, which `sup |ρ|` does not exceed.
    pub fn width(&self) -> f64 {
        (Interval::point(self.highest) - Interval::point(self.lowest)).hi()
    }

    /// An upper bound of `sup |ρ|` that follows from the closed form of `log Z`, which is taken to err by 1e-12 (1 + |log Z|)
    /// at most.
    pub fn deviation(&self) -> Option<f64> {
        let log_z = self.log_z?;
        let slack = 1e-12 * (1.0 + log_z.abs());
        let log_z = Interval::new(log_z - slack, log_z + slack);
        Some((Interval::new(self.lowest, self.highest) + log_z).magnitude())
    }

    /// An upper bound of `KL(q‖p)` and of `KL(p‖q)`, in nats: `w²/8`, and no more than `w`.
    pub fn kl(&self) -> f64 {
        let width = Interval::point(self.width());
        (width.square() / 8.0).hi().min(self.width())
    }

    /// A lower bound of the effective sample size of importance weights, as a share of the samples: `1/cosh²(w/2)`.
    pub fn ess(&self) -> f64 {
        let half = (Interval::point(self.width()) * 0.5).cosh();
        half.square().recip().lo().max(0.0)
    }

    /// A lower bound of the share of samples that rejection accepts, and of that by which the independence chain comes nearer
    /// to the target at every step: `e^{−w}`.
    pub fn acceptance(&self) -> f64 {
        (-Interval::point(self.width())).exp().lo().max(0.0)
    }
}

/// What is told of a search; it may break off.
type Watch<'a> = &'a dyn Fn(&DensityProgress) -> ControlFlow<()>;

/// Refuses flows whose density cannot be bounded.
///
/// # Errors
/// [`ProofError`] for flows without an energy, for charges, and on manifolds other than products of tori and spheres of
/// dimension one to three.
pub(crate) fn refuse_unboundable(model: &Model, has_charges: bool) -> Result<(), ProofError> {
    let manifold = model.flow.manifold();
    if model.target().is_none() {
        return Err(ProofError::NoEnergy);
    } else if has_charges {
        return Err(ProofError::DensityOfCharges);
    } else if !is_provable(manifold) {
        return Err(ProofError::DensityManifold { manifold: manifold.to_string() });
    }
    Ok(())
}

/// Bounds the log-density of the flow of a checkpoint, plus the energy of its target, over the whole manifold.
///
/// `progress` is told the state of the search; if it breaks off, the bounds are as good as they are by then. The
/// outcome has the same bits on any number of threads.
///
/// # Errors
/// [`ProofError`] as [`crate::proof::prove`], for flows without an energy, and for energies that are not known over
/// intervals.
pub fn prove_density(
    checkpoint: &Checkpoint,
    options: &DensityOptions,
    progress: Watch<'_>,
) -> Result<DensityProof, ProofError> {
    let model = Model::new(checkpoint)?;
    refuse_unboundable(&model, checkpoint.config.has_charges())?;
    let (target, beta) = model.target().ok_or(ProofError::NoEnergy)?;
    let manifold = model.flow.manifold();
    let coordinates = manifold.coordinates();
    if !is_known(target, &coordinates) {
        return Err(ProofError::UnknownEnergy);
    }
    let space = Space { coordinates: &coordinates, dimension: manifold.dim() };
    let energy = |y: &[SpaceModel]| target.energy_model(y).map_or(SpaceModel::UNDEFINED, |u| u * beta);
    let bounds = if checkpoint.config.is_linear() {
        let potentials = linear(checkpoint, manifold);
        let stack = stack(&model, |layer| &potentials[layer]);
        by_dimension(&stack, space, &energy, options, progress)?
    } else {
        let potential = network(checkpoint, manifold)?;
        let stack = stack(&model, |_| &potential);
        by_dimension(&stack, space, &energy, options, progress)?
    };
    let DensityBounds { lowest, highest, met, is_sharp, cells } = bounds;
    Ok(DensityProof { beta, lowest, highest, met, log_z: target.log_z(beta), is_sharp, cells })
}

/// Whether the energy is known over some tiny box.
fn is_known(target: &dyn Target, coordinates: &[Coordinates]) -> bool {
    // Boxes off the places where an energy may branch.
    [0.1, 1.3, 2.2, 4.7].iter().any(|&at| {
        let mut point = vec![];
        for run in coordinates {
            let values: Vec<f64> = (0..run.len()).map(|k| at + 0.37 * (point.len() + k) as f64).collect();
            let length = match run {
                Coordinates::UnitVector(_) => values.iter().map(|x| x * x).sum::<f64>().sqrt(),
                _ => 1.0,
            };
            let tiny = |x: f64| SpaceModel::from_base(Interval::new(x / length, x / length + 1e-9));
            point.extend(values.into_iter().map(tiny));
        }
        target.energy_model(&point).is_some_and(|u| u.is_defined())
    })
}

/// Potentials and parameters of all layers, the first applied first.
fn stack<'a, E>(
    Model { flow, theta, .. }: &'a Model,
    potential: impl Fn(usize) -> &'a E,
) -> Vec<(&'a E, &'a [f64])> {
    (0..flow.layers()).map(|layer| (potential(layer), &theta[flow.slot(layer)])).collect()
}

/// The bounds for a stack on a manifold of one of the dimensions.
fn by_dimension<E: Expression>(
    layers: &[(&E, &[f64])],
    space: Space<'_>,
    energy: EnergyModel<'_>,
    options: &DensityOptions,
    progress: Watch<'_>,
) -> Result<DensityBounds, ProofError> {
    let of = [of_stack::<E, 1, 5>, of_stack::<E, 2, 15>, of_stack::<E, LARGEST, 35>][space.dimension - 1];
    of(layers, space.coordinates, energy, options, progress)
}

fn of_stack<E: Expression, const D: usize, const M: usize>(
    layers: &[(&E, &[f64])],
    coordinates: &[Coordinates],
    energy: EnergyModel<'_>,
    options: &DensityOptions,
    progress: Watch<'_>,
) -> Result<DensityBounds, ProofError> {
    let density = Density::<E, D, M>::on(coordinates, layers, energy)
        .map_err(|(layer, source)| ProofError::Layer { layer: layer + 1, source })?;
    Ok(density.bounds(options, progress))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::points::Generator;
    use crate::target::{Expression, Parameters, by_name};

    /// Boxes of several sizes, and the energy at points of them.
    fn models_hold(name: &str, target: &dyn Target) {
        let n = target.manifold().ambient();
        let mut generator = Generator::from_seed(n as u64);
        let mut uniform = || generator.uniform();
        for round in 0..400 {
            let width = 10_f64.powf(-4.0 * uniform());
            let lows: Vec<f64> = (0..n).map(|_| 6.0 * uniform()).collect();
            let sides = lows.iter().map(|&low| Interval::new(low, low + width));
            let models: Vec<SpaceModel> =
                sides.enumerate().map(|(k, x)| SpaceModel::coordinate(x, k)).collect();
            let range = target.energy_model(&models).expect("an energy in Rust or in text").range();
            // Over large boxes some arguments leave the domains of functions.
            if range.is_undefined() {
                assert!(width > 0.1, "{name} over a width of {width}");
                continue;
            }
            let point: Vec<f64> = lows.iter().map(|low| low + width * uniform()).collect();
            let mut u = [0.0];
            target.energies(&point, &mut u);
            let slack = 1e-12 * (1.0 + u[0].abs());
            let holds = range.lo() - slack <= u[0] && u[0] <= range.hi() + slack;
            assert!(holds, "{name}, box {round}: {} is not in {range:?}", u[0]);
            assert!(width > 0.1 || range.radius() < 1e4 * width, "{name}: {range:?} of a width of {width}");
        }
    }

    #[test]
    fn models_of_energies_hold() {
        for name in [
            "torus-unimodal",
            "torus-multi-modal",
            "torus-correlated",
            "torus-seam",
            "torus-sine",
            "xy-ring-3",
            "chain-3",
        ] {
            models_hold(name, by_name(name).expect("a target").as_ref());
        }
        for text in [
            "abs(sin(theta1)) + max(cos(theta2), 0.3 * sin(theta1)) - min(cos(theta1), cos(theta2), 0.1)",
            "log_sum_exp(cos(theta1), 2 * sin(theta2)) + sqrt(2 + cos(theta1)) / 3",
            "atan2(sin(theta1), 2 + cos(theta1)) * hypot(cos(theta2), 2)",
            "pow(2 + cos(theta1), sin(theta2)) + (2 + sin(theta1))^1.5 - exp(cos(theta2))^3",
            "von_mises(theta1, 1, 2) + softplus(3 * sin(theta1 - theta2)) + tanh(cos(theta2))",
        ] {
            let energy = Expression::parse(&"T2".parse().unwrap(), text, &Parameters::new()).expect(text);
            models_hold(text, &energy);
        }
    }

    #[test]
    fn energies_without_a_model_are_told() {
        let is_known = |manifold: &str, text: &str| {
            let target = Expression::parse(&manifold.parse().unwrap(), text, &Parameters::new()).unwrap();
            is_known(&target, &target.manifold().coordinates())
        };
        assert!(is_known("T1", "abs(cos(theta1))") && is_known("T1xS2", "abs(x3) + cos(theta1)"));
        assert!(!is_known("T1", "erf(cos(theta1))"));
    }

    fn proof(lowest: f64, highest: f64) -> DensityProof {
        DensityProof { beta: 1.0, lowest, highest, met: [0.0; 2], log_z: Some(3.0), is_sharp: true, cells: 1 }
    }

    #[test]
    fn bounds_of_two_valued_densities_are_attained() {
        // Weights e^{±w/2} relative to each other, with the probabilities under q that make the mean weight one.
        for width in [1e-3, 0.3, 2.0_f64] {
            let proof = proof(-3.0, -3.0 + width);
            let ratio = width.exp();
            // The worst case: weights (κ+1)/2 and (κ+1)/2κ, where the first has probability 1/(κ+1).
            let (large, small) = (0.5 * (ratio + 1.0), 0.5 * (ratio + 1.0) / ratio);
            let share = (1.0 - small) / (large - small);
            let square = share * large * large + (1.0 - share) * small * small;
            assert!(proof.ess() <= 1.0 / square && proof.ess() > 1.0 / square - 1e-9, "{width}");
            assert!(proof.acceptance() <= (-width).exp() && proof.acceptance() > (-width).exp() - 1e-12);
            let kl = -(share * large.ln() + (1.0 - share) * small.ln());
            assert!(kl <= proof.kl() && proof.kl() <= width, "{width} {kl}");
        }
    }

    #[test]
    fn what_is_known_of_log_z_is_compared() {
        let good = proof(-3.02, -2.99);
        assert!(good.agrees() && good.is_proven());
        assert!((good.deviation().unwrap() - 0.02).abs() < 1e-9 && (good.width() - 0.03).abs() < 1e-12);
        assert!(!proof(-2.9, -2.8).agrees() && !proof(f64::NEG_INFINITY, 0.0).is_proven());
        assert!(proof(-3.0, -3.0).ess() > 1.0 - 1e-15 && proof(-3.0, -3.0).kl() < 1e-300);
    }
}
