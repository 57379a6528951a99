//! How a flow is fitted and measured.

use std::str::FromStr;

use ircpm_flow::FlowSpec;
use ircpm_manifolds::AnyManifold;

use super::flow_file::spec;
use crate::config::{AUTO, EvaluationConfig, Layers, ModelConfig, SolverConfig, TrainingConfig};
use crate::convex::LinearOptions;
use crate::optimiser;
use crate::training::TrainingError;
use crate::training::range::{OutOfRange, require, require_batch, require_count, require_positive};

/// How parameters are found.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Algorithm {
    /// Least squares where they apply: for a target on a manifold of finite volume, up to 20,000 parameters. Elsewhere
    /// Adam.
    #[default]
    Auto,
    /// Levenberg–Marquardt on the Monge–Ampère residual.
    LevenbergMarquardt,
    /// Quasi-Newton steps on the reverse Kullback–Leibler divergence or the likelihood.
    Lbfgs,
    /// First-order steps on the reverse Kullback–Leibler divergence or the likelihood.
    Adam,
}

impl FromStr for Algorithm {
    type Err = TrainingError;

    fn from_str(name: &str) -> Result<Self, TrainingError> {
        let all = [Self::Auto, Self::LevenbergMarquardt, Self::Lbfgs, Self::Adam];
        let found = all.into_iter().find(|algorithm| algorithm.name() == name);
        found.ok_or_else(|| TrainingError::UnknownOptimiser { name: name.to_owned() })
    }
}

impl Algorithm {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Auto => AUTO,
            Self::LevenbergMarquardt => optimiser::LevenbergMarquardt::NAME,
            Self::Lbfgs => optimiser::Lbfgs::NAME,
            Self::Adam => optimiser::Adam::NAME,
        }
    }
}

/// How a flow is fitted and measured. Start from [`Options::default`]; the methods of the fields' names replace single
/// ones.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Options {
    /// Inverse temperature β of the target `exp(−βu)`; one by default, not read for points.
    pub beta: f64,
    /// How parameters are found.
    pub algorithm: Algorithm,
    /// Most steps; by default 200 of least squares, which stop by themselves, and 2000 of other algorithms.
    pub steps: Option<usize>,
    /// Points per step, at most 2²⁰; by default 512 of least squares, which take more when needed, and 256 of other
    /// algorithms.
    pub points: Option<usize>,
    /// Kullback–Leibler divergence in nats at which least squares stop; 1e-6 by default.
    pub goal: f64,
    /// Largest learning rate of Adam, and length of the first step of L-BFGS; 5e-3 by default.
    pub learning_rate: f64,
    /// Seed of the parameters, of the points and of the evaluation.
    pub seed: u64,
    /// Model samples of the evaluation, and fresh points at which it looks for folds; 65,536 by default.
    pub samples: usize,
    /// Share of the points that is kept away from training and measured; 0.1 by default, not read for targets.
    pub held_out: f64,
    /// The stack that [`super::fit_target`] builds; [`super::fit_data`] reads [`ModelConfig::layers`] alone. Flows of
    /// your own keep theirs.
    pub model: ModelConfig,
}

impl Default for Options {
    fn default() -> Self {
        let TrainingConfig { goal, learning_rate, .. } = TrainingConfig::default();
        let EvaluationConfig { samples, .. } = EvaluationConfig::default();
        Self {
            beta: 1.0,
            algorithm: Algorithm::Auto,
            steps: None,
            points: None,
            goal,
            learning_rate,
            seed: 0,
            samples,
            held_out: 0.1,
            model: ModelConfig::default(),
        }
    }
}

/// Writes one method per field, which replaces it.
macro_rules! setters {
    ($($name:ident: $type:ty => $value:expr;)*) => {
        impl Options {
            $(
                #[doc = concat!("The same options with another [`Options::", stringify!($name), "`].")]
                #[must_use]
                pub fn $name(mut self, $name: $type) -> Self {
                    self.$name = $value;
                    self
                }
            )*
        }
    };
}

setters! {
    beta: f64 => beta;
    algorithm: Algorithm => algorithm;
    steps: usize => Some(steps);
    points: usize => Some(points);
    goal: f64 => goal;
    learning_rate: f64 => learning_rate;
    seed: u64 => seed;
    samples: usize => samples;
    held_out: f64 => held_out;
    model: ModelConfig => model;
}

impl Options {
    /// Refuses numbers that make no sense.
    pub(super) fn check(&self) -> Result<(), OutOfRange> {
        for (name, value) in [("beta", self.beta), ("goal", self.goal), ("learning_rate", self.learning_rate)]
        {
            require_positive(name, value)?;
        }
        require_count("steps", self.steps.unwrap_or(1))?;
        require_batch("points", self.points.unwrap_or(1))?;
        require((8..=1 << 24).contains(&self.samples), "samples", &self.samples, "an integer from 8 to 2²⁴")?;
        require((0.0..1.0).contains(&self.held_out), "held_out", &self.held_out, "a share in [0, 1)")
    }

    /// Refuses what linear layers do not have, and what would change the density if it were not read.
    pub(super) fn check_linear(&self) -> Result<(), OutOfRange> {
        let names: Vec<String> = self.model.symmetry.iter().map(ToString::to_string).collect();
        let expected = "none: linear layers of points have no symmetry, networks have (fit_points)";
        require(names.is_empty(), "model.symmetry", &names.join(", "), expected)
    }

    pub(super) fn evaluation(&self) -> EvaluationConfig {
        let (samples, seed) = (self.samples, self.seed.wrapping_add(1));
        EvaluationConfig { samples, uniform: samples, seed, ..EvaluationConfig::default() }
    }

    /// What the stack begins as.
    pub(super) fn spec(&self, manifold: &AnyManifold) -> FlowSpec {
        spec(manifold, &self.model, &SolverConfig::default())
    }

    /// Whether the stack may grow.
    pub(super) fn is_depth_free(&self) -> bool {
        self.model.layers == Layers::Auto
    }

    pub(super) fn linear(&self) -> LinearOptions {
        let default = LinearOptions::default();
        let layers = match self.model.layers {
            Layers::Auto => default.layers,
            Layers::Fixed(layers) => layers,
        };
        LinearOptions { seed: self.seed, layers, ..default }
    }

    pub(super) fn training(&self) -> TrainingConfig {
        TrainingConfig {
            steps: self.steps,
            batch: self.points,
            goal: self.goal,
            learning_rate: self.learning_rate,
            optimiser: self.algorithm.name().to_owned(),
            ..TrainingConfig::default()
        }
    }
}
