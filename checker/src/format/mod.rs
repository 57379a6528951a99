//! Reads certificates.
//!
//! A certificate is a text of lines; `docs/certificates.md` describes it. The order of the lines is fixed, so that each map
//! has one text. Its last line is the SHA-256 of all bytes before it.

mod lines;
mod potential;

use sha2::{Digest, Sha256};

use crate::error::CheckError;
use crate::manifold::{LARGEST, Manifold};
use crate::map::{Layer, Map, Potential, Record, Terms};
use lines::Lines;
use potential::{network, terms};

/// The first line.
const VERSION: &str = "ircpm-certificate 2";
/// The second line.
const STATEMENT: &str = "statement the map is a diffeomorphism: in each layer Hess c + Hess psi has no eigenvalue below the bound";
/// The characters of a record: digits of the base 64.
const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
/// What a certificate says.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Certificate {
    /// The map and the bounds.
    pub(crate) map: Map,
    /// SHA-256 of all parameters, as 64-bit little-endian numbers one after the other.
    pub(crate) digest: String,
}

/// Reads the bytes of a certificate and compares the digests.
///
/// # Errors
/// [`CheckError`] if they do not follow the format, or a digest is of something else.
pub(crate) fn read(bytes: &[u8]) -> Result<Certificate, CheckError> {
    let bad = |problem: &str| CheckError::Malformed { line: 1, problem: problem.to_owned() };
    let text = std::str::from_utf8(bytes).map_err(|_| bad("not a text in UTF-8"))?;
    match text.lines().next() {
        Some(VERSION) => {}
        Some(line) if line.starts_with("ircpm-certificate ") => {
            return Err(bad(
                "a certificate of another version than 2, which this program reads: certify the run again",
            ));
        }
        _ => return Err(bad("not a certificate")),
    }
    let Some(at) = text.rfind("\nsha256 ").map(|at| at + 1) else {
        return Err(bad("cut short: the file has no last line `sha256 …`"));
    };
    let found = hex(&Sha256::digest(&bytes[..at]));
    if text[at..] != format!("sha256 {found}\n") {
        let written = text[at..].split_whitespace().nth(1).unwrap_or_default();
        return Err(CheckError::Altered { found, written: written.chars().take(64).collect() });
    }
    let mut lines = Lines::new(&text[..at]);
    let certificate = certificate(&mut lines)?;
    let found = hex(&of_parameters(&certificate.map));
    if found != certificate.digest {
        return Err(CheckError::OtherDigest { found, written: certificate.digest });
    }
    Ok(certificate)
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn of_parameters(map: &Map) -> [u8; 32] {
    let mut digest = Sha256::new();
    for x in map.layers.iter().flat_map(|layer| &layer.theta) {
        digest.update(x.to_le_bytes());
    }
    digest.finalize().into()
}

fn certificate(lines: &mut Lines<'_>) -> Result<Certificate, CheckError> {
    lines.expect(VERSION)?;
    lines.expect(STATEMENT)?;
    let name = lines.after("manifold")?;
    let Some(manifold) = Manifold::named(name) else {
        return Err(lines.wrong(format!(
            "the manifold should be a product of tori and spheres of at most {LARGEST} dimensions, as T2, S2 or T1xS2"
        )));
    };
    let copies: u32 = lines.number("copies")?;
    let digest = lines.after("parameters-sha256")?.to_owned();
    let potential = match lines.after("potential")? {
        "network" => Potential::Network(network(lines, &manifold)?),
        "linear" => Potential::Linear,
        _ => return Err(lines.wrong("the potential should be `network` or `linear`")),
    };
    let count: usize = lines.number("layers")?;
    if count == 0 || copies == 0 {
        return Err(lines.wrong("a map has one layer at least"));
    }
    let mut layers = vec![];
    for number in 1..=count {
        lines.expect(&format!("layer {number}"))?;
        layers.push(layer(lines, &manifold, &potential)?);
    }
    lines.expect("end")?;
    if lines.next().is_ok() {
        return Err(lines.wrong("there should be nothing after `end` but the digest"));
    }
    Ok(Certificate { map: Map { manifold, copies, potential, layers }, digest })
}

fn layer(lines: &mut Lines<'_>, manifold: &Manifold, potential: &Potential) -> Result<Layer, CheckError> {
    let (terms, expected) = match potential {
        Potential::Network(network) => {
            let count = network.parameters();
            (Terms::default(), count.ok_or_else(|| lines.wrong("the network has too many parameters"))?)
        }
        Potential::Linear => {
            let terms = terms(lines, manifold)?;
            let count = terms.parameters();
            (terms, count)
        }
    };
    let bound: f64 = lines.number("bound")?;
    if !bound.is_finite() {
        return Err(lines.wrong("the bound is not finite"));
    }
    let record =
        Record { first_depth: lines.number("first-depth")?, steps: steps(lines, manifold.dimension())? };
    let count: usize = lines.number("parameters")?;
    if count != expected {
        return Err(lines.wrong(format!("a potential like this has {expected} parameters, not {count}")));
    }
    Ok(Layer { terms, theta: theta(lines, count)?, bound, record })
}

/// The steps of a record, several to a character: digits of the base `dimension + 1`, the first the least.
fn steps(lines: &mut Lines<'_>, dimension: usize) -> Result<Vec<u8>, CheckError> {
    let count: usize = lines.number("steps")?;
    let base = dimension + 1;
    let per_character = (1..).take_while(|&k| base.pow(k) <= 64).count();
    let mut steps = vec![];
    while steps.len() < count {
        let line = lines.after("record")?;
        for character in line.bytes() {
            let mut digits = DIGITS
                .iter()
                .position(|&digit| digit == character)
                .ok_or_else(|| lines.wrong("a character that stands for no steps"))?;
            for _ in 0..per_character.min(count - steps.len()) {
                steps.push((digits % base) as u8);
                digits /= base;
            }
            if digits != 0 {
                return Err(lines.wrong("a character that stands for more steps than there are"));
            }
        }
        if line.is_empty() {
            return Err(lines.wrong("an empty part of a record"));
        }
    }
    Ok(steps)
}

/// Parameters, as the 16 hexadecimal digits of their bits.
fn theta(lines: &mut Lines<'_>, count: usize) -> Result<Vec<f64>, CheckError> {
    let mut theta = vec![];
    while theta.len() < count {
        for word in lines.after("theta")?.split(' ') {
            let is_hex =
                word.len() == 16 && word.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b));
            let bits = u64::from_str_radix(word, 16).ok().filter(|_| is_hex);
            let x = f64::from_bits(bits.ok_or_else(|| lines.wrong("a parameter is 16 digits 0 to f"))?);
            if !x.is_finite() {
                return Err(lines.wrong(format!("parameter {} is {x}", theta.len() + 1)));
            }
            theta.push(x);
        }
    }
    if theta.len() > count {
        return Err(lines.wrong(format!("there are more than {count} parameters")));
    }
    Ok(theta)
}
