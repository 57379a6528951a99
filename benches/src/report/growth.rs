//! Growth of a training step's time and memory with inner steps, dimension, width and batch.

use ircpm_ad::Dual;

use super::peak::single;
use crate::case::Case;
use crate::memory::Job;
use crate::race::{Clock, Contender, race};
use crate::table::{Table, size, time, times};
use crate::tape::{TapeScalar, Var};
use crate::train_step as step;

/// One row per value of what varies; all else is T², 32 units per layer, K = 100, batch 256.
pub(super) fn table() -> Table {
    let mut table = Table::new(
        "`growth`: a training step, per sample",
        &["what", "implicit", "unrolled", "ratio", "implicit, peak memory of the batch", "tape per sample"],
    );
    single(|| {
        let base = Case::torus(2, 32);
        for steps in [12, 25, 50, 100, 200] {
            row::<2>(&format!("K = {steps}"), &base, 32, steps, 256, &mut table);
        }
        row::<4>("D = 4", &Case::torus(4, 32), 32, 100, 256, &mut table);
        row::<8>("D = 8", &Case::torus(8, 32), 32, 100, 256, &mut table);
        for width in [64, 128] {
            row::<2>(&format!("width {width}"), &Case::torus(2, width), width, 100, 256, &mut table);
        }
        for batch in [8, 32, 1024, 4096] {
            row::<2>(&format!("batch {batch}"), &base, 32, 100, batch, &mut table);
        }
    });
    table.remark("Peak memory is resident memory above that of an idle process, on as many threads as there are cores.");
    table.remark("Rows vary one thing at a time from T² [4→32→32→1], K = 100, batch 256.");
    table
}

fn row<const D: usize>(what: &str, case: &Case, width: usize, steps: usize, batch: usize, table: &mut Table)
where
    Dual<f64, D>: TapeScalar,
    Var<Dual<f64, D>>: TapeScalar,
{
    let (many, one) = (case.points(batch), case.points(1));
    let mut all = [
        Contender::new("implicit", batch, || step::implicit(case, &many)),
        Contender::new("unrolled", 1, || step::unrolled::<D>(case, &one, steps)),
    ];
    let timings = race(&mut all, Clock::Cpu);
    let [ours, theirs] = [timings[0].least / batch as f64, timings[1].least];
    let tape = step::unrolled::<D>(case, &one, steps).tape as f64;
    let peak = Job::Implicit { dim: D, width, batch }.memory_above_idle().map_or_else(|| "?".into(), size);
    table.row(vec![what.to_owned(), time(ours), time(theirs), times(theirs / ours), peak, size(tape)]);
}
