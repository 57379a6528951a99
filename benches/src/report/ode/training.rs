//! CPU time to equal divergence, by runs of several lengths.

use cpu_time::ProcessTime;
use ircpm_manifolds::{AnyManifold, Base, Sphere, Torus};
use ircpm_train::config::Layers;
use ircpm_train::training::Problem;

use super::learner::{Learner, MapLearner, OdeLearner};
use super::{BATCH, ON_SPHERE, ON_TORUS, OdeTraining, by_adam, lattice, ode_flow, problem, size};
use crate::report::peak::single;
use crate::table::{Table, time, times};

/// Divergences in nats whose times are compared.
const LEVELS: [f64; 4] = [1e-2, 1e-3, 1e-4, 1e-5];
/// Base points that the divergence is measured at; that time does not count.
const POINTS: usize = 4096;
/// Steps of the shortest run of Adam; each next one has four times as many.
const SHORTEST: usize = 250;
/// Looks at the divergence per run of Adam.
const LOOKS: usize = 25;
/// CPU seconds that no run of Adam exceeds by its forecast.
const LONGEST: f64 = 30.0;

/// CPU seconds of training, and the divergence then.
type Look = (f64, f64);

/// The table of CPU times to equal divergence.
pub(in crate::report) fn table() -> Table {
    let mut table = Table::new(
        "`ode_training`: CPU time to a divergence from the target, and the least divergence with its time",
        &[
            "target",
            "model",
            "optimiser",
            "parameters",
            "KL 1e-2",
            "KL 1e-3",
            "KL 1e-4",
            "KL 1e-5",
            "least KL",
        ],
    );
    single(|| {
        let torus = Torus::new(2).expect("a dimension");
        Rows::new("torus-multi-modal", &mut table).least_squares().adam().ode(torus, ON_TORUS);
        let sphere = Sphere::new(2).expect("a dimension");
        let rows = Rows::new("sphere-four-mode", &mut table).least_squares().one_layer().adam();
        rows.ode(sphere, ON_SPHERE).with("sphere-four-mode-adam").adam().ode(sphere, ON_SPHERE);
    });
    table.remark(format!(
        "Batches of {BATCH} points for Adam. A look counts if all of its {POINTS} points have a density, which points where a \
         map folds have not. Runs of Adam have {SHORTEST} steps and four times as many again, until all levels are reached or \
         the next run would take more than {LONGEST} s; a time is the least of all runs. Ratios are to the first row of a \
         target."
    ));
    table
}

/// The rows of one target.
struct Rows<'t> {
    target: &'static str,
    /// The preset whose model is trained.
    preset: &'static str,
    problem: Problem,
    /// Base points.
    x: Vec<f64>,
    /// Times of the first row.
    first: Option<[Option<f64>; LEVELS.len()]>,
    table: &'t mut Table,
}

impl<'t> Rows<'t> {
    /// The rows of the target that is named like its preset.
    fn new(target: &'static str, table: &'t mut Table) -> Self {
        let problem = problem(target, |_| ());
        let x = lattice(problem.manifold(), POINTS);
        Self { target, preset: target, problem, x, first: None, table }
    }

    /// The model of another preset, on the same target.
    fn with(self, preset: &'static str) -> Self {
        Self { preset, problem: problem(preset, |_| ()), ..self }
    }

    /// The map, by the preset's own training.
    fn least_squares(self) -> Self {
        let problem = self.problem.clone();
        self.map(&problem)
    }

    /// As [`Rows::least_squares`], with one layer.
    fn one_layer(self) -> Self {
        let problem = problem(self.preset, |config| config.model.layers = Layers::Fixed(1));
        self.map(&problem)
    }

    /// The map of a problem, by least squares.
    fn map(self, problem: &Problem) -> Self {
        let looks = look(&mut MapLearner::new(problem), 1, &self.x);
        self.row(&format!("map {}", size(problem)), "least squares", problem.flow.parameters(), &looks)
    }

    /// The map, by Adam.
    fn adam(self) -> Self {
        let looks = runs(|steps| {
            let problem = problem(self.preset, |config| by_adam(config, steps));
            look(&mut MapLearner::new(&problem), steps / LOOKS, &self.x)
        });
        let (model, parameters) = (format!("map {}", size(&self.problem)), self.problem.flow.parameters());
        self.row(&model, "Adam", parameters, &looks)
    }

    /// The ODE flow of the map's network, by Adam.
    fn ode<M: Base + Into<AnyManifold>>(self, manifold: M, training: OdeTraining) -> Self {
        let flow = ode_flow(&self.problem, manifold);
        let (target, _) = self.problem.source().target().expect("a target");
        let looks = runs(|steps| {
            let mut learner = OdeLearner::new(flow.clone(), target, steps, training);
            look(&mut learner, steps / LOOKS, &self.x)
        });
        let sizes: Vec<String> = self.problem.config.model.hidden.iter().map(usize::to_string).collect();
        let model = format!("ODE flow {}, tolerance {:e}", sizes.join("→"), training.tolerance);
        self.row(&model, "Adam", flow.parameters(), &looks)
    }

    /// Adds a row.
    fn row(mut self, model: &str, optimiser: &str, parameters: usize, looks: &[Look]) -> Self {
        let reached = LEVELS.map(|level| first_below(looks, level));
        let first = *self.first.get_or_insert(reached);
        let mut cells =
            vec![self.target.to_owned(), model.to_owned(), optimiser.to_owned(), parameters.to_string()];
        cells.extend((0..LEVELS.len()).map(|i| match (reached[i], first[i]) {
            (Some(own), Some(first)) => format!("{}, {}", time(own), times(own / first)),
            (Some(own), None) => time(own),
            (None, _) => "–".to_owned(),
        }));
        let least = looks.iter().copied().min_by(|a, b| a.1.total_cmp(&b.1)).expect("a look");
        cells.push(format!("{:.1e} in {}", least.1, time(least.0)));
        // A table of many minutes: each row is shown when it is known.
        eprintln!("{}", cells.join(" | "));
        self.table.row(cells);
        self
    }
}

/// Looks of runs of several lengths.
fn runs(run: impl Fn(usize) -> Vec<Look>) -> Vec<Look> {
    let (mut all, mut steps) = (vec![], SHORTEST);
    loop {
        let looks = run(steps);
        let seconds = looks.last().map_or(f64::INFINITY, |look| look.0);
        all.extend(looks);
        steps *= 4;
        if 4.0 * seconds > LONGEST || first_below(&all, LEVELS[LEVELS.len() - 1]).is_some() {
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
