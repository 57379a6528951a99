//! From the folder of a run to its model, and whether that is a density.

use std::path::Path;

use super::CliError;
use super::open::open_config;
use crate::density_proof::{DensityProof, refuse_unboundable};
use crate::program::folder::Folder;
use crate::program::output::warn;
use crate::program::{self, Measurement, RunError, Saved};
use crate::report::Status;
use crate::training::Model;

/// What is known of a model before it is used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Standing {
    /// As its report says.
    Measured(Status),
    /// Nobody has measured it in its present state.
    Unmeasured,
}

impl Standing {
    /// Exit status of a command that has used the model: 3 if it is not a density, else 0. A model whose training is
    /// unfinished is a density all the same.
    pub(super) fn code(self) -> u8 {
        if self == Self::Measured(Status::NotADensity) { Status::NotADensity.code() } else { 0 }
    }

    /// Says on standard error what the user of the model must know.
    fn tell(self, root: &Path) {
        let root = root.display();
        match self {
            Self::Measured(Status::Sound) => {}
            Self::Measured(Status::NotADensity) => warn(format_args!(
                "NOT A DENSITY: the map of {root} folds, or its mass is not one (`ircpm show {root}`), so log q and weights \
                 are none. The exit status is 3"
            )),
            Self::Measured(Status::Unfinished) => {
                warn(format_args!(
                    "UNFINISHED: the training of {root} has not come to its end, or its weights are too heavy-tailed \
                     (`ircpm show {root}`); the model is a density"
                ));
            }
            Self::Unmeasured => warn(format_args!(
                "UNMEASURED: nobody has looked whether the map of {root}, as it is now, folds; `ircpm evaluate {root}` \
                 does"
            )),
        }
    }
}

/// The model of a run, which needs neither the points that it was fitted to nor its pictures.
pub(super) fn open_model(root: &Path) -> Result<(Model, Standing), CliError> {
    let Opened { model, standing, .. } = open(root)?;
    standing.tell(root);
    Ok((model, standing))
}

/// The model of a run whose density is proven to be bounded, and the bounds.
///
/// # Errors
/// [`CliError::Proof`] for a run whose density cannot be bounded, [`CliError::NoBounds`] if nothing is proven of the present state, and as
/// [`open_model`].
pub(super) fn open_bounded(root: &Path) -> Result<(Model, DensityProof), CliError> {
    let Opened { model, folder, checksum, has_charges, .. } = open(root)?;
    refuse_unboundable(&model, has_charges)
        .map_err(|source| CliError::Proof { run: root.to_owned(), source })?;
    let proof = program::read_density(&checksum, model.beta, &folder)?;
    let proof = proof.ok_or_else(|| CliError::NoBounds { run: root.to_owned() })?;
    Ok((model, proof))
}

/// What the folder of a run holds.
struct Opened {
    model: Model,
    standing: Standing,
    folder: Folder,
    checksum: String,
    has_charges: bool,
}

fn open(root: &Path) -> Result<Opened, CliError> {
    let (config, folder) = open_config(root)?;
    let Saved { checkpoint, checksum } = program::read_checkpoint(&config, &folder)?;
    let model = Model::new(&checkpoint).map_err(|source| RunError::in_checkpoint(&folder, source))?;
    // A report of another state says nothing of this one.
    let standing = match Measurement::read(&folder, &checksum)?.current() {
        Some(report) => Standing::Measured(report.status),
        None if checkpoint.state.progress.fold_seen => Standing::Measured(Status::NotADensity),
        None => Standing::Unmeasured,
    };
    let has_charges = checkpoint.config.has_charges();
    Ok(Opened { model, standing, folder, checksum, has_charges })
}
