//! CPU time to equal divergence, by runs of several lengths.

use cpu_time::ProcessTime;
use ircpm_manifolds::{AnyManifold, Base, Sphere, Torus};
use ircpm_train::optimiser::Adam;

use super::learner::{Learner, MapLearner, OdeLearner};
use super::{BATCH, lattice, ode_flow, problem};
use crate::report::peak::single;
use crate::table::{Table, time, times};

/// Divergences in nats whose times are compared.
const LEVELS: [f64; 3] = [1e-2, 1e-3, 1e-4];
/// Base points that the divergence is measured at; that time does not count.
const POINTS: usize = 4096;
/// Steps of the shortest run of Adam; each next one has four times as many.
const SHORTEST: usize = 250;
/// Looks at the divergence per run of Adam.
const LOOKS: usize = 25;
/// CPU seconds that no run of Adam exceeds by its forecast.
const LONGEST: f64 = 120.0;

/// CPU seconds of training, and the divergence then.
type Look = (f64, f64);

/// The table of CPU times to equal divergence.
pub(in crate::report) fn table() -> Table {
    let mut table = Table::new(
        "`ode_training`: CPU time to a divergence from the target, and the least divergence with its time",
        &["target", "model", "optimiser", "parameters", "KL 1e-2", "KL 1e-3", "KL 1e-4", "least KL"],
    );
    single(|| {
        let sphere = || Sphere::new(2).expect("a dimension");
        rows(Torus::new(2).expect("a dimension"), "torus-multi-modal", "torus-multi-modal", &mut table);
        for target in ["sphere-four-mode", "sphere-four-mode-100"] {
            rows(sphere(), "sphere-four-mode", target, &mut table);
        }
        rows(sphere(), "sphere-four-mode-adam", "sphere-four-mode", &mut table);
    });
    table.remark(format!(
        "Batches of {BATCH} points for Adam. Its runs have {SHORTEST} steps and four times as many again, as long as a run \
         takes less than {LONGEST} s; a time is the least of all runs. Ratios are to the first row of a target."
    ));
    table
}

/// The rows of the models of one preset on one target.
fn rows<M: Base>(manifold: M, preset: &str, target: &str, table: &mut Table)
where
    AnyManifold: From<M>,
{
    let x = lattice(&manifold.clone().into(), POINTS);
    let own = problem(preset, target, |_| ());
    let model = &own.config.model;
    let widths: Vec<String> = model.hidden.iter().map(usize::to_string).collect();
    let (layers, widths) = (own.flow.layers(), widths.join("→"));
    let layers = if layers == 1 { String::new() } else { format!(", {layers} layers") };
    let map = format!("map {widths}{layers}");
    let mut first = None;
    let mut row = |model: &str, optimiser: &str, parameters: usize, looks: &[Look]| {
        let reached = LEVELS.map(|level| first_below(looks, level));
        let first = *first.get_or_insert(reached);
        let mut cells =
            vec![target.to_owned(), model.to_owned(), optimiser.to_owned(), parameters.to_string()];
        cells.extend((0..LEVELS.len()).map(|i| match (reached[i], first[i]) {
            (Some(own), Some(first)) => format!("{}, {}", time(own), times(own / first)),
            (Some(own), None) => time(own),
            (None, _) => "–".to_owned(),
        }));
        let least = looks.iter().copied().min_by(|a, b| a.1.total_cmp(&b.1)).expect("a look");
        cells.push(format!("{:.1e} in {}", least.1, time(least.0)));
        // A table of many minutes: each row is shown when it is known.
        eprintln!("{}", cells.join(" | "));
        table.row(cells);
    };
    if own.config.training.is_least_squares() {
        let looks = look(&mut MapLearner::new(&own), 1, &x);
        row(&map, "least squares", own.flow.parameters(), &looks);
    }
    let looks = runs(|steps| {
        let problem = problem(preset, target, |config| by_adam(config, steps));
        look(&mut MapLearner::new(&problem), steps / LOOKS, &x)
    });
    row(&map, "Adam", own.flow.parameters(), &looks);
    let flow = ode_flow(&own, manifold);
    let (target, _) = own.source().target().expect("a target");
    let peak: f64 = std::env::var("ODE_PEAK")
        .ok()
        .and_then(|p| p.parse().ok())
        .unwrap_or(own.config.training.learning_rate);
    let looks = runs(|steps| {
        let mut l = OdeLearner::new(flow.clone(), target, steps, peak);
        let looks = look(&mut l, steps / LOOKS, &x);
        eprintln!("steps {steps}, RK {}, {:?}", l.model().0.steps, looks.last());
        looks
    });
    row(&format!("ODE flow {widths}"), "Adam", flow.parameters(), &looks);
}

/// Turns a configuration into one of Adam.
pub(super) fn by_adam(config: &mut ircpm_train::config::Config, steps: usize) {
    let training = &mut config.training;
    (training.optimiser, training.steps, training.batch) = (Adam::NAME.to_owned(), Some(steps), Some(BATCH));
}

/// Looks of runs of several lengths.
fn runs(run: impl Fn(usize) -> Vec<Look>) -> Vec<Look> {
    let (mut all, mut steps) = (vec![], SHORTEST);
    loop {
        let looks = run(steps);
        let seconds = looks.last().map_or(f64::INFINITY, |look| look.0);
        all.extend(looks);
        steps *= 4;
        if 4.0 * seconds > LONGEST {
            return all;
        }
    }
}

/// Trains to the end, and looks at the divergence after every `between` steps.
fn look(learner: &mut dyn Learner, between: usize, x: &[f64]) -> Vec<Look> {
    let (mut looks, mut seconds, mut goes_on) = (vec![], 0.0, true);
    while goes_on {
        let clock = ProcessTime::now();
        for _ in 0..between {
            goes_on = goes_on && learner.advance();
        }
        seconds += clock.elapsed().as_secs_f64();
        looks.push((seconds, learner.divergence(x)));
    }
    looks
}

/// The least time of a look whose divergence is no larger than `level`.
fn first_below(looks: &[Look], level: f64) -> Option<f64> {
    looks.iter().filter(|look| look.1 <= level).map(|look| look.0).min_by(f64::total_cmp)
}
