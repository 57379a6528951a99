//! The table of one training step: the flow against unrolled backpropagation.

use ircpm_ad::{Dual, Isa};

use super::evaluations::{EVALUATIONS, Evaluations};
use super::peak::{ceiling, peak, single};
use crate::case::Case;
use crate::memory::Job;
use crate::race::{Clock, Contender, race};
use crate::table::{Table, percent, size, time, times};
use crate::tape::{TapeScalar, Var};
use crate::train_step as step;

/// Sizes of the flow's batches.
const BATCHES: [usize; 2] = [256, 4096];
/// Number of samples that the tape is timed on; every sample costs it the same.
const TAPED: usize = 2;

/// Number of training steps; with more of them the solves do not take longer.
const TRAINED: usize = 500;

/// Times and memory of reverse KL and its gradient.
pub(super) fn table() -> Table {
    let mut table = Table::new(
        "`train_step`: reverse KL and its gradient in all parameters, per sample",
        &[
            "case",
            "batch 256 (median)",
            "batch 4096",
            "Hessians per layer",
            "share of peak",
            "unrolled K = 50",
            "K = 100",
            "tape, K = 50",
            "K = 100",
        ],
    );
    single(|| {
        row::<2>(&Case::torus(2, 32), &mut table);
        row::<2>(&Case::torus(2, 32).after_training("torus-multi-modal", TRAINED), &mut table);
        row::<2>(&Case::sphere(128, 1), &mut table);
        row::<2>(&Case::sphere(128, 3), &mut table);
        row::<2>(&Case::sphere(128, 3).after_training("sphere-four-mode", TRAINED), &mut table);
        row::<8>(&Case::torus(8, 48), &mut table);
    });
    table.remark(
        "Counted, per weight: 2 (D + 2) operations for every Hessian, 4 (D + 2) for the contraction of every layer.",
    );
    table.remark(EVALUATIONS);
    table.remark(format!(
        "Parameters are random, or trained by {TRAINED} steps of Adam on 256 points per step."
    ));
    table.remark(format!(
        "The tape ran on {TAPED} samples, one by one through the same memory. A framework that records a batch at once needs \
         as many times that memory as the batch has samples."
    ));
    table.remark(memory());
    table
}

fn row<const D: usize>(case: &Case, table: &mut Table)
where
    Dual<f64, D>: TapeScalar,
    Var<Dual<f64, D>>: TapeScalar,
{
    let [small, large] = BATCHES.map(|batch| case.points(batch));
    let few = case.points(TAPED);
    let evaluations = Evaluations::of(&step::implicit(case, &small).2);
    let tapes = [50, 100].map(|steps| size(step::unrolled::<D>(case, &few, steps).tape as f64));
    let mut all = vec![
        ceiling(Isa::best()),
        Contender::new("256", BATCHES[0], || step::implicit(case, &small)),
        Contender::new("4096", BATCHES[1], || step::implicit(case, &large)),
        Contender::new("tape 50", TAPED, || step::unrolled::<D>(case, &few, 50)),
        Contender::new("tape 100", TAPED, || step::unrolled::<D>(case, &few, 100)),
    ];
    let timings = race(&mut all, Clock::Cpu);
    let each = |i: usize| timings[i].least / all[i].samples as f64;
    let rate = step::flops(case, evaluations.in_doubles()) / each(1);
    let cell = |i: usize| format!("{}, {}", time(each(i)), times(each(i) / each(1)));
    let [tape, twice] = tapes;
    table.row(vec![
        case.name.clone(),
        format!("{} ({})", time(each(1)), time(timings[1].median / BATCHES[0] as f64)),
        time(each(2)),
        evaluations.to_string(),
        percent(rate / peak(Isa::best(), timings[0])),
        cell(3),
        cell(4),
        tape,
        twice,
    ]);
}

/// The remark on peak resident memory of a step on T².
fn memory() -> String {
    let above = |job: Job| job.memory_above_idle().map_or_else(|| "unknown".to_owned(), size);
    format!(
        "Peak memory on T² above that of an idle process: batch 256 {}, batch 4096 {}; unrolled, one sample at a time, \
         K = 50 {}, K = 100 {}.",
        above(Job::Implicit { dim: 2, width: 32, batch: 256 }),
        above(Job::Implicit { dim: 2, width: 32, batch: 4096 }),
        above(Job::Unrolled { steps: 50 }),
        above(Job::Unrolled { steps: 100 }),
    )
}
