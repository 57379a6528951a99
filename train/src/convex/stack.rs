//! Layers one after the other: each is fitted to the points that the layers before it have pulled back.

use std::sync::Arc;

use ircpm_flow::{Flow, FlowError, Map, Solver, linear_map};
use ircpm_manifolds::AnyManifold;

use super::dictionary::{Choice, Richness};
use super::layer::LayerProblem;
use crate::points::Generator;

pub struct Stack {
    pub maps: Vec<Arc<dyn Map>>,
    pub theta: Vec<Vec<f64>>,
}

impl Stack {
    pub fn flow(&self) -> (Flow, Vec<f64>) {
        let maps: Vec<Arc<dyn Map>> = self.maps.iter().rev().cloned().collect();
        let theta = self.theta.iter().rev().flatten().copied().collect();
        (Flow::from_maps(maps, false).expect("layers"), theta)
    }
}

pub fn fit_stack(
    manifold: &AnyManifold,
    data: &[f64],
    validation: &[f64],
    richness: Richness,
    barrier: f64,
    most: usize,
    seed: u64,
) -> Result<Stack, FlowError> {
    let mut rng = Generator::from_seed(seed);
    let mut stack = Stack { maps: vec![], theta: vec![] };
    let (mut x, mut v) = (data.to_vec(), validation.to_vec());
    for layer in 0..most {
        let choice = Choice::new(manifold, &x, richness, &mut rng);
        let map = linear_map(manifold, choice.terms.clone(), Solver::default())?;
        let problem = LayerProblem {
            manifold,
            map: map.clone(),
            penalty: choice.penalty.clone(),
            data: &x,
            validation: &v,
            barrier,
            places: (&choice.centres, &choice.kappas),
        };
        let Some(fit) = problem.fit(&mut rng) else { break };
        if std::env::var("TRACE").is_ok() {
            eprintln!(
                "  layer {layer} K {} gain {:.4} {:?} lowest {:.2e} steps {} contraction {:.4}",
                map.parameters(),
                fit.gain,
                fit.strength,
                fit.lowest,
                fit.steps,
                fit.contraction
            );
        }
        if fit.gain < 1e-3 {
            break;
        }
        let single = Flow::from_maps(vec![map.clone() as Arc<dyn Map>], false)?;
        x = single.inverse(&fit.a, &x).x;
        if !v.is_empty() {
            v = single.inverse(&fit.a, &v).x;
        }
        stack.maps.push(map);
        stack.theta.push(fit.a);
    }
    Ok(stack)
}
