//! Which columns of a table are the coordinates of a point.

use ircpm_manifolds::{AnyManifold, Coordinates};

use super::field::Cell;
use super::names::usual_names;
use super::table::Table;
use super::unit::without_unit;
use super::{Column, DataError, Note, Options};

/// Names of a column that counts the rows; one of another name may be a coordinate.
const INDEX: [&str; 14] = [
    "index",
    "idx",
    "id",
    "row",
    "n",
    "no",
    "nr",
    "number",
    "frame",
    "step",
    "time",
    "t",
    "model",
    "unnamed_0",
];

/// Beginning of the names that pandas gives to an index without a name.
const PANDAS: &str = "__index_level_";

/// Columns of tables that the program writes beside the coordinates of a point.
pub(super) const WRITTEN: [&str; 3] = ["log_q", "log_weight", "log_det"];

/// What a column of a table is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Role {
    /// An angle, in the unit of the table.
    Angle,
    /// A latitude in degrees.
    Latitude,
    /// A longitude in degrees.
    Longitude,
    /// A coordinate as it is.
    Plain,
}

/// The roles of the columns that a point of the manifold is made of.
pub(super) fn roles(manifold: &AnyManifold, lat_lon: bool) -> Vec<Role> {
    let of = |run| match run {
        Coordinates::Angles(n) => vec![Role::Angle; n],
        Coordinates::UnitVector(3) if lat_lon => vec![Role::Latitude, Role::Longitude],
        run => vec![Role::Plain; run.len()],
    };
    manifold.coordinates().into_iter().flat_map(of).collect()
}

/// Chooses the column of every role.
///
/// The options `columns` and `context` choose; without `context` the conditioning variables are the last coordinates,
/// and without `columns` a single latitude and longitude are known by their names, and so are the
/// coordinates of a table that the program has written. Otherwise the table must have as many columns as there are roles,
/// not counting an index and columns of text. The column of weights is none of them.
///
/// # Errors
/// [`DataError::WeightIsCoordinate`], [`DataError::Columns`], [`DataError::Choice`], [`DataError::Contexts`],
/// [`DataError::Twice`], [`DataError::Name`], [`DataError::Ambiguous`] or [`DataError::Globes`].
pub(super) fn select(
    table: &Table<'_>,
    manifold: &AnyManifold,
    roles: &[Role],
    weights: Option<usize>,
    options: &Options,
    notes: &mut Vec<Note>,
) -> Result<Vec<usize>, DataError> {
    let find_all = |columns: &[Column]| -> Result<Vec<usize>, DataError> {
        columns.iter().map(|column| find(table, column)).collect()
    };
    let contexts = find_all(&options.context)?;
    if !contexts.is_empty() && contexts.len() != manifold.contexts() {
        let manifold = manifold.to_string();
        return Err(DataError::Contexts { found: contexts.len(), manifold });
    }
    let roles = &roles[..roles.len() - contexts.len()];
    let mut chosen = if !options.columns.is_empty() {
        let chosen = find_all(&options.columns)?;
        if chosen.len() != roles.len() {
            return Err(DataError::Choice { found: chosen.len(), needs: needs(manifold, roles) });
        }
        chosen
    } else if let Some(globe) = globe(table, roles) {
        globe
    } else if let Some(named) = named(table, manifold, roles, options) {
        named
    } else if let Some(error) = globe_without_option(table, manifold, roles) {
        return Err(error);
    } else {
        let taken: Vec<usize> = contexts.iter().copied().chain(weights).collect();
        remaining(table, manifold, roles, &taken, notes)?
    };
    if let Some(column) = weights.filter(|column| chosen.contains(column) || contexts.contains(column)) {
        return Err(DataError::WeightIsCoordinate {
            path: table.path.to_owned(),
            column: table.label(column),
        });
    }
    for (i, role) in roles.iter().enumerate() {
        let named = |i: usize, is: fn(&str) -> bool| table.names.get(chosen[i]).is_some_and(|name| is(name));
        if *role == Role::Latitude && named(i, is_longitude) && named(i + 1, is_latitude) {
            chosen.swap(i, i + 1);
        }
    }
    if let Some((_, &twice)) =
        contexts.iter().enumerate().find(|(i, c)| contexts[..*i].contains(c) || chosen.contains(c))
    {
        return Err(DataError::Twice { path: table.path.to_owned(), column: table.label(twice) });
    }
    if !table.names.is_empty() || chosen.len() < table.width {
        notes.push(Note::Columns(chosen.iter().map(|&column| table.label(column)).collect()));
    }
    if !contexts.is_empty() {
        notes.push(Note::Contexts(contexts.iter().map(|&column| table.label(column)).collect()));
        chosen.extend(contexts);
    }
    Ok(chosen)
}

/// What a point needs, as a clause.
fn needs(manifold: &AnyManifold, roles: &[Role]) -> String {
    let globe = if roles.contains(&Role::Latitude) { " with latitude and longitude" } else { "" };
    match roles.len() {
        1 => format!("a point of {manifold}{globe} has 1 coordinate"),
        n => format!("a point of {manifold}{globe} has {n} coordinates"),
    }
}

/// The column of a name or number.
///
/// # Errors
/// [`DataError::Name`] if there is none, [`DataError::Ambiguous`] if there are several.
pub(super) fn find(table: &Table<'_>, column: &Column) -> Result<usize, DataError> {
    let (name, number) = match column {
        Column::Number(number) => (None, Some(*number)),
        Column::Name(name) => (Some(name.trim()), name.trim().parse().ok()),
    };
    // The exact name before one that differs by its case or its unit.
    let exact = |own: &str, name: &str| own == name;
    let near = |own: &str, name: &str| without_unit(own) == without_unit(name);
    for same in [exact as fn(&str, &str) -> bool, near] {
        let Some(name) = name.filter(|name| !name.is_empty()) else { break };
        let found: Vec<usize> = (0..table.names.len()).filter(|&i| same(&table.names[i], name)).collect();
        match found[..] {
            [] => {}
            [one] => return Ok(one),
            _ => return Err(DataError::Ambiguous { path: table.path.to_owned(), name: name.to_owned() }),
        }
    }
    let found = number.filter(|number| (1..=table.width).contains(number));
    found.map(|number| number - 1).ok_or_else(|| DataError::Name {
        path: table.path.to_owned(),
        name: column.to_string(),
        known: table.labels(),
    })
}

/// The columns named latitude and longitude, where these two are all that is needed and there is one of each.
fn globe(table: &Table<'_>, roles: &[Role]) -> Option<Vec<usize>> {
    let only = |is: fn(&str) -> bool| {
        let mut found = (0..table.names.len()).filter(|&i| is(&table.names[i]));
        found.next().filter(|_| found.next().is_none())
    };
    match roles {
        [Role::Latitude, Role::Longitude] => Some(vec![only(is_latitude)?, only(is_longitude)?]),
        _ => None,
    }
}

/// The columns that have the names of the run's columns, or else the usual ones, where there is one of each; a unit of
/// angles may follow the name.
fn named(table: &Table<'_>, manifold: &AnyManifold, roles: &[Role], options: &Options) -> Option<Vec<usize>> {
    let lat_lon = roles.contains(&Role::Latitude);
    let all = |names: Vec<String>, same: fn(&str, &str) -> bool| -> Option<Vec<usize>> {
        let only = |name: &String| {
            let mut found = (0..table.names.len()).filter(|&i| same(&table.names[i], name));
            found.next().filter(|_| found.next().is_none())
        };
        names.iter().map(only).collect()
    };
    let own = options.notation.as_ref().filter(|notation| notation.lat_lon == lat_lon);
    let own = own.map(|notation| notation.column_names(manifold));
    for mut names in own.into_iter().chain([usual_names(manifold, lat_lon)]) {
        names.truncate(roles.len());
        let found = all(names.clone(), |own, name| own == name);
        let found = found.or_else(|| all(names, |own, name| without_unit(own) == without_unit(name)));
        if found.is_some() {
            return found;
        }
    }
    None
}

/// The error of a table that names a latitude and a longitude, where a sphere's unit vectors are to be read.
fn globe_without_option(table: &Table<'_>, manifold: &AnyManifold, roles: &[Role]) -> Option<DataError> {
    let of = |is: fn(&str) -> bool| table.names.iter().position(|name| is(name));
    let (latitude, longitude) = (of(is_latitude)?, of(is_longitude)?);
    let sphere = manifold.coordinates().contains(&Coordinates::UnitVector(3));
    (sphere && !roles.contains(&Role::Latitude)).then(|| DataError::Globes {
        path: table.path.to_owned(),
        latitude: table.label(latitude),
        longitude: table.label(longitude),
    })
}

fn is_latitude(name: &str) -> bool {
    matches!(without_unit(name).as_str(), "lat" | "latitude" | "lats" | "latitudes" | "decimallatitude")
}

fn is_longitude(name: &str) -> bool {
    let names = ["lon", "lng", "long", "longitude", "lons", "longitudes", "decimallongitude"];
    names.contains(&without_unit(name).as_str())
}

/// All columns but those that are `taken`, an index, those of text, and logarithms that the program has written.
///
/// # Errors
/// [`DataError::Columns`] if there are not as many as roles.
fn remaining(
    table: &Table<'_>,
    manifold: &AnyManifold,
    roles: &[Role],
    taken: &[usize],
    notes: &mut Vec<Note>,
) -> Result<Vec<usize>, DataError> {
    let mut left: Vec<usize> = (0..table.width).filter(|column| !taken.contains(column)).collect();
    let is_written = |name: &str| WRITTEN.contains(&name);
    let written = leave_out(
        table,
        &mut left,
        is_written,
        "it is a logarithm that goes with a point, not a coordinate",
        notes,
    );
    leave_out(table, &mut left, |name| name.starts_with(PANDAS), "it is the index of a data frame", notes);
    if left.len() > roles.len() {
        let is_text = |column: &usize| table.column(*column).all(|cell| cell == Cell::Text);
        let (text, rest): (Vec<usize>, Vec<usize>) = left.iter().partition(|column| is_text(column));
        if rest.len() >= roles.len() {
            let reason =
                |column| table.kind(column).map_or("it is text in every row", |_| "it holds no numbers");
            let note =
                |&column: &usize| Note::LeftOut { column: table.label(column), reason: reason(column) };
            notes.extend(text.iter().map(note));
            left = rest;
        }
    }
    if left.len() == roles.len() + 1 && left[0] == 0 {
        let integers = |cell: Cell| matches!(cell, Cell::Number(x) if x == x.trunc());
        let name = without_unit(table.names.first().map_or("", String::as_str));
        let unnamed = !table.names.is_empty() && (name.is_empty() || name.starts_with("unnamed"));
        let reason = if table.counts_rows(0) && (name.is_empty() || INDEX.contains(&name.as_str())) {
            Some("it counts the rows")
        } else if unnamed && table.column(0).all(integers) {
            Some("it has integers and no name")
        } else {
            None
        };
        if let Some(reason) = reason {
            notes.push(Note::LeftOut { column: table.label(0), reason });
            left.remove(0);
        }
    }
    if left.len() != roles.len() {
        let beside = if taken.is_empty() { "" } else { " beside the columns named otherwise" };
        let needs = needs(manifold, roles) + beside;
        let mut remedy = if left.len() > roles.len() {
            let last = &left[left.len() - roles.len()..];
            let numbers: Vec<String> = last.iter().map(|i| (i + 1).to_string()).collect();
            format!("choose them by `columns`, as in --columns {}", numbers.join(","))
        } else {
            match written {
                0 => "give a column for each, or another manifold".to_owned(),
                _ => "logarithms are none: give the file of the points".to_owned(),
            }
        };
        let sphere = manifold.coordinates().contains(&Coordinates::UnitVector(3));
        if sphere && left.len() < roles.len() && !roles.contains(&Role::Latitude) {
            remedy =
                "give unit vectors, or latitude and longitude with lat_lon = true (--lat-lon)".to_owned();
        }
        let (path, columns) = (table.path.to_owned(), table.labels());
        return Err(DataError::Columns { path, columns, needs, remedy });
    }
    if left.len() > 1 && table.cells.len() > 2 * table.width && left[0] == 0 && table.counts_rows(0) {
        notes.push(Note::Index { column: table.label(0) });
    }
    Ok(left)
}

/// Takes the columns out whose name says what they are, and notes why; returns their number.
fn leave_out(
    table: &Table<'_>,
    left: &mut Vec<usize>,
    is: impl Fn(&str) -> bool,
    reason: &'static str,
    notes: &mut Vec<Note>,
) -> usize {
    let before = left.len();
    left.retain(|&column| {
        let out = table.names.get(column).is_some_and(|name| is(name));
        if out {
            notes.push(Note::LeftOut { column: table.label(column), reason });
        }
        !out
    });
    before - left.len()
}
