//! What a reader must know of a run before any number: whether its model is a density, and whether training is done.

use serde::Serialize;

use super::json::Report;
use crate::training::End;

/// Whether a model can be used, as far as its evaluation shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Status {
    /// The map does not fold, its mass is one, and training came to its end.
    Sound,
    /// The map folds, or its mass is not one.
    NotADensity,
    /// A density, but training was interrupted, has not come to the target's temperature, or ran out of steps before
    /// its goal. Training that stalled above its goal has come to its end.
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

impl Report {
    /// Whether the model can be used.
    pub(super) fn assess(&self) -> Status {
        let colder = self.beta_reached.is_some_and(|reached| reached < self.beta);
        if !self.density {
            Status::NotADensity
        } else if self.interrupted || colder || self.end == Some(End::Steps) {
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
        (!marks.is_empty()).then(|| marks.join(", "))
    }

    /// What was found to help against a fold in such a run.
    pub(super) fn advice_against_folds(&self) -> &'static str {
        match (self.held_out_points, self.default_model) {
            (Some(_), false) => "Remove the keys of [model], so that the default potential is used.",
            (Some(_), true) => {
                "No setting is known to help: give more points, or drop columns that determine others."
            }
            (None, _) if self.beta_reached.is_some() => MORE_LAYERS,
            (None, _) => {
                "Set training.optimiser = \"auto\" if least squares apply, or give more layers (model.layers)."
            }
        }
    }
}

/// What helped where one layer could not come to a sharp density: see `docs/results.md`.
pub(super) const MORE_LAYERS: &str = "Set model.layers = \"auto\", or to a larger number.";
