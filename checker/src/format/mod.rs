//! Reads certificates.
//!
//! A certificate is a text of lines; `docs/certificates.md` describes it. The order of the lines is fixed, so that each map
//! has one text. Its last line is the SHA-256 of all bytes before it.

mod lines;

use sha2::{Digest, Sha256};

use crate::cells::LARGEST;
use crate::error::CheckError;
use crate::map::{Element, Layer, Map, Network, Potential, Record, Terms};
use lines::Lines;

/// The first line.
const VERSION: &str = "ircpm-certificate 1";
/// The second line.
const STATEMENT: &str =
    "statement the map is a diffeomorphism: in each layer 1 + Hess psi has no eigenvalue below the bound";
/// The characters of a record: digits of the base 64.
const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
/// Largest integer frequency, so that products of three are exact, and phases are small.
const HIGHEST: i32 = 10_000;
/// Largest width of a layer, for the bounds of the rounding of sums.
const WIDEST: usize = 1 << 20;

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
            return Err(bad("a certificate of another version than 1, which this program reads"));
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
    let angles = name.strip_prefix('T').and_then(|n| n.parse().ok()).filter(|n| (1..=LARGEST).contains(n));
    let dimension: usize =
        angles.ok_or_else(|| lines.wrong(format!("the manifold should be one of T1 to T{LARGEST}")))?;
    let copies: u32 = lines.number("copies")?;
    let digest = lines.after("parameters-sha256")?.to_owned();
    let potential = match lines.after("potential")? {
        "network" => Potential::Network(network(lines, dimension)?),
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
        layers.push(layer(lines, dimension, &potential)?);
    }
    lines.expect("end")?;
    if lines.next().is_ok() {
        return Err(lines.wrong("there should be nothing after `end` but the digest"));
    }
    Ok(Certificate { map: Map { dimension, copies, potential, layers }, digest })
}

/// Rows of integer frequencies.
fn waves(lines: &mut Lines<'_>, dimension: usize) -> Result<Vec<Vec<i32>>, CheckError> {
    let count = lines.number("waves")?;
    lines.rows(count, |lines| {
        let row: Vec<i32> = lines.numbers("wave")?;
        if row.len() != dimension || !row.iter().all(|m| (-HIGHEST..=HIGHEST).contains(m)) {
            return Err(lines.wrong(format!("a wave has {dimension} frequencies of at most {HIGHEST}")));
        }
        Ok(row)
    })
}

fn network(lines: &mut Lines<'_>, dimension: usize) -> Result<Network, CheckError> {
    let waves = waves(lines, dimension)?;
    let hidden: Vec<usize> = lines.numbers("hidden")?;
    if waves.is_empty() || waves.len() > WIDEST || !hidden.iter().all(|width| (1..=WIDEST).contains(width)) {
        return Err(lines.wrong(format!("a network has features, and layers of 1 to {WIDEST} units")));
    }
    let scale = positive(lines, "output-scale")?;
    let count: usize = lines.number("elements")?;
    if count == 0 {
        return Err(lines.wrong("a group has one element at least"));
    }
    let elements = lines.rows(count, |lines| element(lines, dimension))?;
    Ok(Network { waves, hidden, scale, elements })
}

/// A positive number for which the reciprocal is one as well.
fn positive(lines: &mut Lines<'_>, key: &str) -> Result<f64, CheckError> {
    let x: f64 = lines.number(key)?;
    if (1e-100..=1e100).contains(&x) {
        Ok(x)
    } else {
        Err(lines.wrong(format!("`{key}` should lie between 1e-100 and 1e100")))
    }
}

/// A signed permutation, row by row, and a shift.
fn element(lines: &mut Lines<'_>, dimension: usize) -> Result<Element, CheckError> {
    let text = lines.after("element")?;
    let (matrix, shift) =
        text.split_once(" shift ").ok_or_else(|| lines.wrong("an element has a `shift`"))?;
    let (matrix, shift) = (lines.parse::<i32>(matrix)?, lines.parse::<f64>(shift)?);
    let one_per = |line: &dyn Fn(usize) -> Vec<i32>| {
        (0..dimension).all(|i| line(i).iter().map(|m| m.unsigned_abs()).sum::<u32>() == 1)
    };
    let is_isometry = matrix.len() == dimension * dimension
        && matrix.iter().all(|m| (-1..=1).contains(m))
        && one_per(&|i| matrix[i * dimension..(i + 1) * dimension].to_vec())
        && one_per(&|j| (0..dimension).map(|i| matrix[i * dimension + j]).collect());
    if !is_isometry || shift.len() != dimension || !shift.iter().all(|x| x.abs() <= 1e3) {
        return Err(lines.wrong(format!(
            "an element is a signed permutation of {dimension} angles and a shift of at most 1000"
        )));
    }
    Ok(Element { matrix, shift })
}

fn layer(lines: &mut Lines<'_>, dimension: usize, potential: &Potential) -> Result<Layer, CheckError> {
    let mut terms = Terms::default();
    let expected = match potential {
        Potential::Network(network) => {
            network.parameters().ok_or_else(|| lines.wrong("the network has too many parameters"))?
        }
        Potential::Linear => {
            terms.waves = waves(lines, dimension)?;
            let count = lines.number("bumps")?;
            terms.bumps = lines.rows(count, |lines| bump(lines, dimension))?;
            terms.parameters()
        }
    };
    let bound: f64 = lines.number("bound")?;
    if !bound.is_finite() {
        return Err(lines.wrong("the bound is not finite"));
    }
    let record = Record { first_depth: lines.number("first-depth")?, steps: steps(lines, dimension)? };
    let count: usize = lines.number("parameters")?;
    if count != expected {
        return Err(lines.wrong(format!("a potential like this has {expected} parameters, not {count}")));
    }
    Ok(Layer { terms, theta: theta(lines, count)?, bound, record })
}

/// Concentration and centre.
fn bump(lines: &mut Lines<'_>, dimension: usize) -> Result<(f64, Vec<f64>), CheckError> {
    let numbers = lines.finite("bump")?;
    match numbers.split_first() {
        Some((&kappa, centre))
            if centre.len() == dimension
                && (1e-100..=1e100).contains(&kappa)
                && centre.iter().all(|c| c.abs() <= 1e3) =>
        {
            Ok((kappa, centre.to_vec()))
        }
        _ => Err(lines.wrong(format!("a bump has a positive concentration and {dimension} angles"))),
    }
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
