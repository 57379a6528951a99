//! Cost of a training step and of a density, for both flows in one race.

use ircpm_manifolds::{AnyManifold, Base, Sphere, Torus};
use ircpm_train::loss::reverse_kl;

use super::learner::{Learner, MapLearner, OdeLearner};
use super::{
    BATCH, ON_SPHERE, ON_TORUS, OdeTraining, TOLERANCE, by_adam, lattice, ode_flow, problem, size, steps_for,
};
use crate::ode::OdeFlow;
use crate::race::{Clock, Contender, race};
use crate::report::peak::single;
use crate::table::{Table, time, times};

/// Steps of Adam before the measurement, for both flows.
const TRAINED: usize = 1000;
/// Base points that the error of `log q` is looked at.
const POINTS: usize = 2048;

/// The table of costs.
pub(in crate::report) fn table() -> Table {
    let mut table = Table::new(
        "`ode`: a manifold ODE flow beside the map of the same network, per sample",
        &[
            "target",
            "map",
            "steps for 1e-2",
            "1e-3",
            "1e-6",
            "training step, map",
            "ODE flow",
            "sample with density, map",
            "ODE flow",
            "density of a point, map",
            "ODE flow",
        ],
    );
    single(|| {
        let sphere = || Sphere::new(2).expect("a dimension");
        row(Torus::new(2).expect("a dimension"), ON_TORUS, "torus-multi-modal", &mut table);
        row(sphere(), ON_SPHERE, "sphere-four-mode", &mut table);
        row(sphere(), ON_SPHERE, "sphere-four-mode-adam", &mut table);
    });
    table.remark(format!(
        "Both are trained by {TRAINED} steps of Adam on {BATCH} points. The ODE flow is timed with the Runge–Kutta steps for \
         an error of {TOLERANCE:e} nats, the largest of `log q` over {POINTS} base points."
    ));
    table
}

fn row<M: Base + Into<AnyManifold>>(manifold: M, training: OdeTraining, preset: &str, table: &mut Table) {
    let problem = problem(preset, |config| by_adam(config, TRAINED));
    let (target, beta) = problem.source().target().expect("a target");
    let mut map = MapLearner::new(&problem);
    while map.advance() {}
    let flow = ode_flow(&problem, manifold.clone());
    let mut ode = OdeLearner::new(flow, target, TRAINED, training);
    while ode.advance() {}
    let (theta, (flow, ode_theta)) = (map.theta(), ode.model());
    let manifold = manifold.into();
    let needed =
        [1e-2, TOLERANCE, 1e-6].map(|error| steps_for(error, flow, ode_theta, &lattice(&manifold, POINTS)));
    let flow = OdeFlow { steps: needed[1], ..flow.clone() };
    let (x, map) = (lattice(&manifold, BATCH), &problem.flow);
    let mut all = [
        Contender::new("step, map", BATCH, || reverse_kl(map, theta, &x, target, beta)),
        Contender::new("step, ODE", BATCH, || flow.reverse_kl(ode_theta, &x, target)),
        Contender::new("sample, map", BATCH, || map.forward(theta, &x)),
        Contender::new("sample, ODE", BATCH, || flow.forward(ode_theta, &x)),
        Contender::new("density, map", BATCH, || map.log_prob(theta, &x)),
        Contender::new("density, ODE", BATCH, || flow.inverse(ode_theta, &x)),
    ];
    let timings = race(&mut all, Clock::Cpu);
    let each = |i: usize| timings[i].least / BATCH as f64;
    let mut cells = vec![target.name().to_owned(), size(&problem)];
    cells.extend(needed.map(|steps| steps.to_string()));
    for i in [0, 2, 4] {
        cells.push(time(each(i)));
        cells.push(format!("{}, {}", time(each(i + 1)), times(each(i + 1) / each(i))));
    }
    eprintln!("{}", cells.join(" | "));
    table.row(cells);
}
