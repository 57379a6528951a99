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

/// The highest harmonic that a configuration may ask for.
const ORDER: i64 = 64;

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
    match manifold(&run.config)? {
        Some(manifold) if manifold.runs() != map.manifold.runs() => {
            return Err(format!("it is on {}, the run on {manifold}", map.manifold));
        }
        Some(_) => {}
        None => not_compared.push("the manifold, which is that of a target by name"),
    }
    let model = table(&run.config, "model")?.ok_or("the run's configuration has no `model`")?;
    match (&map.potential, &run.terms) {
        (Potential::Linear, Some(terms)) => {
            if !map.layers.iter().map(|layer| Some(&layer.terms)).eq(terms.iter().map(Option::as_ref)) {
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

/// The manifold of a configuration; none if it is that of a target whose name is not known here.
fn manifold(config: &Table) -> Result<Option<Manifold>, String> {
    let (data, target) = (table(config, "data")?, table(config, "target")?);
    let text = |table: Option<&Table>, key: &str| match table.and_then(|table| table.get(key)) {
        Some(Value::String(text)) => Ok(Some(text.clone())),
        Some(_) => Err(format!("the run's `{key}` is no text")),
        None => Ok(None),
    };
    let given = match text(data, "manifold")? {
        Some(name) => Some(name),
        None => text(target, "manifold")?,
    };
    let name = match given {
        Some(name) => Some(name),
        None => text(target, "name")?.and_then(|name| manifold_of_target(&name)),
    };
    let of = |name: String| {
        Manifold::named(&name).ok_or_else(|| format!("the run is on {name}, it is on none such"))
    };
    name.map(of).transpose()
}

/// The manifolds of the targets that have names.
fn manifold_of_target(name: &str) -> Option<String> {
    if name.starts_with("torus-") {
        return Some("T2".to_owned());
    } else if name.starts_with("sphere-") {
        return Some("S2".to_owned());
    } else if name.starts_with("s3-") {
        return Some("S3".to_owned());
    }
    let sites = ["closed-chain-", "chain-", "xy-ring-"].iter().find_map(|start| name.strip_prefix(start))?;
    sites.parse().ok().map(|sites: usize| format!("T{sites}"))
}

/// A table of a configuration, if there is one of that name.
fn table<'a>(config: &'a Table, key: &str) -> Result<Option<&'a Table>, String> {
    match config.get(key) {
        Some(Value::Table(table)) => Ok(Some(table)),
        Some(_) => Err(format!("the run's `{key}` is no table")),
        None => Ok(None),
    }
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
    let has_symmetry = match model.get("symmetry") {
        Some(Value::Array(words)) => !words.is_empty(),
        symmetry => symmetry.is_some(),
    };
    let is_counted = number_of_layers(map, model)?;
    if has_symmetry {
        if !is_counted {
            not_compared.push("the number of layers");
        }
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

/// Whether a network has as many layers as a configuration says. If that is `auto`, the features and the number of
/// parameters say how many there are; false is returned then.
fn number_of_layers(map: &Map, model: &Table) -> Result<bool, String> {
    let Some(&Value::Boolean(is_shared)) = model.get("shared") else {
        return Err("the run's configuration has no `model.shared`".to_owned());
    };
    let found = (map.layers.len() as i64, i64::from(map.copies));
    match model.get("layers") {
        Some(&Value::Integer(count)) => {
            same("layers and copies", &found, &if is_shared { (1, count) } else { (count, 1) })?;
            Ok(true)
        }
        // Layers that share their parameters do not become more.
        Some(Value::String(auto)) if auto == "auto" && is_shared => {
            same("layers and copies", &found, &(1, 1))?;
            Ok(true)
        }
        Some(Value::String(auto)) if auto == "auto" => {
            same("copies", &found.1, &1)?;
            Ok(false)
        }
        _ => Err("the run's configuration has no `model.layers`".to_owned()),
    }
}

/// The features that a configuration asks for; none for a text that is none.
fn expected(features: &Value, manifold: &Manifold) -> Option<Vec<Feature>> {
    let coordinates = 0..manifold.coordinates();
    if features.as_str() == Some("coordinates") {
        return Some(coordinates.map(Feature::Coordinate).collect());
    }
    let (kind, keys) = features.as_table()?.iter().next()?;
    let order = || {
        let order = keys.get("order").and_then(Value::as_integer).filter(|order| (1..=ORDER).contains(order));
        order.and_then(|order| i32::try_from(order).ok())
    };
    let waves = |row: Vec<i32>, order: i32| {
        (1..=order).map(move |k| Feature::Wave(row.iter().map(|m| m.saturating_mul(k)).collect()))
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
        // The second is how earlier versions wrote the first.
        "combinations" | "invariant" => {
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
