//! How far parameters may be from zero: a map of one layer folds, an ODE flow becomes stiff.

use ircpm_manifolds::{AnyManifold, Base, Sphere, Torus};
use ircpm_train::config::Layers;
use ircpm_train::points::Quadrature;

use super::{TOLERANCE, lattice, ode_flow, problem, steps_for};
use crate::ode::OdeFlow;
use crate::table::Table;

/// Factors of the random initial parameters.
const FACTORS: [f64; 4] = [1.0, 2.0, 3.0, 4.0];
/// Nodes of the quadrature per dimension.
const NODES: usize = 96;
/// Base points that the error of `log q` is looked at.
const POINTS: usize = 1024;

/// The table of maps and ODE flows at random parameters.
pub(in crate::report) fn table() -> Table {
    let mut table = Table::new(
        "`ode_range`: one map and one ODE flow of the same network at random parameters",
        &[
            "manifold",
            "initial parameters",
            "map: points without density",
            "mass − 1",
            "ODE flow: points without density",
            "mass − 1",
            "steps for 1e-3",
        ],
    );
    for factor in FACTORS {
        row(Torus::new(2).expect("a dimension"), "torus-multi-modal", factor, &mut table);
    }
    for factor in FACTORS {
        row(Sphere::new(2).expect("a dimension"), "sphere-four-mode", factor, &mut table);
    }
    table.remark(format!(
        "Points are the {NODES} per dimension of a quadrature rule, by which masses are found."
    ));
    table
}

fn row<M: Base + Into<AnyManifold>>(manifold: M, preset: &str, factor: f64, table: &mut Table) {
    let problem = problem(preset, |config| config.model.layers = Layers::Fixed(1));
    let rule = Quadrature::new(problem.manifold(), NODES).expect("a rule in two dimensions");
    let ode = ode_flow(&problem, manifold);
    let scaled = |theta: Vec<f64>| theta.into_iter().map(|w| factor * w).collect::<Vec<f64>>();
    let of_map = problem.flow.log_prob(&scaled(problem.flow.initial(0)), &rule.points);
    let theta = scaled(ode.initial(0));
    let steps = steps_for(TOLERANCE, &ode, &theta, &lattice(problem.manifold(), POINTS));
    let of_ode = OdeFlow { steps, ..ode }.inverse(&theta, &rule.points).log_q;
    let mut cells = vec![problem.manifold().to_string(), format!("× {factor}")];
    for log_q in [of_map, of_ode] {
        let none = log_q.iter().filter(|l| l.is_nan()).count();
        let densities: Vec<f64> = log_q.iter().map(|l| if l.is_nan() { 0.0 } else { l.exp() }).collect();
        cells.push(format!("{:.1} %", 100.0 * none as f64 / densities.len() as f64));
        cells.push(format!("{:.0e}", rule.integrate(&densities) - 1.0));
    }
    cells.push(steps.to_string());
    table.row(cells);
}
