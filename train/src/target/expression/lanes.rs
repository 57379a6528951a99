//! Batches of points in packs, several packs per instruction.

#![allow(
    clippy::needless_range_loop,
    reason = "index loops over packs: a closure may be compiled without the instruction set"
)]

use ircpm_ad::{Dual, Kernel, Real};

use super::super::density::{CHUNK, gather};
use super::program::Program;

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
        let packs = self.program.packs::<Dual<R, CHUNK>>();
        let mut file = self.program.file::<Dual<R, CHUNK>>(packs);
        for start in (0..samples).step_by(packs * R::LANES) {
            let count = packs.min((samples - start).div_ceil(R::LANES));
            for chunk in (0..n).step_by(CHUNK) {
                let directions = CHUNK.min(n - chunk);
                for i in 0..n {
                    for k in 0..count {
                        file[i * packs + k] = Dual::fixed(gather(self.y, samples, start + k * R::LANES, i));
                    }
                }
                for i in 0..directions {
                    for k in 0..count {
                        file[(chunk + i) * packs + k].eps[i] = R::one();
                    }
                }
                let at = self.program.run(&mut file, packs, count);
                for k in 0..count {
                    let (first, energy) = (start + k * R::LANES, file[at + k]);
                    for lane in 0..R::LANES.min(samples - first) {
                        self.u[first + lane] = energy.re.lane(lane);
                        for i in 0..directions {
                            self.grad[(first + lane) * n + chunk + i] = energy.eps[i].lane(lane);
                        }
                    }
                }
            }
        }
    }
}
