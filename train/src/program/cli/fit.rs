//! `ircpm fit`.

use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;

use clap::Args;
use ircpm_manifolds::AnyManifold;
use toml::{Table, Value};

use super::CliError;
use super::table::{TableArgs, check_file};
use super::train::{RunArgs, begin};
use crate::config::{Config, ConfigError};
use crate::data::Column;
use crate::program::RunError;

pub(super) const EXAMPLES: &str = "\
Examples:
  ircpm fit angles.csv --manifold T2 --unit deg        dihedral angles, two columns in degrees
  ircpm fit trajectory.dat --manifold T2 --columns phi,psi
  ircpm fit quakes.csv --manifold S2 --lat-lon         latitude and longitude, whichever columns have these names
  ircpm fit events.csv --manifold S2 --columns x,y,z --context energy     density of directions given the energy
  ircpm fit directions.npy --manifold S2               unit vectors, three columns
  ircpm fit events.csv --manifold T1 --weights w       the column w says what each row counts, the other is an angle

A table of text may be separated by commas, tabs, semicolons or blanks, with a header or without; .npy and .npz are arrays
of NumPy, .parquet a table of Parquet. What is taken for granted is said, what may be read in two ways is asked for. The command writes a run folder as
`ircpm train` does; its config.toml has every key, and points.npy the points.";

#[derive(Debug, Args)]
pub(super) struct Fit {
    /// File of the points: a table of text, or .npy, .npz or .parquet
    file: PathBuf,
    /// Manifold of the points: T2 for two angles, S2 for the sphere, R1xT1 for a number and an angle
    #[arg(long, value_parser = manifold)]
    manifold: String,
    /// Column of the weights of the rows: what each counts, 0 or more [default: all count alike]
    #[arg(long)]
    weights: Option<Column>,
    /// Share of the rows that is kept away from the fit, for the reported likelihood [default: 0.1]
    #[arg(long, value_parser = share, allow_negative_numbers = true)]
    held_out: Option<f64>,
    #[command(flatten)]
    table: TableArgs,
    #[command(flatten)]
    run: RunArgs,
}

/// A share of the rows.
fn share(text: &str) -> Result<f64, String> {
    let share = text.parse().ok().filter(|share| (0.0..1.0).contains(share));
    share.ok_or_else(|| "give a share, at least 0 and below 1, such as 0.1".to_owned())
}

/// Does what the arguments say; returns the exit status.
pub(super) fn fit(args: &Fit, stop: &AtomicBool) -> Result<u8, CliError> {
    args.run.threads.start()?;
    check_file(&args.file)?;
    let config = Config::parse_with(&args.to_toml(), NAME, &args.run.overrides()).map_err(refusal)?;
    let label = args.file.file_stem().unwrap_or_default().to_string_lossy().into_owned();
    begin(config, &label, Path::new(""), &args.run, stop)
}

/// Name of the configuration that is made of the arguments, which nobody has written.
const NAME: &str = "ircpm fit";

/// An error of `--set` with its text; any other is one of the arguments, or of `--set` against them.
fn refusal(error: ConfigError) -> CliError {
    if error.name == NAME { CliError::Arguments(error.message) } else { RunError::from(error).into() }
}

/// A manifold's name.
fn manifold(text: &str) -> Result<String, String> {
    text.parse::<AnyManifold>().map(|manifold| manifold.to_string()).map_err(|e| e.to_string())
}

impl Fit {
    /// The arguments as a configuration.
    fn to_toml(&self) -> String {
        let TableArgs { unit, columns, context, lat_lon, header, drop_missing } = &self.table;
        let mut data = Table::new();
        let mut set = |key: &str, value: Value| data.insert(key.to_owned(), value);
        set("file", self.file.to_string_lossy().into_owned().into());
        set("manifold", self.manifold.clone().into());
        if let Some(unit) = unit {
            set("unit", unit.name().into());
        }
        for (key, columns) in [("columns", columns), ("context", context)] {
            if !columns.is_empty() {
                set(key, columns.iter().map(Column::to_string).collect::<Vec<_>>().into());
            }
        }
        if let Some(weights) = &self.weights {
            set("weights", weights.to_string().into());
        }
        if let Some(lat_lon) = *lat_lon {
            set("lat_lon", lat_lon.into());
        }
        if let Some(header) = *header {
            set("header", header.into());
        }
        if *drop_missing {
            set("drop_missing", true.into());
        }
        if let Some(share) = self.held_out {
            set("held_out", share.into());
        }
        let training = Table::from_iter([("loss".to_owned(), Value::from("likelihood"))]);
        let sections = [("data", data), ("training", training)];
        Table::from_iter(sections.map(|(name, table)| (name.to_owned(), Value::Table(table)))).to_string()
    }
}
