//! Rows of a table as points of a manifold.

use ircpm_manifolds::{AnyManifold, Coordinates};

use super::field::Cell;
use super::names::coordinate_names;
use super::select::{Role, find, roles, select};
use super::table::Table;
use super::unit::unit;
use super::{DataError, Notation, Note, Options, Points, Unit};
use crate::weights::{Sample, WeightedPoints};

/// Unit vectors whose length misses 1 by more than this are not rounded, but wrong: it is what numbers of five decimals
/// miss on S². Numbers of six decimals, and those of single precision, miss less.
const UNIT_TOLERANCE: f64 = 1e-5;
/// Lengths that miss 1 by less are as near as double precision comes. They are left as they are, so that points that were
/// written out are read again to the bit.
const ROUNDING: f64 = 1e-15;
/// Degrees by which a rounded latitude or longitude may be too large.
const GLOBE_TOLERANCE: f64 = 1e-6;

/// Points of the rows, with the notes so far and those that are made here.
///
/// # Errors
/// [`DataError`] at the first row that is none.
pub(super) fn points(
    table: &Table<'_>,
    manifold: &AnyManifold,
    options: &Options,
    mut notes: Vec<Note>,
) -> Result<Points, DataError> {
    let lat_lon = options.lat_lon || is_globe_by_run(table, manifold, options);
    let roles = roles(manifold, lat_lon);
    if options.lat_lon && !roles.contains(&Role::Latitude) {
        return Err(DataError::NoSphere { manifold: manifold.to_string() });
    }
    if options.unit.is_some() && !roles.contains(&Role::Angle) {
        return Err(DataError::NoAngles { manifold: manifold.to_string() });
    }
    let of_weights = options.weights.as_ref().map(|column| find(table, column)).transpose()?;
    let columns = select(table, manifold, &roles, of_weights, options, &mut notes)?;
    let fields: Vec<usize> = columns.iter().copied().chain(of_weights).collect();
    let (rows, mut numbers) = numbers(table, &fields, options, &mut notes)?;
    let weights = of_weights
        .map(|column| take_weights(table, column, &rows, &mut numbers, fields.len(), &mut notes))
        .transpose()?;
    let selection = Selection { table, roles, columns, rows, numbers };
    let angle_unit = selection.unit(options, &mut notes)?;
    let points = selection.points(manifold, angle_unit, &mut notes)?;
    let found = points.len() / manifold.ambient();
    if found == 0 {
        return Err(DataError::TooFew { path: table.path.to_owned(), rows: 0, needed: 1 });
    }
    let Selection { roles, columns, numbers, .. } = selection;
    let names = columns.iter().filter_map(|&column| table.names.get(column).cloned()).collect();
    let notation = Notation::of(names, &roles, &numbers, angle_unit);
    Ok(Points { points, weights, notes, notation })
}

/// Whether the table has latitudes and longitudes because the points of its run are written so. Unit vectors are known by
/// their names, or in a table without names by their number and length.
fn is_globe_by_run(table: &Table<'_>, manifold: &AnyManifold, options: &Options) -> bool {
    if !options.notation.as_ref().is_some_and(|notation| notation.lat_lon) {
        return false;
    }
    if !table.names.is_empty() {
        return !coordinate_names(manifold).iter().all(|name| table.names.contains(name));
    }
    let is_point = |cells: &[Cell]| {
        let number = |cell: &Cell| if let Cell::Number(number) = cell { *number } else { f64::NAN };
        let mut point: Vec<f64> = cells.iter().map(number).collect();
        normalise(manifold, &mut point);
        manifold.check_point(&point).is_ok()
    };
    table.width != manifold.ambient() || !table.rows().all(is_point)
}

/// Takes the weights, the last of `width` numbers per row, out of the numbers.
///
/// # Errors
/// [`DataError::Weight`] at the first that is negative, [`DataError::NoWeight`] if all are zero.
fn take_weights(
    table: &Table<'_>,
    column: usize,
    rows: &[usize],
    numbers: &mut Vec<f64>,
    width: usize,
    notes: &mut Vec<Note>,
) -> Result<Vec<f64>, DataError> {
    let weights: Vec<f64> = numbers.chunks_exact(width).map(|row| row[width - 1]).collect();
    let mut place = 0_usize;
    numbers.retain(|_| {
        place += 1;
        !place.is_multiple_of(width)
    });
    if let Some(i) = weights.iter().position(|weight| *weight < 0.0) {
        let (at, column) = (table.place(rows[i]), table.label(column));
        return Err(DataError::Weight { at, column, value: weights[i] });
    }
    let positive = weights.iter().filter(|weight| **weight > 0.0).count();
    if positive == 0 && !weights.is_empty() {
        return Err(DataError::NoWeight { path: table.path.to_owned(), column: table.label(column) });
    }
    // The weights stand for points of one coordinate.
    let known = WeightedPoints::new(&weights, &weights).map(|given| Sample::new(given, 1).weights);
    let effective = known.unwrap_or_default().effective(positive);
    let (column, zero) = (table.label(column), weights.len() - positive);
    notes.push(Note::Weights { column, rows: positive, zero, effective });
    Ok(weights)
}

/// The numbers of some columns, `[row][column]`, and their rows in the table; rows without a value are left out if the
/// options say so.
///
/// # Errors
/// [`DataError::Missing`] or [`DataError::Number`] at the first field that is no number.
fn numbers(
    table: &Table<'_>,
    columns: &[usize],
    options: &Options,
    notes: &mut Vec<Note>,
) -> Result<(Vec<usize>, Vec<f64>), DataError> {
    let (mut rows, mut numbers, mut dropped) = (Vec::new(), Vec::new(), Vec::new());
    for (row, cells) in table.rows().enumerate() {
        let missing = columns.iter().find(|&&column| cells[column] == Cell::Missing);
        let text = columns.iter().find(|&&column| cells[column] == Cell::Text);
        match (text, missing) {
            (Some(&column), _) => return Err(table.fault(row, column)),
            (None, Some(&column)) if !options.drop_missing => return Err(table.fault(row, column)),
            (None, Some(_)) => dropped.push(row),
            (None, None) => {
                rows.push(row);
                numbers.extend(columns.iter().filter_map(|&column| match cells[column] {
                    Cell::Number(number) => Some(number),
                    Cell::Missing | Cell::Text => None,
                }));
            }
        }
    }
    if let Some(&first) = dropped.first() {
        notes.push(Note::Dropped { rows: dropped.len(), at: table.place(first) });
    }
    Ok((rows, numbers))
}

/// Numbers of a table with their roles.
struct Selection<'a> {
    table: &'a Table<'a>,
    roles: Vec<Role>,
    /// Column of each role.
    columns: Vec<usize>,
    /// Row of the table of each row of numbers.
    rows: Vec<usize>,
    /// `[row][role]`.
    numbers: Vec<f64>,
}

impl Selection<'_> {
    /// The numbers with row and column of the table, and their role.
    fn each(&self) -> impl Iterator<Item = (usize, usize, f64, Role)> + '_ {
        let n = self.roles.len();
        let of = move |(i, &x): (usize, &f64)| (self.rows[i / n], self.columns[i % n], x, self.roles[i % n]);
        self.numbers.iter().enumerate().map(of)
    }

    /// The unit of the angles; angles beyond a turn of it are noted.
    ///
    /// # Errors
    /// As [`unit`].
    fn unit(&self, options: &Options, notes: &mut Vec<Note>) -> Result<Unit, DataError> {
        let of_angles = || self.each().filter(|(.., role)| *role == Role::Angle);
        let columns: Vec<usize> = self
            .columns
            .iter()
            .zip(&self.roles)
            .filter(|(_, role)| **role == Role::Angle)
            .map(|(c, _)| *c)
            .collect();
        if columns.is_empty() {
            return Ok(Unit::Radians);
        }
        let numbers = of_angles().map(|(row, column, x, _)| (row, column, x));
        let unit = unit(self.table, &columns, numbers, options, notes)?;
        let mut beyond = of_angles().filter(|(_, _, x, _)| x.abs() > 1.002 * unit.turn());
        if let Some((row, _, value, _)) = beyond.next() {
            notes.push(Note::Wrapped { count: 1 + beyond.count(), at: self.table.place(row), value, unit });
        }
        Ok(unit)
    }

    /// Points, whose unit vectors are divided by their length where that is nearly one.
    ///
    /// # Errors
    /// [`DataError::Globe`] or [`DataError::Point`].
    fn points(
        &self,
        manifold: &AnyManifold,
        unit: Unit,
        notes: &mut Vec<Note>,
    ) -> Result<Vec<f64>, DataError> {
        let mut points = Vec::with_capacity(self.rows.len() * manifold.ambient());
        let mut error = 0.0;
        for (&row, numbers) in self.rows.iter().zip(self.numbers.chunks_exact(self.roles.len())) {
            let start = points.len();
            for (i, (&x, role)) in numbers.iter().zip(&self.roles).enumerate() {
                match role {
                    Role::Plain => points.push(x),
                    Role::Angle => points.push(unit.radians(x)),
                    Role::Latitude => points.extend(self.on_globe(row, i, [x, numbers[i + 1]])?),
                    // It went with its latitude.
                    Role::Longitude => {}
                }
            }
            let point = &mut points[start..];
            error = f64::max(error, normalise(manifold, point));
            if let Err(source) = manifold.check_point(point) {
                let (at, manifold) = (self.table.place(row), manifold.to_string());
                return Err(DataError::Point { at, values: numbers.to_vec(), manifold, source });
            }
            wrap(manifold, point);
        }
        if error > 0.0 {
            notes.push(Note::Normalised { error });
        }
        Ok(points)
    }

    /// The unit vector of latitude and longitude in degrees, the columns of roles `i` and `i + 1`:
    /// (cos φ cos λ, cos φ sin λ, sin φ).
    ///
    /// # Errors
    /// [`DataError::Globe`] beyond ±90 and ±360.
    fn on_globe(&self, row: usize, i: usize, degrees: [f64; 2]) -> Result<[f64; 3], DataError> {
        for (j, (name, limit)) in [("latitude", 90.0), ("longitude", 360.0)].into_iter().enumerate() {
            let value = degrees[j];
            if value.abs() > limit + GLOBE_TOLERANCE {
                let (at, column) = (self.table.place(row), self.table.label(self.columns[i + j]));
                return Err(DataError::Globe { at, column, name, value, limit });
            }
        }
        let [latitude, longitude] = degrees.map(f64::to_radians);
        let [(z, equator), (sin, cos)] = [latitude.sin_cos(), longitude.sin_cos()];
        Ok([equator * cos, equator * sin, z])
    }
}

/// Divides unit vectors by their length where that misses 1 by no more than [`UNIT_TOLERANCE`], and returns the largest
/// miss. Others are left for the manifold to refuse.
fn normalise(manifold: &AnyManifold, point: &mut [f64]) -> f64 {
    let (mut largest, mut start) = (0.0, 0);
    for run in manifold.coordinates() {
        let block = &mut point[start..start + run.len()];
        start += run.len();
        if let Coordinates::UnitVector(_) = run {
            let norm = block.iter().map(|x| x * x).sum::<f64>().sqrt();
            let error = (norm - 1.0).abs();
            if error > ROUNDING && error <= UNIT_TOLERANCE {
                block.iter_mut().for_each(|x| *x /= norm);
                largest = f64::max(largest, error);
            }
        }
    }
    largest
}

/// Wraps a point, but leaves unit vectors as they are: wrapping divides them by their length every time, by rounding to
/// other bits.
fn wrap(manifold: &AnyManifold, point: &mut [f64]) {
    let mut wrapped = point.to_vec();
    manifold.wrap(&mut wrapped);
    let mut start = 0;
    for run in manifold.coordinates() {
        let block = start..start + run.len();
        start = block.end;
        if !matches!(run, Coordinates::UnitVector(_)) {
            point[block.clone()].copy_from_slice(&wrapped[block]);
        }
    }
}
