//! Certificates: proofs as files, which a program that shares no code with this one can check.
//!
//! `docs/certificates.md` describes the text. It holds all that the statement is about, so that a checker needs no other
//! file.

use std::fmt::Write;

use ircpm_ad::Dual;
use ircpm_certify::Record;
use ircpm_flow::{Affine, FeatureMap, Group};
use ircpm_manifolds::{AnyManifold, Coordinates};
use sha2::{Digest, Sha256};

use crate::convex::{LayerTerms, ZonalTerm};
use crate::proof::{LayerProof, LayerVerdict, Proof, ProofError, features};
use crate::training::Model;
use crate::training::checkpoint::Checkpoint;

/// The first two lines: format, version, and what is proven.
const HEAD: &str = "\
ircpm-certificate 2
statement the map is a diffeomorphism: in each layer Hess c + Hess psi has no eigenvalue below the bound
";

/// The characters of a record: digits of the base 64.
const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

/// Characters of a record per line, and parameters per line.
const PER_LINE: [usize; 2] = [100, 6];

/// The part of a proven bound that a certificate does not claim, so that enclosures of another kind, which are wider here
/// and there by rounding, reach what is claimed.
const SLACK: f64 = 1e-6;

/// The text of a proof's certificate; nothing if the proof is of no diffeomorphism, not of a product of tori and spheres, or
/// of charges.
///
/// `proof` must be what [`prove`](crate::proof::prove) says of the same checkpoint.
///
/// # Errors
/// [`ProofError`] if the checkpoint holds no flow, which has no proof either.
pub fn certificate(checkpoint: &Checkpoint, proof: &Proof) -> Result<Option<String>, ProofError> {
    if !proof.certified {
        return Ok(None);
    }
    let model = Model::new(checkpoint)?;
    let manifold = model.flow.manifold();
    let Some(name) = name(&manifold.coordinates()).filter(|_| !checkpoint.config.has_charges()) else {
        return Ok(None);
    };
    let is_linear = checkpoint.config.is_linear();
    let slots: Vec<&[f64]> = (0..proof.layers.len()).map(|l| &model.theta[model.flow.slot(l)]).collect();
    let copies = if model.flow.is_shared() { model.flow.layers() } else { 1 };
    let mut text = HEAD.to_owned();
    line(&mut text, format_args!("manifold {name}"));
    line(&mut text, format_args!("copies {copies}"));
    line(&mut text, format_args!("parameters-sha256 {}", digest(&slots)));
    line(&mut text, format_args!("potential {}", if is_linear { "linear" } else { "network" }));
    if !is_linear {
        let (features, group) = features(checkpoint, manifold)?;
        network(&mut text, checkpoint, &seen(&features, manifold), &group);
    }
    line(&mut text, format_args!("layers {}", proof.layers.len()));
    for (l, (layer, theta)) in proof.layers.iter().zip(&slots).enumerate() {
        line(&mut text, format_args!("layer {}", l + 1));
        if is_linear {
            terms(&mut text, &checkpoint.state.terms[l]);
        }
        claim(&mut text, layer, manifold);
        parameters(&mut text, theta);
    }
    text.push_str("end\n");
    let seal = hex(&Sha256::digest(&text));
    line(&mut text, format_args!("sha256 {seal}"));
    Ok(Some(text))
}

/// The name of the product of tori and spheres whose points have these coordinates; nothing if there are others.
fn name(coordinates: &[Coordinates]) -> Option<String> {
    let factor = |run: &Coordinates| match *run {
        Coordinates::Angles(n) => Some(format!("T{n}")),
        Coordinates::UnitVector(n @ 2..) => Some(format!("S{}", n - 1)),
        _ => None,
    };
    coordinates.iter().map(factor).collect::<Option<Vec<_>>>().map(|factors| factors.join("x"))
}

fn line(text: &mut String, words: std::fmt::Arguments<'_>) {
    writeln!(text, "{words}").expect("a text grows");
}

fn join<T: ToString>(numbers: impl IntoIterator<Item = T>) -> String {
    numbers.into_iter().map(|x| x.to_string()).collect::<Vec<_>>().join(" ")
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// SHA-256 of all parameters as 64-bit little-endian numbers, layer by layer.
fn digest(slots: &[&[f64]]) -> String {
    let mut digest = Sha256::new();
    slots.iter().copied().flatten().for_each(|x| digest.update(x.to_le_bytes()));
    hex(&digest.finalize())
}

/// Features, widths, output scale and group of a network.
fn network(text: &mut String, checkpoint: &Checkpoint, features: &[Feature], group: &Group) {
    let model = &checkpoint.config.model;
    line(text, format_args!("features {}", features.len()));
    for feature in features {
        match feature {
            Feature::Wave(row) => line(text, format_args!("wave {}", join(row))),
            Feature::Coordinate(i) => line(text, format_args!("coordinate {}", i + 1)),
        }
    }
    line(text, format_args!("hidden {}", join(&model.hidden)));
    line(text, format_args!("output-scale {}", model.output_scale));
    line(text, format_args!("elements {}", group.order()));
    for Affine { matrix, shift } in group.elements() {
        // The library stores columns. No zero is written with a sign.
        let rows = join(matrix.transpose().iter().map(|m| m + 0.0));
        line(text, format_args!("element {rows} shift {}", join(shift.iter())));
    }
}

/// A feature: `cos m·θ` and `sin m·θ`, with one number per angle, or a coordinate of a unit vector.
#[derive(Clone, Debug, PartialEq)]
enum Feature {
    Wave(Vec<i32>),
    /// Counted from 0.
    Coordinate(usize),
}

/// The numbers of the coordinates that are angles.
fn angles(coordinates: &[Coordinates]) -> Vec<usize> {
    let of = |run: &Coordinates| std::iter::repeat_n(matches!(run, Coordinates::Angles(_)), run.len());
    coordinates.iter().flat_map(of).enumerate().filter(|(_, is_angle)| *is_angle).map(|(i, _)| i).collect()
}

/// What the features are. All their phases and coordinates are zero where `z` is: there a cosine is 1 and the derivatives of
/// the sine after it are its frequencies, and the derivative of a coordinate is 1 along itself.
fn seen(features: &FeatureMap, manifold: &AnyManifold) -> Vec<Feature> {
    let n = features.inputs();
    let angles = angles(&manifold.coordinates());
    let mut values = vec![0.0; features.len()];
    features.eval(&vec![0.0; n], &mut values);
    let mut slopes = vec![vec![0; n]; features.len()];
    let mut out = vec![Dual::<f64, 1>::fixed(0.0); features.len()];
    for k in 0..n {
        let mut z = vec![Dual::<f64, 1>::fixed(0.0); n];
        z[k] = Dual::variable(0.0, 0);
        features.eval(&z, &mut out);
        slopes.iter_mut().zip(&out).for_each(|(slope, x)| slope[k] = x.eps[0] as i32);
    }
    let (mut seen, mut rest) = (vec![], values.into_iter().zip(slopes));
    while let Some((value, slope)) = rest.next() {
        seen.push(match (value == 1.0).then(|| rest.next()).flatten() {
            Some((_, slope)) => Feature::Wave(angles.iter().map(|&i| slope[i]).collect()),
            None => {
                let coordinate = slope.iter().position(|&m| m != 0);
                Feature::Coordinate(coordinate.expect("a feature that is no wave is a coordinate"))
            }
        });
    }
    seen
}

fn waves(text: &mut String, rows: &[Vec<i32>]) {
    line(text, format_args!("waves {}", rows.len()));
    rows.iter().for_each(|row| line(text, format_args!("wave {}", join(row))));
}

/// The functions of a linear layer.
fn terms(text: &mut String, terms: &LayerTerms) {
    waves(text, &terms.waves);
    line(text, format_args!("zonals {}", terms.zonals.len()));
    for ZonalTerm { first, centre, degrees: [low, high] } in &terms.zonals {
        line(text, format_args!("zonal {} {low} {high} {}", first + 1, join(centre)));
    }
    line(text, format_args!("bumps {}", terms.bumps.len()));
    for bump in &terms.bumps {
        line(text, format_args!("bump {} {}", bump.kappa, join(&bump.centre)));
    }
}

/// The bound of a layer, and how the manifold was cut.
fn claim(text: &mut String, layer: &LayerProof, manifold: &AnyManifold) {
    let LayerVerdict::Certified { bound } = layer.verdict else {
        unreachable!("the proof is of a diffeomorphism");
    };
    line(text, format_args!("bound {:?}", bound * (1.0 - SLACK)));
    let Record { first_depth, steps } = &layer.record;
    line(text, format_args!("first-depth {first_depth}"));
    line(text, format_args!("steps {}", steps.len()));
    for part in characters(steps, manifold.dim()).chunks(PER_LINE[0]) {
        line(text, format_args!("record {}", part.iter().collect::<String>()));
    }
}

/// Several steps to a character: digits of the base `dimension + 1`, the first the least.
fn characters(steps: &[u8], dimension: usize) -> Vec<char> {
    let base = dimension + 1;
    let per_character = (1..).take_while(|&k| base.pow(k) <= DIGITS.len()).count();
    let character = |steps: &[u8]| {
        let digits = steps.iter().rev().fold(0, |sum, &step| sum * base + usize::from(step));
        char::from(DIGITS[digits])
    };
    steps.chunks(per_character).map(character).collect()
}

/// Parameters, as the 16 hexadecimal digits of their bits.
fn parameters(text: &mut String, theta: &[f64]) {
    line(text, format_args!("parameters {}", theta.len()));
    for part in theta.chunks(PER_LINE[1]) {
        line(text, format_args!("theta {}", join(part.iter().map(|x| format!("{:016x}", x.to_bits())))));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn features_are_those_of_the_network() {
        use ircpm_flow::Features;
        let of = |name: &str, features: &Features| {
            let manifold = name.parse().expect("a manifold");
            seen(&FeatureMap::new(features, &manifold).expect("features"), &manifold)
        };
        let wave = |row: &[i32]| Feature::Wave(row.to_vec());
        let combinations = Features::Combinations { directions: vec![vec![1, -2], vec![0, 3]], order: 2 };
        assert_eq!(of("T2", &combinations), [wave(&[1, -2]), wave(&[2, -4]), wave(&[0, 3]), wave(&[0, 6])]);
        let [x, y, z] = [1, 2, 3].map(Feature::Coordinate);
        let harmonics = Features::Harmonics { order: 2 };
        assert_eq!(of("T1xS2", &harmonics), [wave(&[1]), wave(&[2]), x, y.clone(), z.clone()]);
        assert_eq!(
            of("S1xT2", &harmonics)[..3],
            [Feature::Coordinate(0), Feature::Coordinate(1), wave(&[1, 0])]
        );
        assert_eq!(
            of("S3", &Features::Subset { coordinates: vec![2, 1] }),
            [y.clone(), Feature::Coordinate(1)]
        );
        assert_eq!(of("S3", &Features::Coordinates).last(), Some(&z));
    }

    #[test]
    fn names_are_those_of_the_coordinates() {
        for known in ["T2", "S3", "T1xS2", "S1xT2"] {
            let manifold: AnyManifold = known.parse().expect("a manifold");
            assert_eq!(name(&manifold.coordinates()).as_deref(), Some(known));
        }
        assert_eq!(name(&[Coordinates::Angles(1), Coordinates::Reals(2)]), None);
    }

    #[test]
    fn three_steps_of_two_angles_make_a_character() {
        // 0 + 3·1 + 9·2 = 21, and 1 alone.
        assert_eq!(characters(&[0, 1, 2, 1], 2), ['V', 'B']);
        assert_eq!(characters(&[1, 1, 1, 1, 1, 1, 0], 1), ['_', 'A']);
    }
}
