//! Energies that are written as text beside the same ones in Rust.

use ircpm_train::loss::reverse_kl;
use ircpm_train::target::{self, Expression, Parameters, Target};

use crate::case::Case;
use crate::race::{Clock, Contender, race};
use crate::table::{Table, time};

/// Number of samples in a call.
const BATCH: usize = 4096;

/// Names of the table, and the same energies as text.
const ENERGIES: [(&str, &str); 4] = [
    ("torus-unimodal", "-(cos(theta1 - 4.18) + cos(theta2 - 5.96))"),
    (
        "torus-multi-modal",
        "mu = [[0.21, 2.85], [1.89, 6.18], [3.77, 1.56]]; \
         -log_sum_exp(k, 1, 3, sum(i, 1, 2, cos(theta[i] - mu[k, i]))) + ln(3)",
    ),
    (
        "xy-ring-6",
        "-sum(i, 1, 6, cos(theta[i] - theta[mod(i, 6) + 1]) + 0.5 * cos(theta[i]) + 0.3 * cos(2 * theta[i]))",
    ),
    ("chain-8", "-sum(i, 1, 7, cos(theta[i+1] - theta[i])) - 0.5 * sum(i, 1, 8, cos(theta[i]))"),
];

/// The table of energies alone, with gradients, and within a training step.
pub(super) fn table() -> Table {
    let mut table = Table::new(
        "`text_energy`: an energy as text, per sample, and relative to the same energy in Rust",
        &["energy", "value", "", "with gradient", "", "training step", ""],
    );
    for (name, text) in ENERGIES {
        let compiled = target::by_name(name).expect("a target's name");
        let text = Expression::parse(compiled.manifold(), text, &Parameters::new()).expect("an energy");
        let case = Case::torus(compiled.manifold().dim(), 32);
        let x = case.points(BATCH);
        let mut row = vec![name.to_owned()];
        for measure in [energies, gradients, steps] {
            let timings = race(
                &mut [
                    Contender::new("Rust", BATCH, || measure(&case, &x, compiled.as_ref())),
                    Contender::new("text", BATCH, || measure(&case, &x, &text)),
                ],
                Clock::Cpu,
            );
            row.push(time(timings[1].least / BATCH as f64));
            row.push(format!("{:.2} ×", timings[1].least / timings[0].least));
        }
        table.row(row);
    }
    table
}

fn energies(_: &Case, x: &[f64], target: &dyn Target) -> f64 {
    let mut u = vec![0.0; BATCH];
    target.energies(x, &mut u);
    u[0]
}

fn gradients(_: &Case, x: &[f64], target: &dyn Target) -> f64 {
    let (mut u, mut gradient) = (vec![0.0; BATCH], vec![0.0; x.len()]);
    target.gradients(x, &mut u, &mut gradient);
    gradient[0]
}

fn steps(case: &Case, x: &[f64], target: &dyn Target) -> f64 {
    let step =
        super::peak::single(|| reverse_kl(&case.flow, &case.theta, x, target, 1.0).map(|loss| loss.grad[0]));
    step.expect("a finite loss")
}
