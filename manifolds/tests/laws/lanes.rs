//! Packs against `f64`, on every instruction set of this machine.

use crate::common::{MANIFOLDS, generator, manifold, numbers, point, quantities};
use crate::own::Plain;
use ircpm_ad::{Isa, Kernel, Real};
use ircpm_manifolds::{Base, Block, BlockMut, Cost};
use rand_pcg::Pcg64Mcg;

/// Samples at hand: no pack is wider.
const SAMPLES: usize = 16;

/// Samples side by side: `[lane][coordinate]`.
struct Agreement<'a, M> {
    m: &'a M,
    points: &'a [Vec<f64>],
    velocities: &'a [Vec<f64>],
    others: &'a [Vec<f64>],
}

/// The generic quantities, and those that exist for reals only.
#[inline(always)]
fn real_quantities<M: Cost + Base, R: Real>(m: &M, p: &[R], t: &[R], w: &[R]) -> Vec<R> {
    let (d, n) = (m.dim(), m.ambient());
    let mut out = quantities(m, p, t, w);
    let q = out[n..2 * n].to_vec();
    let (mut log, mut wrapped) = (vec![R::zero(); n], q.clone());
    m.wrap(&mut wrapped);
    // On Rⁿ the margins are infinite, and so is nothing else.
    let bounded = |margin: R| margin.min(R::constant(10.0));
    out.extend([m.distance(p, &q), bounded(m.log(p, &q, &mut log)), bounded(m.domain_margin(t))]);
    out.extend(wrapped);
    let mut frame = vec![R::zero(); d * n];
    m.frame(p, BlockMut::dense(&mut frame, n));
    let frame = Block::dense(&frame, n);
    let mut z = vec![R::zero(); n];
    m.lift(p, frame, t, &mut z);
    out.extend_from_slice(&z);
    for k in 0..d {
        m.lift_derivative(p, frame, t, k, &mut z);
        out.extend_from_slice(&z);
    }
    out
}

impl<M: Cost + Base> Kernel for Agreement<'_, M> {
    type Output = f64;

    #[inline(always)]
    fn run<R: Real>(self) -> f64 {
        let pack = |rows: &[Vec<f64>]| -> Vec<R> {
            (0..rows[0].len()).map(|i| R::from_fn(|lane| rows[lane][i])).collect()
        };
        let packed = real_quantities(self.m, &pack(self.points), &pack(self.velocities), &pack(self.others));
        let mut worst = 0.0_f64;
        for lane in 0..R::LANES {
            let single =
                real_quantities(self.m, &self.points[lane], &self.velocities[lane], &self.others[lane]);
            for (a, b) in packed.iter().zip(&single) {
                let error = (a.lane(lane) - b).abs() / (1.0 + b.abs());
                worst = if error.is_nan() { f64::INFINITY } else { worst.max(error) };
            }
        }
        worst
    }
}

const SEED: u64 = 11;

/// Compares the packs of an instruction set with single samples, from `rng`.
#[track_caller]
fn assert_agreement<M: Cost + Base>(isa: Isa, m: &M, rng: &mut Pcg64Mcg) {
    let size = 2.5 / (m.dim() as f64).sqrt();
    let points: Vec<_> = (0..SAMPLES).map(|_| point(m, rng)).collect();
    let mut velocities: Vec<_> = (0..SAMPLES).map(|_| numbers(m.dim(), size, rng)).collect();
    // One lane with coincident points and one with nearly coincident ones, among ordinary neighbours.
    velocities[2].fill(0.0);
    velocities[5].fill(1e-9);
    let others: Vec<_> = (0..SAMPLES).map(|_| numbers(m.dim(), 1.0, rng)).collect();
    let worst = isa.dispatch(Agreement { m, points: &points, velocities: &velocities, others: &others });
    // Fused products round differently; r / sin r at |v| ≤ 2.5 amplifies that by no more than ten.
    assert!(worst < 1e-13, "{m} on {}, seed {SEED}: {worst:e}", isa.name());
}

#[test]
fn packs_agree_with_single_samples_on_every_instruction_set() {
    for isa in Isa::available() {
        let mut rng = generator(SEED);
        for name in MANIFOLDS {
            assert_agreement(isa, &manifold(name), &mut rng);
        }
    }
}

#[test]
fn packs_of_default_methods_agree_with_single_samples_on_every_instruction_set() {
    for isa in Isa::available() {
        let mut rng = generator(SEED);
        for n in [2, 3] {
            assert_agreement(isa, &Plain::new(n, false), &mut rng);
        }
    }
}
