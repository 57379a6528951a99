//! The derivative kernels: Hessian and contraction, on every instruction set.

use ircpm_ad::{Dual, Isa};

use super::peak::{ceiling, peak};
use crate::case::Case;
use crate::hessian::NestedDual;
use crate::race::{Clock, Contender, race};
use crate::table::{Table, percent, time, times};
use crate::tape::TapeScalar;
use crate::tile::TILE_SAMPLES;
use crate::{contraction, hessian};

/// Number of samples for the flow's kernels, and for the rivals, which are slower.
const SAMPLES: [usize; 2] = [256, TILE_SAMPLES];

/// Number of passes of pure forward mode that are timed; all passes cost the same.
const PASSES: usize = 2;

/// The table of gradients and Hessians of psi.
pub(super) fn hessian() -> Table {
    let mut table = Table::new(
        "`hessian`: psi, its gradient and its Hessian, per sample",
        &[
            "case",
            "instruction set",
            "time (median)",
            "GFLOP/s",
            "share of peak",
            "nested duals",
            "tape over duals",
        ],
    );
    for case in [Case::torus(2, 32), Case::torus(2, 64), Case::torus(2, 128), Case::sphere(128, 1)] {
        hessian_rows::<2>(&case, &mut table);
    }
    hessian_rows::<4>(&Case::torus(4, 32), &mut table);
    hessian_rows::<8>(&Case::torus(8, 48), &mut table);
    table.remark(
        "Counted: 2 (D + 2) operations per weight, nothing for units and features. Peak: independent multiply-adds, same run.",
    );
    table
}

fn hessian_rows<const D: usize>(case: &Case, table: &mut Table)
where
    Dual<f64, D>: TapeScalar,
{
    let [many, few] = SAMPLES.map(|samples| case.points(samples));
    let (many, few) = (&many[..], &few[..]);
    let rivals = vec![
        Contender::new("nested", SAMPLES[1], move || hessian::nested::<D>(case, few)),
        Contender::new("tape", SAMPLES[1], move || hessian::on_tape::<D>(case, few)),
    ];
    let ours = |isa| Contender::new("lanes", SAMPLES[0], move || hessian::in_lanes::<D>(case, isa, many));
    add_rows(case, hessian::flops(D), rivals, ours, |_| 1.0, table);
}

/// The table of the contraction's gradient in the parameters.
pub(super) fn contraction() -> Table {
    let mut table = Table::new(
        "`contraction`: gradient in all parameters of A : Hess psi + b · grad psi, per sample",
        &[
            "case",
            "instruction set",
            "time (median)",
            "GFLOP/s",
            "share of peak",
            "tape over nested duals",
            "forward mode, one pass per parameter",
        ],
    );
    for case in [Case::torus(2, 32), Case::torus(2, 64), Case::torus(2, 128), Case::sphere(128, 1)] {
        contraction_rows::<2>(&case, &mut table);
    }
    contraction_rows::<4>(&Case::torus(4, 32), &mut table);
    contraction_rows::<8>(&Case::torus(8, 48), &mut table);
    table.remark(
        "Counted: 2 · 3 (D + 2) operations per weight, for forward, backward and accumulate; nothing else.",
    );
    table
        .remark(format!("Pure forward mode: the time of {PASSES} passes, scaled to one pass per parameter."));
    table
}

fn contraction_rows<const D: usize>(case: &Case, table: &mut Table)
where
    NestedDual<f64, D>: TapeScalar,
{
    let [many, few] = SAMPLES.map(|samples| case.points(samples));
    let (many, few) = (&many[..], &few[..]);
    let one = &few[..case.points(1).len()];
    let rivals = vec![
        Contender::new("tape", SAMPLES[1], move || contraction::on_tape::<D>(case, few)),
        Contender::new("forward", 1, move || contraction::forward::<D>(case, one, PASSES)),
    ];
    let passes = case.theta.len() as f64 / PASSES as f64;
    let factor = move |rival| if rival == 1 { passes } else { 1.0 };
    let ours = |isa| Contender::new("lanes", SAMPLES[0], move || contraction::in_lanes::<D>(case, isa, many));
    add_rows(case, contraction::flops(D), rivals, ours, factor, table);
}

/// Adds one row per instruction set. Rival `i` would have to run `factor(i)` times for the whole result.
fn add_rows<'a>(
    case: &Case,
    flops: usize,
    rivals: Vec<Contender<'a>>,
    ours: impl Fn(Isa) -> Contender<'a>,
    factor: impl Fn(usize) -> f64,
    table: &mut Table,
) {
    let sets = Isa::available();
    let count = rivals.len();
    let mut all = rivals;
    all.extend(sets.iter().flat_map(|&isa| [ceiling(isa), ours(isa)]));
    let timings = race(&mut all, Clock::Cpu);
    for (k, &isa) in sets.iter().enumerate() {
        let [ceiling, ours] = [timings[count + 2 * k], timings[count + 2 * k + 1]];
        let samples = SAMPLES[0] as f64;
        let rate = (flops * case.weights()) as f64 * samples / ours.least;
        let mut row = vec![
            case.name.clone(),
            isa.name().to_owned(),
            format!("{} ({})", time(ours.least / samples), time(ours.median / samples)),
            format!("{:.1}", rate / 1e9),
            percent(rate / peak(isa, ceiling)),
        ];
        for i in 0..count {
            let rival = factor(i) * timings[i].least / all[i].samples as f64;
            row.push(format!("{}, {}", time(rival), times(rival * samples / ours.least)));
        }
        table.row(row);
    }
}
