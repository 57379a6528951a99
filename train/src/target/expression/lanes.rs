//! Batches of points in packs, several packs per instruction.

#![allow(
    clippy::needless_range_loop,
    reason = "index loops over packs: a closure may be compiled without the instruction set"
)]

use ircpm_ad::{Kernel, Real};

use super::super::density::gather;
use super::program::Program;
use super::reverse::Sweep;

pub(super) struct Energies<'a> {
    pub(super) program: &'a Program,
    pub(super) y: &'a [f64],
    pub(super) u: &'a mut [f64],
}

impl Kernel for Energies<'_> {
    type Output = ();

    #[inline(always)]
    fn run<R: Real>(self) {
        let samples = self.u.len();
        let n = self.y.len() / samples.max(1);
        let packs = self.program.packs::<R>();
        let mut file = self.program.file::<R>(packs);
        for start in (0..samples).step_by(packs * R::LANES) {
            let count = packs.min((samples - start).div_ceil(R::LANES));
            for i in 0..n {
                for k in 0..count {
                    file[i * packs + k] = gather(self.y, samples, start + k * R::LANES, i);
                }
            }
            let at = self.program.run(&mut file, packs, count);
            for k in 0..count {
                let first = start + k * R::LANES;
                for lane in 0..R::LANES.min(samples - first) {
                    self.u[first + lane] = file[at + k].lane(lane);
                }
            }
        }
    }
}

pub(super) struct Gradients<'a> {
    /// A program with all values.
    pub(super) program: &'a Program,
    pub(super) y: &'a [f64],
    pub(super) u: &'a mut [f64],
    pub(super) grad: &'a mut [f64],
}

impl Kernel for Gradients<'_> {
    type Output = ();

    #[inline(always)]
    fn run<R: Real>(self) {
        let samples = self.u.len();
        let n = self.y.len() / samples.max(1);
        let mut sweep = Sweep::<R>::new(self.program);
        let packs = sweep.packs();
        for start in (0..samples).step_by(packs * R::LANES) {
            let count = packs.min((samples - start).div_ceil(R::LANES));
            for i in 0..n {
                for k in 0..count {
                    sweep.values[i * packs + k] = gather(self.y, samples, start + k * R::LANES, i);
                }
            }
            let at = sweep.run(self.program, count);
            for k in 0..count {
                let first = start + k * R::LANES;
                for lane in 0..R::LANES.min(samples - first) {
                    self.u[first + lane] = sweep.values[at + k].lane(lane);
                    for i in 0..n {
                        self.grad[(first + lane) * n + i] = sweep.adjoints[i * packs + k].lane(lane);
                    }
                }
            }
        }
    }
}
