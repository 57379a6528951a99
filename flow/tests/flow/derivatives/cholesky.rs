//! Cholesky factors in lanes against nalgebra, and what becomes of lanes that have none.

use ircpm_ad::{Kernel, Real};
use ircpm_flow::Cholesky;
use nalgebra::{DMatrix, DVector};
use rand::{RngExt, SeedableRng};
use rand_pcg::Pcg64;

use super::{SAMPLES, on_all};

/// What a sample's matrix is.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Kind {
    Definite,
    /// Its last pivot is negative, and every leading block before it positive definite.
    Indefinite,
    /// Its last pivot is exactly zero.
    Singular,
    NotANumber,
}

/// Lane by lane: bad ones stand beside good ones in every pack.
fn kind(sample: usize) -> Kind {
    match sample % 8 {
        1 => Kind::Indefinite,
        5 => Kind::NotANumber,
        7 => Kind::Singular,
        _ => Kind::Definite,
    }
}

struct Systems<const D: usize> {
    matrices: Vec<[[f64; D]; D]>,
    vectors: Vec<[f64; D]>,
}

/// `I/4 + M Mᵀ` of random `M`, so that condition numbers stay below a few dozen, or spoilt as [`kind`] says.
fn systems<const D: usize>(seed: u64) -> Systems<D> {
    let mut rng = Pcg64::seed_from_u64(seed);
    let mut number = || rng.random_range(-1.0..1.0);
    let mut out = Systems { matrices: vec![], vectors: vec![] };
    for s in 0..SAMPLES {
        let m = DMatrix::from_fn(D, D, |_, _| number());
        let h = DMatrix::identity(D, D) * 0.25 + &m * m.transpose();
        let mut matrix: [[f64; D]; D] = std::array::from_fn(|i| std::array::from_fn(|j| h[(i, j)]));
        match kind(s) {
            Kind::Definite => {}
            Kind::Indefinite => matrix[D - 1][D - 1] = -0.5,
            Kind::Singular => {
                (0..D).for_each(|i| (matrix[i][D - 1], matrix[D - 1][i]) = (0.0, 0.0));
            }
            Kind::NotANumber => (matrix[0][D - 1], matrix[D - 1][0]) = (f64::NAN, f64::NAN),
        }
        out.matrices.push(matrix);
        out.vectors.push(std::array::from_fn(|_| number()));
    }
    out
}

/// Everything that a factor says of one sample.
struct Found<const D: usize> {
    definite: f64,
    log_det: f64,
    solution: [f64; D],
    transposed: [f64; D],
    inverse_transposed: [[f64; D]; D],
}

struct Factorise<'a, const D: usize>(&'a Systems<D>);

impl<const D: usize> Kernel for Factorise<'_, D> {
    type Output = Vec<Found<D>>;

    #[inline(always)]
    fn run<R: Real>(self) -> Vec<Found<D>> {
        let Systems { matrices, vectors } = self.0;
        let mut out = Vec::new();
        for p in 0..SAMPLES / R::LANES {
            let gather = |f: &dyn Fn(usize) -> f64| R::from_fn(|lane| f(p * R::LANES + lane));
            let h = std::array::from_fn(|i| std::array::from_fn(|j| gather(&|s| matrices[s][i][j])));
            let v = std::array::from_fn(|i| gather(&|s| vectors[s][i]));
            let factor = Cholesky::<R, D>::new(&h);
            let (solution, transposed) = (factor.solve(v), factor.transposed_times(&v));
            let (inverse, log_det) = (factor.inverse_transposed(), factor.log_det());
            for lane in 0..R::LANES {
                out.push(Found {
                    definite: factor.definite.lane(lane),
                    log_det: log_det.lane(lane),
                    solution: solution.map(|x| x.lane(lane)),
                    transposed: transposed.map(|x| x.lane(lane)),
                    inverse_transposed: inverse.map(|row| row.map(|x| x.lane(lane))),
                });
            }
        }
        out
    }
}

/// Every answer is nalgebra's, to 1e-14 of its norm times the condition number.
fn assert_nalgebra_agrees<const D: usize>(
    context: &str,
    found: &Found<D>,
    matrix: &[[f64; D]; D],
    vector: &[f64; D],
) {
    let h = DMatrix::from_fn(D, D, |i, j| matrix[i][j]);
    let v = DVector::from_column_slice(vector);
    let factor = h.clone().cholesky().expect("a positive definite matrix");
    let condition = h.norm() * factor.inverse().norm();
    let near = |what: &str, found: &DMatrix<f64>, expected: &DMatrix<f64>| {
        let (error, limit) = ((found - expected).norm(), 1e-14 * condition * expected.norm().max(1.0));
        assert!(error <= limit, "{context}: {what} is off by {error:e}, more than {limit:e}");
    };
    let column = |x: &[f64; D]| DMatrix::from_column_slice(D, 1, x);
    let row_major = |x: &[[f64; D]; D]| DMatrix::from_fn(D, D, |i, j| x[i][j]);
    near(
        "log det",
        &DMatrix::from_element(1, 1, found.log_det),
        &DMatrix::from_element(1, 1, h.determinant().ln()),
    );
    near(
        "solution",
        &column(&found.solution),
        &DMatrix::from_column_slice(D, 1, factor.solve(&v).as_slice()),
    );
    let transposed = factor.l().transpose() * &v;
    near("Cᵀ v", &column(&found.transposed), &DMatrix::from_column_slice(D, 1, transposed.as_slice()));
    let root = row_major(&found.inverse_transposed);
    near("L Lᵀ", &(&root * root.transpose()), &factor.inverse());
    near("L", &root, &factor.l().transpose().try_inverse().expect("a triangle with a positive diagonal"));
}

fn assert_factors<const D: usize>(seed: u64) {
    let systems = systems::<D>(seed);
    for (isa, found) in on_all(|| Factorise(&systems)) {
        for (s, found) in found.iter().enumerate() {
            let context = format!("dimension {D}, {isa}, sample {s}, {:?}, seed {seed}", kind(s));
            let definite = if kind(s) == Kind::Definite { 1.0 } else { 0.0 };
            assert_eq!(found.definite, definite, "{context}");
            match kind(s) {
                Kind::Definite => {
                    assert_nalgebra_agrees(&context, found, &systems.matrices[s], &systems.vectors[s]);
                }
                Kind::Indefinite | Kind::Singular => {
                    assert!(
                        found.log_det.is_finite() && found.solution.iter().all(|x| x.is_finite()),
                        "{context}"
                    );
                }
                Kind::NotANumber => {}
            }
        }
    }
}

#[test]
fn cholesky_matches_nalgebra_and_marks_lanes_that_have_no_factor() {
    assert_factors::<1>(330);
    assert_factors::<2>(331);
    assert_factors::<3>(332);
    assert_factors::<4>(333);
    assert_factors::<5>(334);
    assert_factors::<6>(335);
    assert_factors::<7>(336);
    assert_factors::<8>(337);
}
