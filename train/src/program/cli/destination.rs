//! The options `--out` and `--force` of commands that write tables.

use std::path::PathBuf;

use clap::Args;

use super::CliError;
use crate::program::tables::{self, Layout, Table};

#[derive(Debug, Args)]
pub(super) struct Destination {
    /// File that ends in .csv, .npy, .npz or .parquet; - is CSV on standard output
    #[arg(long, short, value_name = "FILE", default_value = "-")]
    out: PathBuf,
    /// Replace the file if it is there
    #[arg(long)]
    force: bool,
}

impl Destination {
    /// Begins the table, whose file appears when it is whole.
    pub(super) fn create(&self, layout: &Layout) -> Result<Table, CliError> {
        Ok(Table::create(&self.out, layout, self.force)?)
    }

    /// Whether every array gets a place of its own, as in npz.
    pub(super) fn is_archive(&self) -> bool {
        self.out.extension().is_some_and(|ending| ending.eq_ignore_ascii_case("npz"))
    }

    /// Whether the table goes to standard output.
    pub(super) fn is_standard_output(&self) -> bool {
        tables::is_standard_output(&self.out)
    }
}
