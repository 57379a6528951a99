//! Point groups of three-dimensional space by their Schönflies names.

use std::fmt;
use std::str::FromStr;

use super::affine::Affine;
use super::error::InvalidSymmetry;

/// A finite group of rotations and reflections of three coordinates.
///
/// The main axis is that of the third coordinate. Vertical mirrors contain the first axis, and two-fold axes across the
/// main one begin with the first; cubic groups have their four-fold (`T`: two-fold) axes along the coordinates, and
/// icosahedral ones three of their two-fold axes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PointGroup {
    /// `Cₙ`, order n: rotations about the main axis.
    C(usize),
    /// `Cₙᵥ`, order 2n: with vertical mirrors.
    Cv(usize),
    /// `Cₙₕ`, order 2n: with the horizontal mirror.
    Ch(usize),
    /// `Dₙ`, order 2n: with two-fold axes across the main one.
    D(usize),
    /// `Dₙₕ`, order 4n: with the horizontal mirror.
    Dh(usize),
    /// `D_nd`, order 4n: with mirrors between the two-fold axes.
    Dd(usize),
    /// `Sₖ` of even order k: powers of a rotation by `2π/k` with the horizontal mirror.
    S(usize),
    /// `Cₛ`, order 2: the horizontal mirror.
    Cs,
    /// `Cᵢ`, order 2: the inversion.
    Ci,
    /// Rotations of the tetrahedron, order 12.
    T,
    /// All symmetries of the tetrahedron, order 24.
    Td,
    /// Rotations of the tetrahedron and the inversion, order 24.
    Th,
    /// Rotations of the cube, order 24.
    O,
    /// All symmetries of the cube, order 48.
    Oh,
    /// Rotations of the icosahedron, order 60.
    I,
    /// All symmetries of the icosahedron, order 120.
    Ih,
}

impl PointGroup {
    /// Generators, as they act on three coordinates.
    pub fn generators(self) -> Vec<Affine> {
        use PointGroup as P;
        let inversion = signs(-1.0, -1.0, -1.0);
        let horizontal = signs(1.0, 1.0, -1.0);
        let (vertical, across) = (signs(1.0, -1.0, 1.0), signs(1.0, -1.0, -1.0));
        let turn = |n: usize| Affine::rotation(3, (0, 1), std::f64::consts::TAU / n as f64);
        let cycle = Affine::signed_permutation(&[2, 0, 1], &[1.0; 3]);
        match self {
            P::C(n) => vec![turn(n)],
            P::Cv(n) => vec![turn(n), vertical],
            P::Ch(n) => vec![turn(n), horizontal],
            P::D(n) => vec![turn(n), across],
            P::Dh(n) => vec![turn(n), across, horizontal],
            P::Dd(n) => vec![horizontal.after(&turn(2 * n)), across],
            P::S(k) => vec![horizontal.after(&turn(k))],
            P::Cs => vec![horizontal],
            P::Ci => vec![inversion],
            P::T => vec![turn(2), cycle],
            P::Td => vec![turn(2), cycle, Affine::signed_permutation(&[1, 0, 2], &[1.0; 3])],
            P::Th => vec![turn(2), cycle, inversion],
            P::O => vec![turn(4), cycle],
            P::Oh => vec![turn(4), cycle, inversion],
            P::I => vec![turn(2), cycle, fifth()],
            P::Ih => vec![turn(2), cycle, fifth(), inversion],
        }
    }
}

fn signs(a: f64, b: f64, c: f64) -> Affine {
    Affine::signed_permutation(&[0, 1, 2], &[a, b, c])
}

/// A fifth of a turn about the vertex `(0, 1, φ)` of the icosahedron whose vertices are the cyclic permutations of
/// `(0, ±1, ±φ)`, `φ` the golden ratio.
///
/// By Rodrigues' formula its entries are `cos α δ + (1 − cos α) uᵢuⱼ ∓ sin α uₖ`, for `α = 2π/5` these are `±1/2`,
/// `±φ/2` and `±1/(2φ)`.
fn fifth() -> Affine {
    let half_phi = (1.0 + 5.0_f64.sqrt()) / 4.0;
    let less = half_phi - 0.5;
    let mut g = Affine::identity(3);
    let rows = [[less, -half_phi, 0.5], [half_phi, 0.5, less], [-0.5, less, half_phi]];
    (0..3).for_each(|i| (0..3).for_each(|j| g.matrix[(i, j)] = rows[i][j]));
    g
}

/// Largest `n` of a name.
const LARGEST: usize = 256;

impl fmt::Display for PointGroup {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        use PointGroup as P;
        match self {
            P::C(n) => write!(f, "C{n}"),
            P::Cv(n) => write!(f, "C{n}v"),
            P::Ch(n) => write!(f, "C{n}h"),
            P::D(n) => write!(f, "D{n}"),
            P::Dh(n) => write!(f, "D{n}h"),
            P::Dd(n) => write!(f, "D{n}d"),
            P::S(k) => write!(f, "S{k}"),
            // The names of those without a number are their Rust names.
            other => write!(f, "{other:?}"),
        }
    }
}

impl FromStr for PointGroup {
    type Err = InvalidSymmetry;

    fn from_str(name: &str) -> Result<Self, InvalidSymmetry> {
        use PointGroup as P;
        let plain = [P::Cs, P::Ci, P::T, P::Td, P::Th, P::O, P::Oh, P::I, P::Ih];
        if let Some(&found) = plain.iter().find(|group| group.to_string() == name) {
            return Ok(found);
        }
        let unknown = || InvalidSymmetry::unknown(name);
        let number: String = name.chars().skip(1).take_while(char::is_ascii_digit).collect();
        let (letter, rest) = name.split_at_checked(1).ok_or_else(unknown)?;
        let suffix = &rest[number.len()..];
        let group = match (letter, suffix) {
            ("C", "") => P::C,
            ("C", "v") => P::Cv,
            ("C", "h") => P::Ch,
            ("D", "") => P::D,
            ("D", "h") => P::Dh,
            ("D", "d") => P::Dd,
            ("S", "") => P::S,
            _ => return Err(unknown()),
        };
        if number.is_empty() {
            return Err(unknown());
        }
        let n = number.parse().ok().filter(|n| (1..=LARGEST).contains(n));
        let n = n.ok_or_else(|| InvalidSymmetry::new(name, format!("give a number from 1 to {LARGEST}")))?;
        if letter == "S" && n % 2 == 1 {
            return Err(InvalidSymmetry::new(name, format!("S with an odd number is C{n}h: write that")));
        }
        Ok(group(n))
    }
}
