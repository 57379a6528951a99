//! Whether a certificate is about the map of a run.
//!
//! Parameters are compared bit by bit, the functions of linear layers with those in the checkpoint, and a network with the
//! run's configuration. Where the configuration alone does not say what a network sees, as with a symmetry, that part is
//! named as not compared.

use toml::{Table, Value};

use crate::checkpoint::Checkpoint;
use crate::error::CheckError;
use crate::manifold::Manifold;
use crate::map::{Element, Feature, Map, Network, Potential};

/// What of a map no configuration could be compared with; nothing if all was.
pub(crate) type NotCompared = Vec<&'static str>;

/// Compares a certificate's map with the map of a run.
///
/// # Errors
/// [`CheckError::OtherMap`] if they differ.
pub(crate) fn compare(map: &Map, run: &Checkpoint) -> Result<NotCompared, CheckError> {
    parameters(map, &run.theta)
        .and_then(|()| form(map, run))
        .map_err(|problem| CheckError::OtherMap { problem })
}

/// Whether the parameters are the same, bit by bit.
fn parameters(map: &Map, theta: &[f64]) -> Result<(), String> {
    let own: Vec<f64> = map.layers.iter().flat_map(|layer| layer.theta.iter().copied()).collect();
    if own.len() != theta.len() {
        return Err(format!("it has {} parameters, the checkpoint {}", own.len(), theta.len()));
    }
    match own.iter().zip(theta).position(|(a, b)| a.to_bits() != b.to_bits()) {
        Some(i) => Err(format!("parameter {} is {}, in the checkpoint {}", i + 1, own[i], theta[i])),
        None => Ok(()),
    }
}

/// Whether manifold and potentials are those of the run.
fn form(map: &Map, run: &Checkpoint) -> Result<NotCompared, String> {
    let mut not_compared = vec![];
    let named = |table: &str| run.config.get(table)?.get("manifold")?.as_str();
    match named("data").or_else(|| named("target")) {
        Some(name) if Manifold::named(name).is_none_or(|manifold| manifold.runs() != map.manifold.runs()) => {
            return Err(format!("it is on {}, the run on {name}", map.manifold));
        }
        Some(_) => {}
        None => not_compared.push("the manifold, which is that of a target by name"),
    }
    let none = Table::new();
    let model = run.config.get("model").and_then(Value::as_table).unwrap_or(&none);
    match (&map.potential, &run.terms) {
        (Potential::Linear, Some(terms)) => {
            if !map.layers.iter().map(|layer| &layer.terms).eq(terms) {
                return Err("the functions of its linear layers are others than the checkpoint's".to_owned());
            }
            same("copies", &map.copies, &1)?;
        }
        (Potential::Network(network), None) => {
            network_form(map, network, model, &mut not_compared)?;
        }
        (_, Some(_)) => return Err("it is of a network, the run of linear layers".to_owned()),
        (_, None) => return Err("it is of linear layers, and the checkpoint has none".to_owned()),
    }
    Ok(not_compared)
}

/// Whether a network is that of a configuration.
fn network_form(
    map: &Map,
    network: &Network,
    model: &Table,
    not_compared: &mut NotCompared,
) -> Result<(), String> {
    if model.contains_key("energy") || model.get("potential").and_then(Value::as_str) == Some("charges") {
        return Err("it is of a network alone, the run has another potential".to_owned());
    }
    let hidden: Option<Vec<i64>> =
        model.get("hidden").and_then(Value::as_array).and_then(|w| w.iter().map(Value::as_integer).collect());
    let hidden = hidden.ok_or("the run's configuration has no `model.hidden`")?;
    same("the widths of hidden layers", &network.hidden.iter().map(|&w| w as i64).collect(), &hidden)?;
    let scale = model.get("output_scale").and_then(number).ok_or("the run has no `model.output_scale`")?;
    same("the output scale", &network.scale, &scale)?;
    let is_shared = model.get("shared").and_then(Value::as_bool).unwrap_or(false);
    match model.get("layers").and_then(Value::as_integer) {
        Some(layers) if is_shared => {
            same("the number of layers with own parameters", &map.layers.len(), &1)?;
            same("copies", &i64::from(map.copies), &layers)?;
        }
        Some(layers) => {
            same("the number of layers", &(map.layers.len() as i64), &layers)?;
            same("copies", &map.copies, &1)?;
        }
        None if is_shared => not_compared.push("how many times the layer is applied"),
        None => same("copies", &map.copies, &1)?,
    }
    if model.contains_key("symmetry") {
        not_compared.push("features and group elements, which a symmetry decides");
        return Ok(());
    }
    let features = model.get("features").and_then(|features| expected(features, &map.manifold));
    match features {
        Some(features) if features == network.features => {}
        _ => return Err("the network's features are others than the configuration's".to_owned()),
    }
    match &network.elements[..] {
        [element] if is_identity(element, map.manifold.coordinates()) => Ok(()),
        _ => Err("the network is averaged over a group, and the run has no symmetry".to_owned()),
    }
}

/// The features that a configuration asks for; none for a text that is none.
fn expected(features: &Value, manifold: &Manifold) -> Option<Vec<Feature>> {
    let coordinates = 0..manifold.coordinates();
    if features.as_str() == Some("coordinates") {
        return Some(coordinates.map(Feature::Coordinate).collect());
    }
    let (kind, keys) = features.as_table()?.iter().next()?;
    let order = || keys.get("order").and_then(Value::as_integer).and_then(|order| i32::try_from(order).ok());
    let waves = |row: Vec<i32>, order: i32| {
        (1..=order).map(move |k| Feature::Wave(row.iter().map(|m| k * m).collect()))
    };
    let integers = |row: &Value| {
        row.as_array()?.iter().map(|m| m.as_integer().and_then(|m| i32::try_from(m).ok())).collect()
    };
    match kind.as_str() {
        "subset" => {
            let numbers: Vec<i32> = integers(keys.get("coordinates")?)?;
            numbers.into_iter().map(|i| Some(Feature::Coordinate(usize::try_from(i).ok()?))).collect()
        }
        "harmonics" => {
            let (order, angles) = (order()?, manifold.angles().count());
            let mut angle = 0;
            let of = |i: usize| {
                if !manifold.is_angle(i) {
                    return vec![Feature::Coordinate(i)];
                }
                angle += 1;
                let row = (1..=angles).map(|number| i32::from(number == angle)).collect();
                waves(row, order).collect()
            };
            Some(coordinates.flat_map(of).collect())
        }
        "combinations" => {
            let order = order()?;
            let rows: Option<Vec<Vec<i32>>> =
                keys.get("directions")?.as_array()?.iter().map(integers).collect();
            Some(rows?.into_iter().flat_map(|row| waves(row, order)).collect())
        }
        _ => None,
    }
}

fn is_identity(Element { matrix, shift }: &Element, n: usize) -> bool {
    let is_unit = |(i, &m): (usize, &f64)| m == if i % (n + 1) == 0 { 1.0 } else { 0.0 };
    matrix.len() == n * n && matrix.iter().enumerate().all(is_unit) && shift.iter().all(|&b| b == 0.0)
}

/// A number, with a point or without.
fn number(value: &Value) -> Option<f64> {
    value.as_float().or_else(|| value.as_integer().map(|x| x as f64))
}

fn same<T: PartialEq + std::fmt::Debug>(what: &str, own: &T, run: &T) -> Result<(), String> {
    if own == run { Ok(()) } else { Err(format!("{what}: it has {own:?}, the run {run:?}")) }
}
