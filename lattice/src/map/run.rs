//! The kernels of a layer: a batch in either direction, the values of psi, and the size of the buffers.

use ircpm_ad::{Kernel, Real};
use ircpm_flow::{Direction, Record, Workspace};
use ircpm_manifolds::Manifold;

use super::LatticeMap;
use super::newton::{Newton, Problem};
use crate::lanes::Batch;

/// Runs a batch in either direction.
pub(super) struct Run<'a> {
    pub map: &'a LatticeMap,
    pub a: &'a [f64],
    pub direction: Direction,
    pub points: &'a [f64],
    pub record: &'a mut Record,
    pub work: &'a mut Workspace,
}

impl Kernel for Run<'_> {
    type Output = ();

    #[inline(always)]
    fn run<R: Real>(self) {
        let Run { map, a, direction, points, record, work } = self;
        let (program, n) = (map.program(), map.program().sites);
        let batch = Batch { samples: points.len() / n };
        let newton = work.get::<Newton<R>>();
        newton.reserve(program);
        record.single_steps.fill(0);
        for p in 0..batch.packs::<R>() {
            for c in 0..n {
                newton.x[c] = batch.load(points, n, c, p);
            }
            let problem = Problem { program, a };
            match direction {
                Direction::Forward => newton.minimise(problem, &map.solver),
                Direction::Inverse => newton.evaluate_image(problem),
            }
            R::vectorized(
                #[inline(always)]
                || write_pack(map, direction, (batch, p), newton, record),
            );
        }
    }
}

/// Writes one pack's results.
#[inline(always)]
fn write_pack<R: Real>(
    map: &LatticeMap,
    direction: Direction,
    (batch, p): (Batch, usize),
    newton: &mut Newton<R>,
    record: &mut Record,
) {
    let n = map.program().sites;
    if direction == Direction::Inverse {
        if let Some(metric) = &map.program().metric {
            metric.solve(&map.program().symbolic, &mut newton.local.gradient[..n], &mut newton.scratch);
        }
        for c in 0..n {
            newton.x[c] = newton.y[c] + newton.local.gradient[c];
        }
        map.torus.wrap(&mut newton.x);
    }
    map.torus.wrap(&mut newton.y);
    let mut log_det = -newton.factored.log_det;
    if let Some(metric) = &map.program().metric {
        log_det += metric.log_det;
    }
    let mut ok = R::select_gt(newton.done, R::zero(), newton.factored.definite(), R::zero());
    ok = R::select_gt(R::constant(f64::INFINITY), log_det.abs(), ok, R::zero());
    for c in 0..n {
        // A coordinate that psi does not read may be NaN while everything else is finite.
        ok = R::select_gt(R::constant(f64::INFINITY), newton.x[c].abs(), ok, R::zero());
        ok = R::select_gt(R::constant(f64::INFINITY), newton.y[c].abs(), ok, R::zero());
        batch.store(newton.x[c], &mut record.x, n, c, p);
        batch.store(newton.y[c], &mut record.y, n, c, p);
    }
    batch.store(log_det, &mut record.log_det, 1, 0, p);
    batch.store(newton.residual, &mut record.residual, 1, 0, p);
    for lane in 0..batch.lanes::<R>(p) {
        let sample = p * R::LANES + lane;
        record.converged[sample] = newton.done.lane(lane) > 0.0;
        record.ok[sample] = ok.lane(lane) > 0.0;
        record.steps[sample] = newton.steps.lane(lane) as u32;
    }
}

/// `psi` at a batch of points.
pub(super) struct Values<'a> {
    pub map: &'a LatticeMap,
    pub a: &'a [f64],
    pub points: &'a [f64],
    pub psi: &'a mut [f64],
    pub work: &'a mut Workspace,
}

impl Kernel for Values<'_> {
    type Output = ();

    #[inline(always)]
    fn run<R: Real>(self) {
        let Values { map, a, points, psi, work } = self;
        let (program, n) = (map.program(), map.program().sites);
        let batch = Batch { samples: psi.len() };
        let newton = work.get::<Newton<R>>();
        newton.reserve(program);
        for p in 0..batch.packs::<R>() {
            for c in 0..n {
                newton.x[c] = batch.load(points, n, c, p);
            }
            let Newton { x, harmonics, local, .. } = newton;
            R::vectorized(
                #[inline(always)]
                || {
                    harmonics.evaluate(program, x);
                    local.evaluate(program, a, harmonics, x);
                },
            );
            batch.store(newton.local.psi, psi, 1, 0, p);
        }
    }
}

/// The numbers per sample that a run keeps in its buffers: those that the first pack has allocated.
pub(super) struct Buffers<'a> {
    pub map: &'a LatticeMap,
    pub a: &'a [f64],
}

impl Kernel for Buffers<'_> {
    type Output = usize;

    #[inline(always)]
    fn run<R: Real>(self) -> usize {
        let program = self.map.program();
        let mut newton = Newton::<R>::default();
        newton.reserve(program);
        newton.evaluate_image(Problem { program, a: self.a });
        newton.packs()
    }
}
