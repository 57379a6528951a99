//! What the owner of a table says about it.

use std::f64::consts::TAU;
use std::fmt;
use std::str::FromStr;

use serde::de::{Deserialize, Deserializer, Error, Visitor};
use serde::{Deserialize as DeserializeDerive, Serialize, Serializer};

use super::Notation;

/// What the owner of a table says about it; by default nothing, and the table speaks for itself.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Options {
    /// Unit of the angles; none to take it from the header, or radians where all values are within ±2π.
    pub unit: Option<Unit>,
    /// Columns of the coordinates, in their order; empty for all columns.
    pub columns: Vec<Column>,
    /// Columns of the conditioning variables, in their order; empty to take them as the last coordinates.
    pub context: Vec<Column>,
    /// Column of the weights of the rows, which is no coordinate; none if all rows count alike. See [`crate::weights`].
    pub weights: Option<Column>,
    /// Whether each unit vector of S² stands as latitude and longitude in degrees.
    pub lat_lon: bool,
    /// Whether the first row holds the names of the columns; none to see it from the table.
    pub header: Option<bool>,
    /// Whether rows that miss a value are left out; else they are refused.
    pub drop_missing: bool,
    /// CRC-32 of the file's bytes in hexadecimal digits, if the file must be the same as before.
    pub crc32: Option<String>,
    /// How the points of a run are written, where these belong to it: what neither the table nor another option says is as
    /// there.
    pub notation: Option<Notation>,
}

/// Unit of angles.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, DeserializeDerive)]
#[non_exhaustive]
pub enum Unit {
    /// Radians, 2π in a turn.
    #[serde(rename = "rad")]
    Radians,
    /// Degrees, 360 in a turn.
    #[serde(rename = "deg")]
    Degrees,
    /// Hours of a day, 24 in a turn.
    #[serde(rename = "hours")]
    Hours,
    /// Whole turns.
    #[serde(rename = "turns")]
    Turns,
}

impl Unit {
    /// All units.
    pub const ALL: [Self; 4] = [Self::Radians, Self::Degrees, Self::Hours, Self::Turns];

    /// Units in a turn.
    pub fn turn(self) -> f64 {
        match self {
            Self::Radians => TAU,
            Self::Degrees => 360.0,
            Self::Hours => 24.0,
            Self::Turns => 1.0,
        }
    }

    /// An angle in radians; one in another unit is reduced to a turn first, which is exact.
    pub fn radians(self, angle: f64) -> f64 {
        match self {
            Self::Radians => angle,
            unit => angle.rem_euclid(unit.turn()) / unit.turn() * TAU,
        }
    }

    /// The name as an option.
    pub fn name(self) -> &'static str {
        match self {
            Self::Radians => "rad",
            Self::Degrees => "deg",
            Self::Hours => "hours",
            Self::Turns => "turns",
        }
    }
}

impl FromStr for Unit {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let found = Self::ALL.into_iter().find(|unit| unit.name() == text);
        found.ok_or_else(|| format!("`{text}` is no unit of angles: give rad, deg, hours or turns"))
    }
}

impl fmt::Display for Unit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Radians => "radians",
            Self::Degrees => "degrees",
            Self::Hours => "hours",
            Self::Turns => "turns",
        })
    }
}

/// One column of a table. In TOML an integer or a string.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Column {
    /// The number of the column, from 1.
    Number(usize),
    /// The name in the header, or a number where no column has that name.
    Name(String),
}

impl FromStr for Column {
    type Err = std::convert::Infallible;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Ok(Self::Name(text.to_owned()))
    }
}

impl fmt::Display for Column {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Number(number) => write!(f, "{number}"),
            Self::Name(name) => f.write_str(name),
        }
    }
}

impl Serialize for Column {
    fn serialize<S: Serializer>(&self, output: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Number(number) => output.serialize_u64(*number as u64),
            Self::Name(name) => output.serialize_str(name),
        }
    }
}

impl<'de> Deserialize<'de> for Column {
    fn deserialize<D: Deserializer<'de>>(input: D) -> Result<Self, D::Error> {
        input.deserialize_any(ColumnVisitor)
    }
}

struct ColumnVisitor;

impl Visitor<'_> for ColumnVisitor {
    type Value = Column;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the name of a column, or its number from 1")
    }

    fn visit_str<E: Error>(self, name: &str) -> Result<Column, E> {
        Ok(Column::Name(name.to_owned()))
    }

    fn visit_i64<E: Error>(self, number: i64) -> Result<Column, E> {
        let found = usize::try_from(number).ok().filter(|&number| (1..1 << 31).contains(&number));
        found
            .map(Column::Number)
            .ok_or_else(|| E::custom(format!("{number} is no column: they count from 1")))
    }

    fn visit_u64<E: Error>(self, number: u64) -> Result<Column, E> {
        self.visit_i64(i64::try_from(number).unwrap_or(i64::MAX))
    }
}
