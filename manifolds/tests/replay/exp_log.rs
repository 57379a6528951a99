//! What must hold of any point and tangent vector.
//!
//! Replayed from `tests/regressions/exp_log`; the fuzz target `exp_log` includes this file.

use ircpm_manifolds::{Base, BlockMut, Manifold, Product};

/// The first byte chooses.
const MANIFOLDS: [&str; 9] = ["T1", "T2", "T5", "S1", "S2", "S3", "S7", "R3", "S2xT1xR2"];

/// Longest tangent vector, in radians: inside the injectivity radius π of every factor.
const LONGEST: f64 = 3.1;

/// Rounding of a few dozen operations, times 1/sin(3.1) = 24 for a direction near the cut locus.
const TOLERANCE: f64 = 1e-12;

/// Reads a manifold, a point of it and a tangent vector `v` there from `bytes`, missing numbers being zero; then
/// `log_p(exp_p(v)) = v` and `d(p, exp_p(v)) = |v|`.
pub(crate) fn log_inverts_exp(bytes: &[u8]) {
    let Some((&choice, rest)) = bytes.split_first() else { return };
    let name = MANIFOLDS[usize::from(choice) % MANIFOLDS.len()];
    let m: Product = name.parse().expect("a name of the table");
    let mut numbers = rest.chunks_exact(8).map(|b| f64::from_le_bytes(b.try_into().expect("eight bytes")));
    let mut number = || numbers.next().filter(|x| x.is_finite()).unwrap_or(0.0);

    let cube: Vec<f64> = (0..m.cube_dim()).map(|_| number().fract().abs()).collect();
    let mut p = vec![0.0; m.ambient()];
    m.base_point(&cube, &mut p);
    m.check_point(&p).unwrap_or_else(|error| panic!("base point of {name} at {cube:?}: {error}"));

    let mut t: Vec<f64> = (0..m.dim()).map(|_| number().clamp(-LONGEST, LONGEST)).collect();
    let shrink = (LONGEST / norm(&t)).min(1.0);
    t.iter_mut().for_each(|t| *t *= shrink);
    let mut frame = vec![0.0; m.dim() * m.ambient()];
    m.frame(&p, BlockMut::dense(&mut frame, m.ambient()));
    let along = |j: usize| t.iter().zip(frame.chunks(m.ambient())).map(|(t, row)| t * row[j]).sum();
    let v: Vec<f64> = (0..m.ambient()).map(along).collect();

    let mut q = vec![0.0; m.ambient()];
    m.exp(&p, &v, &mut q);
    m.wrap(&mut q);
    m.check_point(&q).unwrap_or_else(|error| panic!("exp on {name} at {p:?} of {v:?}: {error}"));
    let back = m.try_log(&p, &q).unwrap_or_else(|error| panic!("log on {name} from {p:?} to {q:?}: {error}"));
    let error: Vec<f64> = back.iter().zip(&v).map(|(back, v)| back - v).collect();
    assert!(norm(&error) < TOLERANCE, "log ∘ exp on {name} at {p:?}: {back:?}, not {v:?}");
    let distance = m.distance(&p, &q);
    assert!(
        (distance - norm(&t)).abs() < TOLERANCE,
        "distance on {name} at {p:?}: {distance}, not {}",
        norm(&t)
    );
}

fn norm(x: &[f64]) -> f64 {
    x.iter().map(|x| x * x).sum::<f64>().sqrt()
}
