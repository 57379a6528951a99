//! Speed-up of a training step by a second thread, beside that of independent multiply-adds.

use ircpm_ad::Isa;
use rayon::prelude::*;

use crate::case::Case;
use crate::race::{Clock, Contender, race};
use crate::roofline;
use crate::table::{Table, percent, time};
use crate::train_step;

/// Number of samples in a step.
const BATCH: usize = 4096;
/// Number of independent pieces of multiply-adds.
const PIECES: usize = 32;

/// The table of steps on one thread and on two, by the wall clock.
pub(super) fn table() -> Table {
    let mut table = Table::new(
        "`threads`: a training step of 4096 samples, by the wall clock",
        &["case", "1 thread", "2 threads", "speed-up", "speed-up of multiply-adds", "share"],
    );
    for case in [Case::torus(2, 32), Case::sphere(128, 1), Case::torus(8, 48)] {
        let x = case.points(BATCH);
        let pools = [1, 2].map(|threads| {
            rayon::ThreadPoolBuilder::new().num_threads(threads).build().expect("two threads")
        });
        let [one, two] = &pools;
        let multiply_adds =
            || (0..PIECES).into_par_iter().map(|_| roofline::multiply_adds(Isa::best())).sum::<usize>();
        let step = || train_step::implicit(&case, &x).0;
        let timings = race(
            &mut [
                Contender::new("multiply-adds, 1", 1, || one.install(multiply_adds)),
                Contender::new("multiply-adds, 2", 1, || two.install(multiply_adds)),
                Contender::new("step, 1", BATCH, || one.install(step)),
                Contender::new("step, 2", BATCH, || two.install(step)),
            ],
            Clock::Wall,
        );
        let [ceiling, ours] = [0, 2].map(|i| timings[i].least / timings[i + 1].least);
        table.row(vec![
            case.name.clone(),
            time(timings[2].least),
            time(timings[3].least),
            format!("{ours:.3} ×"),
            format!("{ceiling:.3} ×"),
            percent(ours / ceiling),
        ]);
    }
    table
}
