//! Tables of the map: the solve, and the log-determinant with its gradient.

use ircpm_ad::{Dual, Isa};

use super::evaluations::{EVALUATIONS, Evaluations};
use super::peak::{ceiling, peak, single};
use crate::case::Case;
use crate::hessian::{self, NestedDual};
use crate::race::{Clock, Contender, Timing, race};
use crate::table::{Table, percent, time, times};
use crate::tape::TapeScalar;
use crate::{log_det, newton, solve as solves, train_step};

/// Number of samples for the flow, and for the rivals, which are slower.
const SAMPLES: [usize; 2] = [256, 4];

/// The table of images of base points.
pub(super) fn solve() -> Table {
    let mut table = Table::new(
        "`solve`: images of base points, per sample",
        &[
            "case",
            "Newton in packs",
            "Hessians",
            "share of peak",
            "descent in packs",
            "steps",
            "Newton, nested duals",
            "descent on a tape, K = 50",
            "K = 100",
        ],
    );
    single(|| {
        solve_row::<2>(&Case::torus(2, 32), &mut table);
        solve_row::<2>(&Case::sphere(128, 1), &mut table);
        solve_row::<8>(&Case::torus(8, 48), &mut table);
    });
    table.remark(EVALUATIONS);
    table.remark("Newton and descent in packs stop at a residual of 1e-13; descent on a tape takes K steps.");
    table
}

fn solve_row<const D: usize>(case: &Case, table: &mut Table) {
    let [many, few] = SAMPLES.map(|samples| case.points(samples));
    let descending = case.with_gradient_descent();
    let evaluations = Evaluations::of(&solves::implicit(&case.flow, &case.theta, &many).stats);
    let steps = solves::implicit(&descending, &case.theta, &many).stats.steps_mean();
    let mut all = vec![
        ceiling(Isa::best()),
        Contender::new("newton", SAMPLES[0], || solves::implicit(&case.flow, &case.theta, &many)),
        Contender::new("descent", SAMPLES[0], || solves::implicit(&descending, &case.theta, &many)),
        Contender::new("nested", SAMPLES[1], || solves::nested::<D>(case, &few)),
        Contender::new("tape 50", SAMPLES[1], || solves::unrolled(case, &few, 50)),
        Contender::new("tape 100", SAMPLES[1], || solves::unrolled(case, &few, 100)),
    ];
    let timings = race(&mut all, Clock::Cpu);
    let cell = comparison(&all, &timings, 1);
    let flops = evaluations.in_doubles() * (hessian::flops(D) * case.weights()) as f64;
    let rate = flops * SAMPLES[0] as f64 / timings[1].least;
    table.row(vec![
        case.name.clone(),
        cell(1),
        evaluations.to_string(),
        percent(rate / peak(Isa::best(), timings[0])),
        cell(2),
        format!("{steps:.1}"),
        cell(3),
        cell(4),
        cell(5),
    ]);
}

/// The table of log-determinants at given images.
pub(super) fn log_det() -> Table {
    let mut table = Table::new(
        "`log_det`: log|det DT| at given images, and its gradient in all parameters, per sample",
        &[
            "case",
            "value",
            "share of peak",
            "nested duals",
            "duals through K = 50",
            "K = 100",
            "with gradient",
            "share of peak",
            "tape over nested duals",
        ],
    );
    single(|| {
        log_det_row::<2>(&Case::torus(2, 32), &mut table);
        log_det_row::<2>(&Case::sphere(128, 1), &mut table);
        log_det_row::<8>(&Case::torus(8, 48), &mut table);
    });
    table.remark(
        "`value` is the flow's inverse, which also finds the smallest eigenvalue of every Hessian: most of its time at D = 8.",
    );
    table.remark("The gradient by the tape through K steps is what `train_step` measures.");
    table
}

fn log_det_row<const D: usize>(case: &Case, table: &mut Table)
where
    Dual<f64, D>: TapeScalar,
    NestedDual<f64, D>: TapeScalar,
{
    let [many, few] = SAMPLES.map(|samples| case.points(samples));
    let mut all = vec![
        ceiling(Isa::best()),
        Contender::new("value", SAMPLES[0], || log_det::implicit(case, &many)),
        Contender::new("nested", SAMPLES[1], || newton::log_dets::<D>(case, &few)),
        Contender::new("unrolled 50", SAMPLES[1], || log_det::unrolled::<D>(case, &few, 50)),
        Contender::new("unrolled 100", SAMPLES[1], || log_det::unrolled::<D>(case, &few, 100)),
        Contender::new("gradient", SAMPLES[0], || log_det::implicit_gradient(case, &many)),
        Contender::new("tape", SAMPLES[1], || newton::log_det_gradients::<D>(case, &few)),
    ];
    let timings = race(&mut all, Clock::Cpu);
    let (value, gradient) = (comparison(&all, &timings, 1), comparison(&all, &timings, 5));
    let ceiling = peak(Isa::best(), timings[0]);
    let [hessian, contraction] = [hessian::flops(D), train_step::contraction_flops(D)]
        .map(|flops| (flops * case.weights() * SAMPLES[0]) as f64);
    table.row(vec![
        case.name.clone(),
        value(1),
        percent(hessian / timings[1].least / ceiling),
        value(2),
        value(3),
        value(4),
        gradient(5),
        percent((hessian + contraction) / timings[5].least / ceiling),
        gradient(6),
    ]);
}

/// Cells with the time per sample, and for all but the contender `ours` its ratio to the time of `ours`.
fn comparison<'a>(
    all: &'a [Contender<'_>],
    timings: &'a [Timing],
    ours: usize,
) -> impl Fn(usize) -> String + use<'a> {
    let each = |i: usize| timings[i].least / all[i].samples as f64;
    let own = each(ours);
    move |i| {
        let mine = timings[i].least / all[i].samples as f64;
        if i == ours { time(mine) } else { format!("{}, {}", time(mine), times(mine / own)) }
    }
}
