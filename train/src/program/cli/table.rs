//! Options that say how a table of points is written.

use std::path::Path;

use clap::Args;

use super::CliError;
use crate::data::{Column, Options, Unit};

#[derive(Debug, Args)]
#[command(next_help_heading = "How the table is written")]
pub(super) struct TableArgs {
    /// Unit of the angles: rad, deg, hours or turns [default: the header's, or rad where all are within ±2π]
    #[arg(long)]
    pub(super) unit: Option<Unit>,
    /// Columns of the coordinates, by name or by number from 1 [default: all]
    #[arg(long, value_delimiter = ',')]
    pub(super) columns: Vec<Column>,
    /// Columns of conditioning variables, by name or by number from 1: the density is that of the coordinates given
    /// these
    #[arg(long, value_delimiter = ',')]
    pub(super) context: Vec<Column>,
    /// Points of S2 are given as latitude and longitude in degrees
    #[arg(long)]
    pub(super) lat_lon: bool,
    /// Whether the first row holds the names of the columns [default: seen from the table]
    #[arg(long, value_name = "yes|no", value_parser = yes_or_no)]
    pub(super) header: Option<bool>,
    /// Leave out rows that miss a value
    #[arg(long)]
    pub(super) drop_missing: bool,
}

/// Refuses a file of the command line that is not there.
///
/// Its name starts from the working directory, not from the folder of a configuration.
///
/// # Errors
/// [`CliError::StandardInput`] for `-`, [`CliError::NoSuchFile`].
pub(super) fn check_file(path: &Path) -> Result<(), CliError> {
    match path.try_exists() {
        Ok(false) if path == Path::new("-") => Err(CliError::StandardInput),
        Ok(false) => Err(CliError::NoSuchFile { path: path.to_owned() }),
        // What the system says of a file that it does not let be seen, it says again where the file is read.
        Ok(true) | Err(_) => Ok(()),
    }
}

fn yes_or_no(text: &str) -> Result<bool, String> {
    match text {
        "yes" => Ok(true),
        "no" => Ok(false),
        _ => Err("give yes or no".to_owned()),
    }
}

impl TableArgs {
    /// The same for the library.
    pub(super) fn options(&self) -> Options {
        let Self { unit, lat_lon, header, drop_missing, .. } = *self;
        let (columns, context) = (self.columns.clone(), self.context.clone());
        Options { unit, columns, context, lat_lon, header, drop_missing, ..Options::default() }
    }
}
