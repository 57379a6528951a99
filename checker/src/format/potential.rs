//! What a certificate says of the potentials: features, widths, group, and the functions of linear layers.

use super::lines::Lines;
use crate::error::CheckError;
use crate::manifold::Manifold;
use crate::map::{Bump, Element, Feature, Network, Terms, Zonal};

/// Largest integer frequency, so that products of three are exact, and phases are small.
const HIGHEST: i32 = 10_000;
/// Largest width of a layer, for the bounds of the rounding of sums.
const WIDEST: usize = 1 << 20;
/// Largest absolute value of shifts, entries and centres.
const FARTHEST: f64 = 1e3;
/// Largest degree of a zonal harmonic.
const HIGHEST_DEGREE: usize = 1000;

/// Features, widths, output scale and group of a network.
pub(super) fn network(lines: &mut Lines<'_>, manifold: &Manifold) -> Result<Network, CheckError> {
    let count = lines.number("features")?;
    let features: Vec<Feature> = lines.rows(count, |lines| feature(lines, manifold))?;
    let hidden: Vec<usize> = lines.numbers("hidden")?;
    if features.is_empty()
        || features.len() > WIDEST
        || !hidden.iter().all(|width| (1..=WIDEST).contains(width))
    {
        return Err(lines.wrong(format!("a network has features, and layers of 1 to {WIDEST} units")));
    }
    let scale = positive(lines, "output-scale")?;
    let count: usize = lines.number("elements")?;
    if count == 0 {
        return Err(lines.wrong("a group has one element at least"));
    }
    let elements = lines.rows(count, |lines| element(lines, manifold))?;
    Ok(Network { features, hidden, scale, elements })
}

/// The functions of a linear layer.
pub(super) fn terms(lines: &mut Lines<'_>, manifold: &Manifold) -> Result<Terms, CheckError> {
    let count = lines.number("waves")?;
    let waves = lines.rows(count, |lines| {
        let text = lines.after("wave")?;
        wave(lines, text, manifold)
    })?;
    let count = lines.number("zonals")?;
    let zonals = lines.rows(count, |lines| zonal(lines, manifold))?;
    let count = lines.number("bumps")?;
    let bumps = lines.rows(count, |lines| bump(lines, manifold))?;
    Ok(Terms { waves, zonals, bumps })
}

/// Integer frequencies, one per angle.
fn wave(lines: &Lines<'_>, text: &str, manifold: &Manifold) -> Result<Vec<i32>, CheckError> {
    let (row, angles): (Vec<i32>, _) = (lines.parse(text)?, manifold.angles().count());
    if row.len() != angles || !row.iter().all(|m| (-HIGHEST..=HIGHEST).contains(m)) {
        return Err(lines.wrong(format!("a wave has {angles} frequencies of at most {HIGHEST}")));
    }
    Ok(row)
}

/// `wave m₁ m₂ …` or `coordinate k`, counted from 1.
fn feature(lines: &mut Lines<'_>, manifold: &Manifold) -> Result<Feature, CheckError> {
    let line = lines.next()?;
    if let Some(text) = line.strip_prefix("wave ") {
        return wave(lines, text, manifold).map(Feature::Wave);
    }
    let number = line.strip_prefix("coordinate ").and_then(|text| text.parse::<usize>().ok());
    let of_sphere = |k: &usize| (1..=manifold.coordinates()).contains(k) && !manifold.is_angle(k - 1);
    match number.filter(of_sphere) {
        Some(k) => Ok(Feature::Coordinate(k - 1)),
        None => Err(lines.wrong("a feature is `wave …`, or `coordinate k` of a unit vector, counted from 1")),
    }
}

/// A positive number for which the reciprocal is one as well.
fn positive(lines: &mut Lines<'_>, key: &str) -> Result<f64, CheckError> {
    let x: f64 = lines.number(key)?;
    if is_moderate(x) {
        Ok(x)
    } else {
        Err(lines.wrong(format!("`{key}` should lie between 1e-100 and 1e100")))
    }
}

fn is_moderate(x: f64) -> bool {
    (1e-100..=1e100).contains(&x)
}

/// A matrix, row by row, and a shift. Of angles it is a signed permutation, so that psi keeps its periods.
fn element(lines: &mut Lines<'_>, manifold: &Manifold) -> Result<Element, CheckError> {
    let text = lines.after("element")?;
    let (matrix, shift) =
        text.split_once(" shift ").ok_or_else(|| lines.wrong("an element has a `shift`"))?;
    let element = Element { matrix: lines.parse(matrix)?, shift: lines.parse(shift)? };
    if is_isometry(&element, manifold) {
        return Ok(element);
    }
    Err(lines.wrong(format!(
        "an element is a matrix of {} rows, of angles a signed permutation, of unit vectors any entries of at most 1, and a \
         shift of angles of at most {FARTHEST}",
        manifold.coordinates()
    )))
}

/// Whether angles go to angles, by a signed permutation and a shift, and unit vectors to vectors. That matrices of unit
/// vectors are orthogonal is not asked: psi is a smooth function in any case.
fn is_isometry(Element { matrix, shift }: &Element, manifold: &Manifold) -> bool {
    let n = manifold.coordinates();
    if matrix.len() != n * n || shift.len() != n {
        return false;
    }
    let entry = |i: usize, j: usize| matrix[i * n + j];
    let own = |i: usize| {
        let is_angle = manifold.is_angle(i);
        let fits = |j: usize| {
            let x = entry(i, j);
            if manifold.is_angle(j) == is_angle { x.abs() <= 1.0 + 1e-9 } else { x == 0.0 }
        };
        let sums = [(0..n).map(|j| entry(i, j).abs()).sum::<f64>(), (0..n).map(|j| entry(j, i).abs()).sum()];
        let is_permuted = (0..n).all(|j| [-1.0, 0.0, 1.0].contains(&entry(i, j))) && sums == [1.0; 2];
        let largest = if is_angle { FARTHEST } else { 0.0 };
        (0..n).all(fits) && (!is_angle || is_permuted) && shift[i].abs() <= largest
    };
    (0..n).all(own)
}

/// `zonal first low high c₁ c₂ …`: the number of the unit vector's first coordinate, from 1, degrees, and the centre.
fn zonal(lines: &mut Lines<'_>, manifold: &Manifold) -> Result<Zonal, CheckError> {
    let text = lines.after("zonal")?;
    let words: Vec<&str> = text.splitn(4, ' ').collect();
    let [numbers @ .., centre] = &words[..] else { return Err(lines.wrong("an empty line")) };
    let numbers: Vec<usize> = numbers.iter().map(|word| lines.one(word)).collect::<Result<_, _>>()?;
    let centre: Vec<f64> = lines.parse(centre)?;
    if let [first, low, high] = numbers[..] {
        let sphere = first.checked_sub(1).and_then(|first| manifold.sphere_at(first));
        if (1..=high).contains(&low)
            && high <= HIGHEST_DEGREE
            && sphere.is_some_and(|run| run.coordinates.len() == centre.len())
            && centre.iter().all(|c| c.abs() <= FARTHEST)
        {
            return Ok(Zonal { first: first - 1, centre, degrees: [low, high] });
        }
    }
    Err(lines.wrong(format!(
        "a zonal harmonic has the first coordinate of a unit vector, two degrees of 1 to {HIGHEST_DEGREE}, and a centre"
    )))
}

/// Concentration and centre.
fn bump(lines: &mut Lines<'_>, manifold: &Manifold) -> Result<Bump, CheckError> {
    let numbers = lines.finite("bump")?;
    match numbers.split_first() {
        Some((&kappa, centre))
            if centre.len() == manifold.coordinates()
                && is_moderate(kappa)
                && centre.iter().all(|c| c.abs() <= FARTHEST) =>
        {
            Ok(Bump { kappa, centre: centre.to_vec() })
        }
        _ => Err(lines.wrong(format!(
            "a bump has a positive concentration and a centre of {} coordinates",
            manifold.coordinates()
        ))),
    }
}
