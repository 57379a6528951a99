//! The report of a run, tied to the checkpoint that it is about.

use serde::{Deserialize, Serialize};

use super::RunError;
use super::folder::{Folder, file};
use crate::report::Report;

/// What a folder says of how good its model is.
#[derive(Clone, Debug, PartialEq)]
pub enum Measurement {
    /// There is no report.
    Absent,
    /// There is a report, but not of the model's present state.
    Stale,
    /// The report of the present state.
    Current(Box<Report>),
}

/// The key of `report.json` that is not the report's own: the checksum of the checkpoint's bytes. Reports of earlier
/// versions have none, so nobody knows what they are about.
#[derive(Deserialize)]
struct Subject {
    #[serde(default)]
    checkpoint: Option<String>,
}

/// `report.json` as it is written.
#[derive(Serialize)]
struct Record<'a> {
    #[serde(flatten)]
    report: &'a Report,
    checkpoint: &'a str,
}

impl Measurement {
    /// What a folder says of the state whose checkpoint has this checksum.
    ///
    /// # Errors
    /// [`RunError::Folder`] if the report cannot be read, [`RunError::Report`] if it is not one of this program.
    pub fn read(folder: &Folder, checksum: &str) -> Result<Self, RunError> {
        if !folder.path(file::REPORT).exists() {
            return Ok(Self::Absent);
        }
        let bytes = folder.read(file::REPORT)?;
        let fault = |source| RunError::Report { path: folder.path(file::REPORT), source };
        let report: Report = serde_json::from_slice(&bytes).map_err(fault)?;
        let subject: Subject = serde_json::from_slice(&bytes).map_err(fault)?;
        let is_current = subject.checkpoint.as_deref() == Some(checksum);
        Ok(if is_current { Self::Current(Box::new(report)) } else { Self::Stale })
    }

    /// The report of the present state, if there is one.
    pub fn current(self) -> Option<Report> {
        match self {
            Self::Current(report) => Some(*report),
            Self::Absent | Self::Stale => None,
        }
    }
}

/// Writes the report of the state whose checkpoint has this checksum.
///
/// # Errors
/// [`RunError::Folder`] if it cannot be written.
pub(super) fn write_report(report: &Report, checksum: &str, folder: &Folder) -> Result<(), RunError> {
    let record = Record { report, checkpoint: checksum };
    let text = serde_json::to_string_pretty(&record).expect("a report has string keys only") + "\n";
    Ok(folder.write(file::REPORT, text.as_bytes())?)
}
