//! Discrete flows with random parameters.

use std::sync::Arc;

use ircpm_flow::{Discrete, DiscreteError, DiscreteMap, Flow, Map, OrbitGroup};
use ircpm_manifolds::{AnyManifold, Product};
use rand::{RngExt, SeedableRng};
use rand_pcg::Pcg64;

/// The map on a product of dimension 2 or 3.
pub(crate) fn map(manifold: &str, discrete: &Discrete) -> Result<Arc<dyn Map>, DiscreteError> {
    let m: Product = manifold.parse().expect("a manifold");
    if manifold.parse::<AnyManifold>().expect("a manifold").dim() == 2 {
        Ok(Arc::new(DiscreteMap::<_, 2>::new(m, discrete)?))
    } else {
        Ok(Arc::new(DiscreteMap::<_, 3>::new(m, discrete)?))
    }
}

/// A stack of maps, each with parameters of its own.
pub(crate) fn flow(manifold: &str, discrete: &Discrete, layers: usize) -> Flow {
    let maps = (0..layers).map(|_| map(manifold, discrete).expect("a discrete map")).collect();
    Flow::from_maps(maps, false).expect("a flow")
}

pub(crate) fn discrete(components: usize, smoothing: f64, constant: bool) -> Discrete {
    Discrete { components, smoothing, constant, symmetry: OrbitGroup::default() }
}

/// Random points of components, of no particular length where they are unit vectors, and offsets that differ by some
/// tenths.
pub(crate) fn parameters(flow: &Flow, seed: u64) -> Vec<f64> {
    let mut rng = Pcg64::seed_from_u64(seed);
    let mut theta = flow.initial(seed);
    theta.iter_mut().for_each(|t| *t += 0.2 * (rng.random::<f64>() - 0.5));
    theta
}

/// Points from the base distribution.
pub(crate) fn points(m: &AnyManifold, count: usize, seed: u64) -> Vec<f64> {
    let mut rng = Pcg64::seed_from_u64(seed);
    let (mut x, mut u) = (vec![0.0; count * m.ambient()], vec![0.0; m.cube_dim()]);
    for point in x.chunks_exact_mut(m.ambient()) {
        u.iter_mut().for_each(|u| *u = rng.random());
        m.base_point(&u, point);
    }
    x
}
