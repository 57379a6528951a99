//! What a reader must know of a run before any number: whether its model is a density, and whether training is done.

use serde::{Deserialize, Serialize};

use ircpm_manifolds::AnyManifold;

use super::json::Report;
use crate::config::Layers;
use crate::training::{End, Progress, Source};

/// Whether a model can be used, as far as its evaluation shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Status {
    /// The map does not fold, its mass is one, and training came to its end.
    Sound,
    /// The map folds, or its mass is not one.
    NotADensity,
    /// A density, but training was interrupted, has not come to the target's temperature, or ran out of steps before
    /// its goal; or its importance weights are too heavy-tailed for ESS, KL and log Z, as [`Report::has_heavy_weights`]
    /// tells. Training that stalled above its goal has come to its end.
    Unfinished,
}

impl Status {
    /// Exit status of the program: 0, 3 and 4.
    pub fn code(self) -> u8 {
        match self {
            Self::Sound => 0,
            Self::NotADensity => 3,
            Self::Unfinished => 4,
        }
    }
}

/// Pareto shape of the weights above which means of them cannot be relied on (Vehtari et al. 2024, *Pareto smoothed
/// importance sampling*, JMLR 25).
const HEAVY: f64 = 0.7;
/// Effective sample size from which the tail's shape is not asked. The shape is that of the tail relative to its own scale,
/// and a preset with a KL of 2e-7 nats comes to 0.71 in one of five seeds.
const EVEN: f64 = 0.99;

impl Report {
    /// Whether the tail of the importance weights is too heavy for estimates from them: their Pareto shape is above 0.7,
    /// and the ESS below 99 %.
    ///
    /// So are the weights of an energy that has no normaliser, whatever the training.
    pub fn has_heavy_weights(&self) -> bool {
        self.pareto_k.is_some_and(|k| k > HEAVY) && self.ess.is_none_or(|ess| ess.is_nan() || ess < EVEN)
    }

    /// Whether the model can be used.
    pub(super) fn assess(&self) -> Status {
        let colder = self.beta_reached.is_some_and(|reached| reached < self.beta);
        if !self.density {
            Status::NotADensity
        } else if self.interrupted || colder || self.end == Some(End::Steps) || self.has_heavy_weights() {
            Status::Unfinished
        } else {
            Status::Sound
        }
    }

    /// What a picture of the run must say beside its title, if anything.
    pub fn mark(&self) -> Option<String> {
        let mut marks = Vec::new();
        if self.folded {
            marks.push("FOLDED: not a density".to_owned());
        } else if !self.density {
            marks.push(format!("MASS {:.3}: not a density", self.mass));
        }
        if self.interrupted {
            marks.push(format!("INTERRUPTED after {} steps", self.steps));
        } else if self.beta_reached.is_some_and(|reached| reached < self.beta) || self.end == Some(End::Steps)
        {
            marks.push("UNFINISHED".to_owned());
        }
        if self.density && self.has_heavy_weights() {
            marks.push("WEIGHTS too heavy-tailed for ESS and log Z".to_owned());
        }
        (!marks.is_empty()).then(|| marks.join(", "))
    }
}

/// What was found to help against a fold, or a goal that was not reached, in such a run: see `docs/results.md`.
pub(super) fn advice(
    manifold: &AnyManifold,
    source: Source<'_>,
    linear: bool,
    charges: bool,
    layers: Layers,
    progress: &Progress,
) -> &'static str {
    let compact = manifold.log_volume().is_some();
    match source {
        Source::Points { .. } if linear => "No setting is known to help: give more points.",
        Source::Points { .. } => {
            "Remove the keys of [model] and training.optimiser, so that linear potentials are used."
        }
        Source::Target { .. } if charges => {
            "Lower model.wall against folds; for a closer model raise training.steps, or add layers or charges."
        }
        Source::Target { .. } if progress.beta.is_some() => match layers {
            Layers::Auto => "Training has added the layers that paid; no other setting is known to help.",
            Layers::Fixed(_) => "Set model.layers = \"auto\", or to a larger number.",
        },
        Source::Target { .. } if compact => {
            "Set training.optimiser = \"auto\": least squares raise the eigenvalues of H."
        }
        Source::Target { .. } => "No setting is known to help on a manifold of infinite volume.",
    }
}
