//! Certificates that were altered by somebody who knows how their digests are computed.

use sha2::{Digest, Sha256};

/// The text with the digests that belong to it.
pub(crate) fn sealed(text: &str) -> String {
    let text = with_digest_of_parameters(text);
    let body = match text.rfind("\nsha256 ") {
        Some(at) => &text[..=at],
        None => &text,
    };
    format!("{body}sha256 {}\n", hex(&Sha256::digest(body)))
}

fn with_digest_of_parameters(text: &str) -> String {
    let digest =
        hex(&Sha256::digest(parameters(text).iter().flat_map(|x| x.to_le_bytes()).collect::<Vec<u8>>()));
    let line = |line: &str| match line.strip_prefix("parameters-sha256 ") {
        Some(_) => format!("parameters-sha256 {digest}\n"),
        None => format!("{line}\n"),
    };
    text.lines().map(line).collect()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The parameters of all layers, where they can be read.
pub(crate) fn parameters(text: &str) -> Vec<f64> {
    let words = text.lines().filter_map(|line| line.strip_prefix("theta ")).flat_map(|rest| rest.split(' '));
    words.filter_map(|word| u64::from_str_radix(word, 16).ok()).map(f64::from_bits).collect()
}

/// The text with every line that begins with a key replaced by what `change` makes of the rest.
pub(crate) fn change(text: &str, key: &str, change: impl Fn(&str) -> String) -> String {
    let key = format!("{key} ");
    let line = |line: &str| match line.strip_prefix(&key) {
        Some(rest) => format!("{key}{}\n", change(rest)),
        None => format!("{line}\n"),
    };
    let changed: String = text.lines().map(line).collect();
    assert_ne!(changed, text, "a change of `{key}` that changes nothing");
    changed
}

/// The text with the parameters changed.
pub(crate) fn with_parameters(text: &str, change_one: impl Fn(usize, f64) -> f64) -> String {
    let number = std::cell::Cell::new(0);
    let word = |word: &str| {
        let x = f64::from_bits(u64::from_str_radix(word, 16).expect("a parameter"));
        format!("{:016x}", change_one(number.replace(number.get() + 1), x).to_bits())
    };
    let line = |line: &str| match line.strip_prefix("theta ") {
        Some(rest) => format!("theta {}\n", rest.split(' ').map(word).collect::<Vec<_>>().join(" ")),
        None => format!("{line}\n"),
    };
    text.lines().map(line).collect()
}

/// A certificate of one linear layer on T¹ with the potential `a √2 cos θ`, whose `H = 1 − a √2 cos θ`, proven on
/// `2^depth` equal cells.
pub(crate) fn cosine(a: f64, bound: f64, depth: u32) -> String {
    let steps = 1_usize << depth;
    // Six steps to a character, all of them 0.
    let record = "A".repeat(steps.div_ceil(6));
    sealed(&format!(
        "ircpm-certificate 2\n\
         statement the map is a diffeomorphism: in each layer Hess c + Hess psi has no eigenvalue below the bound\n\
         manifold T1\ncopies 1\nparameters-sha256 -\npotential linear\nlayers 1\nlayer 1\nwaves 1\nwave 1\nzonals 0\nbumps 0\n\
         bound {bound:?}\nfirst-depth {depth}\nsteps {steps}\nrecord {record}\nparameters 2\n\
         theta {:016x} {:016x}\nend\n",
        a.to_bits(),
        0
    ))
}

/// A certificate of one linear layer on S² with the potential `a c·y`, `c = (0, 0.6, 0.8)`, proven on `4^(depth − 2)` equal
/// cells of each face.
pub(crate) fn height(a: f64, bound: f64, depth: u32) -> String {
    let steps = 6 * 4_usize.pow(depth - 2);
    // Three steps to a character, all of them 0.
    let record = "A".repeat(steps.div_ceil(3));
    sealed(&format!(
        "ircpm-certificate 2\n\
         statement the map is a diffeomorphism: in each layer Hess c + Hess psi has no eigenvalue below the bound\n\
         manifold S2\ncopies 1\nparameters-sha256 -\npotential linear\nlayers 1\nlayer 1\nwaves 0\nzonals 1\n\
         zonal 1 1 1 0 0.6 0.8\nbumps 0\n\
         bound {bound:?}\nfirst-depth {depth}\nsteps {steps}\nrecord {record}\nparameters 1\ntheta {:016x}\nend\n",
        a.to_bits(),
    ))
}
