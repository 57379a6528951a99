//! What to train, and how: the configuration, as TOML.
//!
//! Every key has a default but the target's name (or, for the likelihood of given points, the data file and its
//! manifold). Types say what a key may hold, the functions of `check` which numbers make sense; each complaint carries
//! the span of the text that caused it, in the file or in a `--set` override.

mod check;
mod consistency;
mod data;
mod error;
mod model;
mod overrides;
pub mod preset;
mod string_span;
mod suggest;
mod target;

use std::path::PathBuf;

use ircpm_flow::{Flow, FlowError, FlowSpec, Method as FlowMethod, Solver as FlowSolver};
use ircpm_manifolds::AnyManifold;
use serde::{Deserialize, Serialize};

use crate::data::Notation;
use crate::optimiser::{self, LearningRate, Schedule};
use crate::points::Spread;
use crate::target::{ExpressionError, Target};
pub use data::DataConfig;
pub use error::ConfigError;
pub use model::{
    ChainConfig, ChainWindowsConfig, ChargesConfig, DegreeConfig, EnergyShape, Features, Layers, ModelConfig,
    PerceptronConfig, Potential, SquareConfig, SquareWindowsConfig,
};
pub use overrides::Override;
pub use suggest::suggest;
pub use target::{LogZ, TargetConfig};

/// A whole run: the same configuration, on one instruction set, gives the same bits.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// Seed of the initial parameters, of the base points and of the minibatches; below 2⁶³, the largest integer of
    /// TOML.
    #[serde(default, deserialize_with = "check::seed")]
    pub seed: u64,
    /// The density to learn, for the reverse Kullback–Leibler divergence.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub target: Option<TargetConfig>,
    /// The points to learn from, for the likelihood.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub data: Option<DataConfig>,
    /// The map.
    #[serde(default)]
    pub model: ModelConfig,
    /// The inner minimisation.
    #[serde(default)]
    pub solver: SolverConfig,
    /// The optimisation of the parameters.
    #[serde(default)]
    pub training: TrainingConfig,
    /// How the result is measured.
    #[serde(default)]
    pub evaluation: EvaluationConfig,
}

/// The key to blame, and what is wrong with it.
type Complaint = (&'static [&'static str], String);

/// The minimisation over `y` of `d(x, y)²/2 + ψ(y)`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct SolverConfig {
    /// How a step is chosen.
    pub method: Method,
    /// Norm of the gradient at which a point counts as solved, at most 0.01.
    #[serde(deserialize_with = "check::tolerance")]
    pub tolerance: f64,
    /// Steps after which a point counts as failed.
    #[serde(deserialize_with = "check::count")]
    pub max_steps: usize,
}

/// How the inner solver chooses a step.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Method {
    /// Safeguarded Newton.
    Newton,
    /// Gradient descent, as in the paper: slower, for comparison.
    #[serde(alias = "gradient-descent")]
    Descent,
}

/// The optimisation of the parameters.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct TrainingConfig {
    /// What is minimised.
    pub loss: Loss,
    /// Most steps of the optimiser; by default 2000 of a first-order one, 200 of least squares, which stop by
    /// themselves, and 400 of both one after the other.
    #[serde(skip_serializing_if = "Option::is_none", deserialize_with = "check::optional_count")]
    pub steps: Option<usize>,
    /// Points per step, 1 to 2²⁰; least squares begin with them and take more when needed. By default 256, and 512 of
    /// least squares.
    #[serde(skip_serializing_if = "Option::is_none", deserialize_with = "check::optional_batch")]
    pub batch: Option<usize>,
    /// Kullback–Leibler divergence in nats at which least squares stop.
    #[serde(deserialize_with = "check::positive")]
    pub goal: f64,
    /// Smallest eigenvalue of `H` that least squares keep where it costs little KL, above 0 and up to 0.5; by default they
    /// keep it positive.
    #[serde(skip_serializing_if = "Option::is_none", deserialize_with = "check::min_eigenvalue")]
    pub min_eigenvalue: Option<f64>,
    /// Largest learning rate of the schedule.
    #[serde(deserialize_with = "check::positive")]
    pub learning_rate: f64,
    /// Learning rate as a function of the step.
    pub schedule: Schedule,
    /// Steps of linear warm-up; zero for none.
    #[serde(deserialize_with = "check::count_or_zero")]
    pub warmup: usize,
    /// Norm to which a longer gradient is shortened.
    #[serde(deserialize_with = "check::positive")]
    pub clip: f64,
    /// How base points are drawn.
    pub points: Spread,
    /// The rule that moves the parameters: one of [`optimiser::names`], or `auto`, which is least squares where it
    /// applies.
    #[serde(deserialize_with = "check::optimiser_name")]
    pub optimiser: String,
    /// Steps between lines of `metrics.jsonl`; every step of least squares has one.
    #[serde(deserialize_with = "check::count")]
    pub log_every: usize,
    /// Steps between checkpoints.
    #[serde(deserialize_with = "check::count")]
    pub checkpoint_every: usize,
    /// The run of charges whose parameters training begins with, in place of random ones.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub warm_start: Option<WarmStart>,
}

/// Parameters of another run to begin with: see [`crate::training::Problem::warm_start`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WarmStart {
    /// Checkpoint of the other run, relative to the configuration's folder.
    #[serde(deserialize_with = "check::file")]
    pub file: PathBuf,
    /// CRC-32 of the file in hexadecimal digits; another file is refused.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "check::crc32")]
    pub crc32: Option<String>,
    /// Where the file of a run's folder came from. Nothing is read from there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<PathBuf>,
    /// Whether steps are taken; else the parameters are measured as they are.
    #[serde(default = "yes")]
    pub trains: bool,
}

fn yes() -> bool {
    true
}

/// What is minimised.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Loss {
    /// `E[log q + β u]` over the model's samples.
    ReverseKl,
    /// Mean negative log-likelihood of given points.
    Likelihood,
}

/// How the result is measured.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct EvaluationConfig {
    /// Independent model samples for ESS, KL and log Z, 2 to 2²⁴.
    #[serde(deserialize_with = "check::samples")]
    pub samples: usize,
    /// Fresh base points at which the smallest eigenvalue of `H` is looked for, 8 to 2²⁴.
    #[serde(deserialize_with = "check::uniform")]
    pub uniform: usize,
    /// Seed of the samples and of the base points.
    #[serde(deserialize_with = "check::seed")]
    pub seed: u64,
    /// Whether pictures are drawn.
    pub pictures: bool,
}

impl Default for SolverConfig {
    fn default() -> Self {
        let FlowSolver { tolerance, max_steps, .. } = FlowSolver::default();
        Self { method: Method::Newton, tolerance, max_steps }
    }
}

/// Name that leaves a choice to the program: of the optimiser, or of the number of layers.
pub const AUTO: &str = "auto";

impl TrainingConfig {
    /// Most steps of the optimiser.
    pub fn steps(&self) -> usize {
        let by_default = match self.optimiser.as_str() {
            optimiser::LevenbergMarquardt::NAME => 200,
            optimiser::Staged::NAME => 400,
            _ => 2000,
        };
        self.steps.unwrap_or(by_default)
    }

    /// Points per step.
    pub fn batch(&self) -> usize {
        self.batch.unwrap_or(if self.is_least_squares() { 512 } else { 256 })
    }

    /// The learning rate as a function of the step.
    pub fn learning_rate(&self) -> LearningRate {
        let Self { learning_rate: peak, schedule, warmup, .. } = *self;
        LearningRate { peak, schedule, warmup, steps: self.steps() }
    }

    /// Whether the optimiser works on residuals and chooses its own points.
    pub fn is_least_squares(&self) -> bool {
        self.optimiser == optimiser::LevenbergMarquardt::NAME
    }
}

impl Default for TrainingConfig {
    fn default() -> Self {
        Self {
            loss: Loss::ReverseKl,
            steps: None,
            batch: None,
            goal: 1e-6,
            min_eigenvalue: None,
            learning_rate: 5e-3,
            schedule: Schedule::Cosine,
            warmup: 0,
            clip: 10.0,
            points: Spread::Lattice,
            optimiser: AUTO.into(),
            log_every: 10,
            checkpoint_every: 500,
            warm_start: None,
        }
    }
}

impl Default for EvaluationConfig {
    fn default() -> Self {
        Self { samples: 65_536, uniform: 65_536, seed: 1, pictures: true }
    }
}

impl Config {
    /// Reads a configuration from TOML; `name` is the file in messages. Never panics, whatever the text.
    ///
    /// # Errors
    /// [`ConfigError`] with the first thing that is malformed, unknown, out of range or in contradiction.
    pub fn parse(text: &str, name: &str) -> Result<Self, ConfigError> {
        Self::parse_with(text, name, &[])
    }

    /// As [`Config::parse`], with some keys replaced.
    ///
    /// # Errors
    /// As [`Config::parse`]; what an override caused is shown in the override's text.
    pub fn parse_with(text: &str, name: &str, overrides: &[Override]) -> Result<Self, ConfigError> {
        let (config, source) = overrides::deserialize::<Self>(text, name, overrides)?;
        config.consistent().map_err(|(path, message)| source.error_at(path, message))?;
        if let Some(target) = &config.target {
            target.log_z().map_err(|error| source.error_in_expression("log_z", &error))?;
        }
        let target = config.target().map_err(|error| source.error_in_expression("energy", &error))?;
        config
            .check_symmetry(target.as_deref())
            .map_err(|message| source.error_at(&["model", "symmetry"], message))?;
        Ok(config)
    }

    /// The effective configuration, every key written out: parsing it gives `self` again.
    pub fn to_toml(&self) -> String {
        toml::to_string(self).expect("a configuration has string keys and integers below 2⁶³")
    }

    /// Whether all keys of a network and of its training are as by default.
    fn names_no_network(&self) -> bool {
        self.names_no_feature() && self.training.optimiser == AUTO
    }

    /// Whether all keys of a network, and of an energy beside it, are as by default.
    fn names_no_feature(&self) -> bool {
        let model = &self.model;
        let ModelConfig { shared, energy, hidden, features, symmetry, output_scale, .. } =
            ModelConfig::default();
        model.shared == shared
            && model.energy == energy
            && model.hidden == hidden
            && model.features == features
            && model.symmetry == symmetry
            && model.output_scale == output_scale
    }

    /// Whether psi is a sum of charges.
    pub fn has_charges(&self) -> bool {
        self.model.potential == Potential::Charges
    }

    /// Whether psi is linear in its parameters.
    pub fn is_linear(&self) -> bool {
        let Self { data, model, .. } = self;
        match model.potential {
            Potential::Auto => data.is_some() && self.names_no_network(),
            Potential::Network | Potential::Charges => false,
            Potential::Linear => true,
        }
    }

    /// The target, if the loss has one.
    ///
    /// # Errors
    /// As [`TargetConfig::target`]; never for a configuration that was parsed.
    pub fn target(&self) -> Result<Option<Box<dyn Target>>, ExpressionError> {
        self.target.as_ref().map_or(Ok(None), TargetConfig::target)
    }

    /// β, one where there is no target.
    pub fn beta(&self) -> f64 {
        self.target.as_ref().map_or(1.0, |target| target.beta)
    }

    /// How points are written for the user: as the data were, by default where there are none.
    pub fn notation(&self) -> Notation {
        self.data.as_ref().and_then(|data| data.notation.clone()).unwrap_or_default()
    }

    /// The flow that training begins with, on the manifold of the target or of the data.
    ///
    /// # Errors
    /// As [`Flow::new`].
    pub fn flow(&self, manifold: &AnyManifold) -> Result<Flow, FlowError> {
        // The target is built only where psi takes its energy.
        let target = self.model.energy.and_then(|_| self.target().ok().flatten());
        self.model.flow(self.flow_spec(manifold), target.as_deref())
    }

    /// What to build the flow from but an energy, on the manifold of the target or of the data.
    pub fn flow_spec(&self, manifold: &AnyManifold) -> FlowSpec {
        let model = &self.model;
        let features = model.features.clone().into();
        FlowSpec {
            manifold: manifold.clone(),
            layers: model.layers.at_first(),
            shared: model.shared,
            hidden: model.hidden.clone(),
            features,
            symmetry: model.symmetry.clone(),
            output_scale: model.output_scale,
            solver: self.flow_solver(),
        }
    }

    /// The inner minimisation of the flow.
    pub fn flow_solver(&self) -> FlowSolver {
        let method = match self.solver.method {
            Method::Newton => FlowMethod::Newton,
            Method::Descent => FlowMethod::GradientDescent,
        };
        FlowSolver { method, tolerance: self.solver.tolerance, max_steps: self.solver.max_steps }
    }
}
