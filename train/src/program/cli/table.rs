//! Options that say how a table of points is written.

use std::path::Path;

use clap::Args;

use super::CliError;
use super::notation::yes_or_no;
use crate::data::{Column, Notation, Options, Unit};

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
    /// Points of S2 are given as latitude and longitude in degrees, or with =no as unit vectors
    #[arg(long, value_name = "yes|no", value_parser = yes_or_no, num_args = 0..=1, require_equals = true, default_missing_value = "yes")]
    pub(super) lat_lon: Option<bool>,
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

impl TableArgs {
    /// The same for the library, for points of a run that has its own written as in `own`.
    pub(super) fn options(&self, own: &Notation) -> Options {
        let Self { unit, header, drop_missing, .. } = *self;
        let (columns, context) = (self.columns.clone(), self.context.clone());
        let mut notation = own.clone();
        if self.lat_lon == Some(false) && notation.lat_lon {
            notation = Notation { lat_lon: false, columns: vec![], ..notation };
        }
        let (lat_lon, notation) = (self.lat_lon == Some(true), Some(notation));
        Options { unit, columns, context, lat_lon, header, drop_missing, notation, ..Options::default() }
    }
}
