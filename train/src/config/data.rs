//! The section `[data]`: points on a manifold, and the file that they are in.

use std::path::PathBuf;

use ircpm_manifolds::AnyManifold;
use serde::{Deserialize, Serialize};

use super::check;
use crate::data::{Column, Notation, Options, Unit};

/// Points on a manifold, one per row of a file.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DataConfig {
    /// Name of the file, relative to the configuration's folder: a table of text, an array if it ends in `.npy` or
    /// `.npz`, or a table of Parquet. Each row has the coordinates of a point.
    #[serde(deserialize_with = "check::file")]
    pub file: PathBuf,
    /// Manifold of the points, for example `T2`, `S2` or `T2xS2`.
    #[serde(with = "check::manifold")]
    pub manifold: AnyManifold,
    /// Unit of the angles: `rad`, `deg`, `hours` or `turns`. By default the header's, or radians where all values are
    /// within ±2π.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unit: Option<Unit>,
    /// Columns of the coordinates, by name or by number from 1; by default all.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub columns: Vec<Column>,
    /// Columns of the conditioning variables, by name or by number from 1: the fit is then of the density of the
    /// coordinates given these, `q(y | c)`. In the copy that a run keeps they are the last ones.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub context: Vec<Column>,
    /// Column of the weights of the rows, by name or by number from 1, which is no coordinate; by default all rows count
    /// alike.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub weights: Option<Column>,
    /// Whether points of S2 are given as latitude and longitude in degrees.
    #[serde(default, skip_serializing_if = "is_false")]
    pub lat_lon: bool,
    /// Whether the first row holds the names of the columns; by default seen from the table.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub header: Option<bool>,
    /// Whether rows that miss a value are left out; else they are refused.
    #[serde(default, skip_serializing_if = "is_false")]
    pub drop_missing: bool,
    /// Share of the rows that is kept away from training, for the reported likelihood.
    #[serde(default = "tenth", deserialize_with = "check::share")]
    pub held_out: f64,
    /// CRC-32 of the file in hexadecimal digits; another file is refused.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "check::crc32")]
    pub crc32: Option<String>,
    /// Where the points of a run's folder came from. Nothing is read from there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<PathBuf>,
    /// How they were read from there, in words.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub read_as: Vec<String>,
    /// How they were written there. Samples are written and pictures drawn in the same way, and points that are read for
    /// the run may be; the file above is not read by it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub notation: Option<Notation>,
}

impl DataConfig {
    /// What it says about the table.
    pub fn options(&self) -> Options {
        Options {
            unit: self.unit,
            columns: self.columns.clone(),
            // The copy of a run has them as the last coordinates.
            context: if self.source.is_none() { self.context.clone() } else { vec![] },
            weights: self.weights.clone(),
            lat_lon: self.lat_lon,
            header: self.header,
            drop_missing: self.drop_missing,
            crc32: self.crc32.clone(),
            notation: None,
        }
    }

    /// The manifold of the flow: that of the points, with the conditioning variables as its last factor.
    pub fn flow_manifold(&self) -> AnyManifold {
        match self.manifold.to_product() {
            Some(product) if !self.context.is_empty() => product.given(self.context.len(), &[]).into(),
            _ => self.manifold.clone(),
        }
    }

    /// The same points in the file `copy`, which holds coordinates as the flow takes them, and then the weights.
    pub(crate) fn copied(&self, copy: &str, crc32: String, read_as: Vec<String>, notation: Notation) -> Self {
        Self {
            file: copy.into(),
            manifold: self.manifold.clone(),
            unit: None,
            columns: vec![],
            context: self.context.clone(),
            weights: self.weights.as_ref().map(|_| Column::Number(self.flow_manifold().ambient() + 1)),
            lat_lon: false,
            header: None,
            drop_missing: false,
            held_out: self.held_out,
            crc32: Some(crc32),
            source: Some(self.source.clone().unwrap_or_else(|| self.file.clone())),
            read_as: if self.source.is_some() { self.read_as.clone() } else { read_as },
            notation: if self.source.is_some() { self.notation.clone() } else { Some(notation) },
        }
    }
}

fn tenth() -> f64 {
    0.1
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
fn is_false(value: &bool) -> bool {
    !value
}
