//! Which functions a layer's psi is made of, and the penalty that keeps it smooth.

use std::ops::Range;

use ircpm_flow::Terms;
use ircpm_manifolds::{AnyManifold, Coordinates};
use nalgebra::DMatrix;

use super::centres;
use crate::points::{Generator, Sequence, Spread, base_points};

/// Power of the Laplacian's eigenvalue in the penalty: the energy of third derivatives.
const SMOOTHNESS: i32 = 3;

/// A dictionary, its penalty, and where its functions are narrow.
pub(super) struct Choice {
    pub terms: Terms,
    pub penalty: DMatrix<f64>,
    /// Centres of the bumps, `[bump][coordinate]`.
    pub centres: Vec<f64>,
    /// Concentrations of the bumps.
    pub kappas: Vec<f64>,
}

/// How rich a dictionary is.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Richness {
    /// Highest frequency on one or two angles; less on more of them.
    pub frequency: i32,
    /// Most bumps.
    pub bumps: usize,
    /// Width of a bump in units of the distance to its neighbours.
    pub coverage: f64,
}

impl Choice {
    /// The dictionary for `points` (`[point][coordinate]`) of a manifold.
    pub fn new(manifold: &AnyManifold, points: &[f64], richness: Richness, rng: &mut Generator) -> Self {
        let kinds = manifold.coordinates();
        let angles = count(&kinds, |kind| matches!(kind, Coordinates::Angles(_)));
        let mut terms = Terms::new(manifold);
        let mut diagonal = Vec::new();
        if angles > 0 {
            let waves = frequencies(angles, richness.frequency);
            for wave in &waves {
                let square = wave.iter().map(|k| f64::from(k * k)).sum::<f64>();
                diagonal.extend([square.powi(SMOOTHNESS); 2]);
            }
            terms = terms.waves(&waves);
        }
        let mut blocks = Vec::new();
        let mut start = 0;
        for kind in &kinds {
            let range = start..start + kind.len();
            start = range.end;
            if let Coordinates::UnitVector(_) = kind {
                let block;
                (terms, block) = zonals(terms, range);
                blocks.push(block);
            }
        }
        let (mut places, mut kappas) = (vec![], vec![]);
        if richness.bumps > 0 {
            places = centres::k_means(manifold, points, richness.bumps, rng);
            kappas = centres::concentrations(manifold, &places, richness.coverage);
            for (centre, &kappa) in places.chunks_exact(manifold.ambient()).zip(&kappas) {
                terms = terms.bump(centre, kappa);
            }
        }
        terms = terms.polynomials();
        let [waves, zonal, bumps, polynomials] = terms.families();
        let mut penalty = DMatrix::zeros(waves + zonal + bumps + polynomials, waves + zonal + bumps + polynomials);
        diagonal.iter().enumerate().for_each(|(k, p)| penalty[(k, k)] = *p);
        let mut at = waves;
        for block in &blocks {
            penalty.view_mut((at, at), block.shape()).copy_from(block);
            at += block.nrows();
        }
        (0..bumps).for_each(|k| penalty[(at + k, at + k)] = 1.0);
        // Shifts and scales of real coordinates are hardly penalised: the base is standardised.
        (0..polynomials).for_each(|k| penalty[(at + bumps + k, at + bumps + k)] = 1e-3);
        Self { terms, penalty, centres: places, kappas }
    }
}

fn count(kinds: &[Coordinates], is: impl Fn(&Coordinates) -> bool) -> usize {
    kinds.iter().filter(|kind| is(kind)).map(|kind| kind.len()).sum()
}

/// Frequencies of the waves, of each pair `±k` one: all within a disk on one or two angles, on more those of single
/// angles and of pairs.
fn frequencies(angles: usize, highest: i32) -> Vec<Vec<i32>> {
    let mut out = Vec::new();
    let single = match angles {
        1 => 2 * highest,
        2 => highest,
        _ => (highest * 2 / 3).max(1),
    };
    let pair = match angles {
        1 | 2 => highest,
        3 | 4 => (highest / 2).max(1),
        _ => (highest / 3).max(1),
    };
    for a in 0..angles {
        for k in 1..=single {
            let mut row = vec![0; angles];
            row[a] = k;
            out.push(row);
        }
        for b in a + 1..angles {
            for k in 1..=pair {
                for l in (-pair..=pair).filter(|&l| l != 0 && k * k + l * l <= pair * pair.max(2)) {
                    let mut row = vec![0; angles];
                    (row[a], row[b]) = (k, l);
                    out.push(row);
                }
            }
        }
    }
    out
}

/// Number of harmonics of degree `l` on the sphere of dimension `n`.
fn harmonics(n: usize, l: usize) -> usize {
    // Homogeneous polynomials of degree l less those of degree l − 2, in n + 1 variables.
    let polynomials = |l: usize| (1..=n).fold(1, |product, i| product * (l + i) / i);
    polynomials(l) - if l >= 2 { polynomials(l - 2) } else { 0 }
}

/// Adds all harmonics up to a degree, and returns their penalty: the norm of `Δ^{s/2}` of the function, in the uniform
/// measure. Two zonal functions have the inner product `P_l(c·c′)` over the number of harmonics.
fn zonals(mut terms: Terms, coordinates: Range<usize>) -> (Terms, DMatrix<f64>) {
    let n = coordinates.len() - 1;
    let highest = match n {
        1 => 12,
        2 => 6,
        3 => 4,
        _ => 3,
    };
    let sphere: AnyManifold = format!("S{n}").parse().expect("a sphere of the manifold");
    let count = harmonics(n, highest);
    let sequence = Sequence::new(Spread::Kronecker, count, sphere.cube_dim());
    let centres = base_points(&sphere, &sequence, &mut Generator::from_seed(1));
    let centre = |j: usize| &centres[j * (n + 1)..(j + 1) * (n + 1)];
    let mut functions = Vec::new();
    for j in 0..count {
        let first = (1..=highest).find(|&l| harmonics(n, l) > j).unwrap_or(highest);
        terms = terms.zonal(coordinates.clone(), centre(j), first..highest + 1);
        functions.extend((first..=highest).map(|l| (j, l)));
    }
    let mut penalty = DMatrix::zeros(functions.len(), functions.len());
    for (row, &(i, l)) in functions.iter().enumerate() {
        let scale = ((l * (l + n - 1)) as f64).powi(SMOOTHNESS) / harmonics(n, l) as f64;
        for (column, &(j, m)) in functions.iter().enumerate() {
            if l == m {
                let cosine = centre(i).iter().zip(centre(j)).map(|(a, b)| a * b).sum();
                penalty[(row, column)] = scale * gegenbauer(n, l, cosine);
            }
        }
    }
    (terms, penalty)
}

/// `P_l(t)` on the sphere of dimension `n`, `P_l(1) = 1`.
fn gegenbauer(n: usize, l: usize, t: f64) -> f64 {
    let (mut before, mut now) = (1.0, t);
    for l in 1..l {
        let (l, n) = (l as f64, n as f64);
        (before, now) = (now, ((2.0 * l + n - 1.0) * t * now - l * before) / (l + n - 1.0));
    }
    now
}
