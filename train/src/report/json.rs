//! The results of a run, as `report.json`.

use ircpm_flow::Flow;
use serde::{Deserialize, Deserializer, Serialize};

use super::status::{Status, advice};
use crate::estimate::Estimate;
use crate::evaluation::Evaluation;
use crate::fit::{Fit, Options};
use crate::positivity::Positivity;
use crate::training::findings::Finding;
use crate::training::{End, Problem, Progress, Source};

/// Everything that is worth keeping of a run. Absent numbers are null: what has no target has no ESS.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Report {
    /// Whether the model can be used: `sound`, `not-a-density` or `unfinished`.
    pub status: Status,
    /// Version of the program.
    pub version: String,
    /// Target or data file.
    pub target: String,
    /// For example `T2`.
    pub manifold: String,
    /// Inverse temperature.
    #[serde(deserialize_with = "number")]
    pub beta: f64,
    /// Inverse temperature that least squares have reached; where it is below `beta`, training ended too early.
    pub beta_reached: Option<f64>,
    /// Number of parameters.
    pub params: usize,
    /// Number of layers.
    pub layers: usize,
    /// Steps taken.
    pub steps: usize,
    /// Whether training was stopped before its end.
    pub interrupted: bool,
    /// Whether any point of training's last survey or of the evaluation, or a mass above one, shows that the map folds:
    /// its `q` is then not a density, and ESS, KL and log Z are meaningless.
    pub folded: bool,
    /// Whether the map does not fold and its mass is one, within 1e-3 and three errors.
    pub density: bool,
    /// Points `y` with `T(S(y)) ≠ y`, which the map does not come to: see [`crate::evaluation::Fold::unreached`].
    pub unreached: usize,
    /// Why training by least squares ended: `goal`, `stalled` or `steps`.
    pub end: Option<End>,
    /// Goal of least squares: KL in nats at which they stop.
    pub goal: Option<f64>,
    /// Whether the target's density was raised where it is nearly empty: see [`crate::loss::monge_ampere`].
    pub target_raised: bool,
    /// Root mean square of the last step's residuals in nats, of least squares.
    pub residual: Option<f64>,
    /// Effective sample size, from 0 to 1.
    pub ess: Option<f64>,
    /// Standard error of [`Report::ess`].
    pub ess_se: Option<f64>,
    /// Kullback–Leibler divergence of the model from the target, in nats.
    pub kl: Option<f64>,
    /// Standard error of [`Report::kl`], in nats.
    pub kl_se: Option<f64>,
    /// Estimated log Z.
    pub log_z: Option<f64>,
    /// Standard error of [`Report::log_z`].
    pub log_z_se: Option<f64>,
    /// Exact log Z, where known.
    pub log_z_exact: Option<f64>,
    /// ESS of the base density, which is uniform on a compact manifold.
    pub uniform_ess: Option<f64>,
    /// Share of the largest importance weight in their sum.
    pub max_weight_share: Option<f64>,
    /// Pareto shape of the weights' tail.
    pub pareto_k: Option<f64>,
    /// Number of points that were held out; null for a target.
    pub held_out_points: Option<usize>,
    /// Mean log-likelihood of the held-out points, in nats; null for fewer than two points, and where the model is not a
    /// density.
    pub held_out_log_likelihood: Option<f64>,
    /// Standard error of [`Report::held_out_log_likelihood`], in nats.
    pub held_out_log_likelihood_se: Option<f64>,
    /// Mean log-likelihood of the same points under an adaptive kernel density, in nats.
    pub baseline_kernel_log_likelihood: Option<f64>,
    /// Standard error of [`Report::baseline_kernel_log_likelihood`], in nats.
    pub baseline_kernel_log_likelihood_se: Option<f64>,
    /// Mean log-likelihood of the same points under a small mixture, in nats.
    pub baseline_mixture_log_likelihood: Option<f64>,
    /// Standard error of [`Report::baseline_mixture_log_likelihood`], in nats.
    pub baseline_mixture_log_likelihood_se: Option<f64>,
    /// Energy statistic of the model's samples and the data, about one if they have one law: see
    /// [`crate::evaluation::Likeness`].
    pub energy_statistic: Option<f64>,
    /// The largest such statistic of random halves of the data.
    pub energy_statistic_of_halves: Option<f64>,
    /// Smallest eigenvalue of `H` over all points of the evaluation, and over those of the survey that ended training.
    #[serde(deserialize_with = "number")]
    pub min_eigenvalue: f64,
    /// The floor that training was asked to keep it above; null if none was asked for.
    #[serde(default)]
    pub min_eigenvalue_asked: Option<f64>,
    /// What is known of folds of a flow of charges over its whole torus; null for other potentials.
    #[serde(default)]
    pub positivity: Option<Positivity>,
    /// Share of the points of the evaluation where `H` is not positive definite.
    #[serde(deserialize_with = "number")]
    pub indefinite_share: f64,
    /// Integral of `base(S) |det DS|`, which is that of `q`, and above one where the map folds.
    #[serde(deserialize_with = "number")]
    pub mass: f64,
    /// Standard error of [`field@Report::mass`]; null for quadrature.
    pub mass_se: Option<f64>,
    /// Change of [`field@Report::mass`] by the last refinement of a quadrature; null for samples.
    pub mass_resolution: Option<f64>,
    /// The part of [`field@Report::mass`] where the determinant is negative.
    #[serde(deserialize_with = "number")]
    pub mass_reversed: f64,
    /// Points that the mass leaves out, because it is not defined there.
    pub mass_unmeasured: usize,
    /// Model samples.
    pub samples: usize,
    /// Inner steps per sample.
    #[serde(deserialize_with = "number")]
    pub solve_steps_mean: f64,
    /// Worst residual of the solves that converged.
    #[serde(deserialize_with = "number")]
    pub solve_residual_max: f64,
    /// Samples whose solve failed, left out of the estimates.
    pub unconverged: usize,
    /// Inner solves that failed during training.
    pub unconverged_in_training: u64,
    /// Steps whose gradient was shortened.
    pub clipped_steps: u64,
    /// Name of the optimiser.
    pub optimiser: String,
    /// Seed of the run.
    pub seed: u64,
    /// Threads of this process.
    pub threads: usize,
    /// Instruction set: another one may change the last bits.
    pub isa: String,
    /// Wall-clock seconds of training alone.
    #[serde(deserialize_with = "number")]
    pub wall_seconds: f64,
    /// Processor seconds of training alone, all threads together.
    #[serde(deserialize_with = "number")]
    pub cpu_seconds: f64,
    /// What the owner of the points should know.
    pub findings: Vec<String>,
    /// Files of the pictures.
    pub pictures: Vec<String>,
    /// What was found to help against a fold in such a run.
    #[serde(default)]
    pub advice: String,
}

/// A number, which is null in JSON where it is NaN or infinite.
fn number<'de, D: Deserializer<'de>>(deserializer: D) -> Result<f64, D::Error> {
    Ok(Option::deserialize(deserializer)?.unwrap_or(f64::NAN))
}

/// The smallest eigenvalue of `H` that training's end and the evaluation have met.
fn smallest(progress: &Progress, evaluation: &Evaluation) -> f64 {
    let found = match evaluation.positivity {
        Some(Positivity::Searched { lowest: found } | Positivity::Folded { eigenvalue: found, .. }) => {
            Some(found)
        }
        _ => None,
    };
    // `f64::min` would drop a NaN.
    let lesser = |least, found| if found < least { found } else { least };
    [progress.lowest_seen, found].into_iter().flatten().fold(evaluation.fold.min_eigenvalue, lesser)
}

/// What a report says of a run beside progress and measures.
struct About<'a> {
    name: String,
    flow: &'a Flow,
    beta: f64,
    goal: f64,
    min_eigenvalue: Option<f64>,
    log_z_exact: Option<f64>,
    samples: usize,
    optimiser: &'a str,
    seed: u64,
    findings: &'a [Finding],
    advice: &'static str,
}

impl Report {
    /// Puts together what training and evaluation say.
    pub fn new(problem: &Problem, progress: &Progress, evaluation: &Evaluation) -> Self {
        let Problem { config, flow, .. } = problem;
        let about = About {
            name: problem.name(),
            flow,
            beta: config.beta(),
            goal: config.training.goal,
            min_eigenvalue: config.training.min_eigenvalue,
            log_z_exact: problem.source().log_z_exact(),
            samples: config.evaluation.samples,
            optimiser: problem.method(),
            seed: config.seed,
            findings: problem.findings(),
            advice: advice(
                problem.manifold(),
                problem.source(),
                config.is_linear(),
                config.has_charges(),
                config.model.layers,
                progress,
            ),
        };
        Self::of(about, progress, evaluation)
    }

    /// The report of a fit without a configuration, of a flow to a `source` that goes by a name.
    pub fn of_fit(name: &str, flow: &Flow, source: Source<'_>, fit: &Fit, options: &Options) -> Self {
        let Fit { evaluation, optimiser, progress, terms, findings, .. } = fit;
        let about = About {
            name: name.to_owned(),
            flow,
            beta: options.beta,
            goal: options.goal,
            min_eigenvalue: None,
            log_z_exact: source.log_z_exact(),
            samples: options.samples,
            optimiser,
            seed: options.seed,
            findings,
            advice: advice(flow.manifold(), source, !terms.is_empty(), false, options.model.layers, progress),
        };
        Self::of(about, progress, evaluation)
    }

    fn of(about: About<'_>, progress: &Progress, evaluation: &Evaluation) -> Self {
        let flow = about.flow;
        let weights = evaluation.weights.as_ref();
        let split = |e: Option<Estimate>| (e.map(|e| e.value), e.map(|e| e.standard_error));
        let (ess, ess_se) = split(weights.map(|w| w.ess));
        let (kl, kl_se) = split(weights.map(|w| w.kl));
        let (log_z, log_z_se) = split(weights.map(|w| w.log_z));
        let density = evaluation.is_density() && !progress.fold_seen;
        let (held_out_log_likelihood, held_out_log_likelihood_se) =
            split(evaluation.held_out.filter(|_| density));
        let (baseline_kernel_log_likelihood, baseline_kernel_log_likelihood_se) =
            split(evaluation.baseline_kernel);
        let (baseline_mixture_log_likelihood, baseline_mixture_log_likelihood_se) =
            split(evaluation.baseline_mixture);
        let report = Self {
            status: Status::Sound,
            version: env!("CARGO_PKG_VERSION").to_owned(),
            target: about.name,
            manifold: flow.manifold().to_string(),
            beta: about.beta,
            beta_reached: progress.beta,
            params: flow.parameters(),
            layers: flow.layers(),
            steps: progress.step,
            interrupted: !progress.done,
            folded: evaluation.is_folded() || progress.fold_seen,
            density,
            unreached: evaluation.fold.unreached,
            end: progress.end,
            goal: progress.beta.map(|_| about.goal),
            target_raised: progress.target_raised,
            residual: progress.residual,
            ess,
            ess_se,
            kl,
            kl_se,
            log_z,
            log_z_se,
            log_z_exact: about.log_z_exact,
            uniform_ess: evaluation.base_ess,
            max_weight_share: weights.map(|w| w.largest_share),
            pareto_k: weights.and_then(|w| w.pareto_k),
            held_out_points: evaluation.held_out_points,
            held_out_log_likelihood,
            held_out_log_likelihood_se,
            baseline_kernel_log_likelihood,
            baseline_kernel_log_likelihood_se,
            baseline_mixture_log_likelihood,
            baseline_mixture_log_likelihood_se,
            energy_statistic: evaluation.likeness.map(|likeness| likeness.model),
            energy_statistic_of_halves: evaluation.likeness.map(|likeness| likeness.halves),
            min_eigenvalue: smallest(progress, evaluation),
            min_eigenvalue_asked: about.min_eigenvalue,
            positivity: evaluation.positivity.clone(),
            indefinite_share: evaluation.fold.indefinite_share,
            mass: evaluation.mass.value,
            mass_se: evaluation.mass.standard_error,
            mass_resolution: evaluation.mass.resolution,
            mass_reversed: evaluation.mass.reversed,
            mass_unmeasured: evaluation.mass.unmeasured,
            samples: about.samples,
            solve_steps_mean: evaluation.solve.steps_mean(),
            solve_residual_max: evaluation.solve.residual_max,
            unconverged: evaluation.failed,
            unconverged_in_training: progress.unconverged,
            clipped_steps: progress.clipped_steps,
            optimiser: about.optimiser.to_owned(),
            seed: about.seed,
            threads: rayon::current_num_threads(),
            isa: flow.isa().to_owned(),
            wall_seconds: progress.wall_seconds,
            cpu_seconds: progress.cpu_seconds,
            pictures: Vec::new(),
            findings: about.findings.iter().map(ToString::to_string).collect(),
            advice: about.advice.to_owned(),
        };
        Self { status: report.assess(), ..report }
    }

    /// The file's text.
    pub fn to_json(&self) -> String {
        serde_json::to_string_pretty(self).expect("a report has string keys only") + "\n"
    }

    /// Name of what the pictures and tables are about.
    pub fn title(&self) -> String {
        if self.target.is_empty() {
            self.manifold.clone()
        } else {
            format!("{} on {}", self.target, self.manifold)
        }
    }
}
