//! Options that say how points are written, and the line that says how they were.

use clap::Args;
use ircpm_manifolds::AnyManifold;

use super::CliError;
use crate::data::{Notation, Unit};
use crate::program::output::note;

#[derive(Debug, Args)]
#[command(next_help_heading = "How points are written")]
pub(super) struct NotationArgs {
    /// Unit of the angles: rad, deg, hours or turns [default: that of the points of the fit, else rad]
    #[arg(long)]
    unit: Option<Unit>,
    /// Points of S2 as latitude and longitude in degrees, or with =no as unit vectors [default: as the points of the fit]
    #[arg(long, value_name = "yes|no", value_parser = yes_or_no, num_args = 0..=1, require_equals = true, default_missing_value = "yes")]
    lat_lon: Option<bool>,
}

impl NotationArgs {
    /// How points are written, where the run has them as in `own`.
    pub(super) fn apply(&self, own: &Notation, manifold: &AnyManifold) -> Result<Notation, CliError> {
        Ok(own.clone().with(manifold, self.unit, self.lat_lon)?)
    }
}

/// Says how points are written, where that is not the usual way.
pub(super) fn tell(notation: &Notation, manifold: &AnyManifold) {
    if *notation == Notation::default() {
        return;
    }
    if let Some(description) = notation.description(manifold) {
        let names = notation.column_names(manifold).join(", ");
        note(format_args!(
            "points are written as {names}: {description}; densities are per radian or steradian"
        ));
    }
}

/// The value of an option that may be switched off.
pub(super) fn yes_or_no(text: &str) -> Result<bool, String> {
    match text {
        "yes" => Ok(true),
        "no" => Ok(false),
        _ => Err("give yes or no".to_owned()),
    }
}
