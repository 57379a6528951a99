//! The walls of all layers of a lattice's flow together: see [`ircpm_lattice::wall`].

use std::ops::Range;
use std::sync::Arc;

use ircpm_flow::Map;
use ircpm_lattice::LatticeMap;
use ircpm_lattice::wall::{self, Scaled as ScaledLayer, Wall as LayerWall, WallState};
use rayon::prelude::*;

use super::depth::Depth;
use crate::lattice::LatticeFlow;
use crate::optimiser::{StateError, Tensors, tensor};
use crate::points::Generator;
use crate::ranks::{Ranks, Words};

/// Points of a pool, and its steps of ascent at a step of gradients and at one of least squares, which goes far.
const POOL: usize = 16;
const ASCENT: [usize; 2] = [4, 30];
/// Starts and steps of the search at the end of training, and how many of those there are.
const LAST: (usize, usize) = (64, 60);
const LAST_SEARCHES: usize = 3;

/// Tensors of the state: searches so far, layer by layer, and all pools' points and vectors. The last one is there where free
/// parameters are coefficients over the depth.
const COUNTS: &str = "wall_searches";
const POINTS: &str = "wall_points";
const VECTORS: &str = "wall_vectors";
const DEPTH: &str = "wall_depth";

/// Keeps every layer of a flow from folding: the parameters that are optimised are *free*, in coordinates over the depth of the
/// flow; those of the flow are their layers', scaled by the worst curvature that a pool of points has found.
pub struct Wall {
    layers: Vec<Layer>,
    /// Limit `c` on `λ_max(−Hess psi)` while parameters are trained. At the end it is half as far from one: what the last
    /// search finds beyond the pools is then mostly below it, and need not scale the parameters down.
    limit: f64,
    depth: Depth,
}

struct Layer {
    map: Arc<LatticeMap>,
    slot: Range<usize>,
    wall: LayerWall,
}

/// The parameters of a flow at free ones, and the way back of derivatives.
pub struct Scaled<'a> {
    layers: Vec<(Range<usize>, ScaledLayer)>,
    depth: &'a Depth,
}

impl Wall {
    /// Pools of random points.
    pub fn new(lattice: &LatticeFlow, generator: &mut Generator) -> Self {
        let of = |(layer, map): (usize, &Arc<LatticeMap>)| Layer {
            map: Arc::clone(map),
            slot: lattice.slot(layer),
            wall: LayerWall::new(Arc::clone(map), lattice.wall, POOL, generator.next_u64())
                .expect("a limit below one and some points"),
        };
        let layers = lattice.maps.iter().enumerate().map(of).collect();
        Self { layers, limit: lattice.wall, depth: Depth::new(lattice) }
    }

    /// What [`Wall::restore`] needs of a wall of the same flow and generator.
    pub fn state(&self) -> Tensors {
        let layers: Vec<WallState> = self.layers.iter().map(|layer| layer.wall.state()).collect();
        let joined = |of: fn(&WallState) -> Vec<f64>| layers.iter().flat_map(of).collect();
        let mut state = Tensors::from([
            (COUNTS.to_owned(), joined(|layer| vec![layer.searches as f64])),
            (POINTS.to_owned(), joined(|layer| layer.points.clone())),
            (VECTORS.to_owned(), joined(|layer| layer.vectors.clone())),
        ]);
        let depth = self.depth.state();
        if !depth.is_empty() {
            state.insert(DEPTH.to_owned(), depth);
        }
        state
    }

    /// Takes up a saved state.
    ///
    /// # Errors
    /// [`StateError`] if a tensor is missing or of another wall.
    pub fn restore(&mut self, state: &Tensors) -> Result<(), StateError> {
        // All layers have the same sites.
        let of_one = POOL * self.layers.first().map_or(0, |layer| layer.map.psi().sites());
        let count = self.layers.len();
        let is_count = |x: f64| (0.0..1e15).contains(&x) && x.fract() == 0.0;
        let searches = tensor(state, COUNTS, Some(count), is_count)?;
        let points = tensor(state, POINTS, Some(count * of_one), f64::is_finite)?;
        let vectors = tensor(state, VECTORS, Some(count * of_one), f64::is_finite)?;
        match state.get(DEPTH) {
            // Checkpoints of earlier versions have every layer's own parameters, and keep them.
            None => self.depth = Depth::default(),
            Some(saved) => check_depth(saved, &self.depth.state())?,
        }
        for (number, layer) in self.layers.iter_mut().enumerate() {
            let of = number * of_one..(number + 1) * of_one;
            let (points, vectors) = (points[of.clone()].to_vec(), vectors[of].to_vec());
            let saved = WallState { searches: searches[number] as u64, points, vectors };
            layer.wall.restore(saved).expect("points and vectors of the wall's size");
        }
        Ok(())
    }

    /// Moves the pools towards worse curvature, `far` before a step that may go far. Ranks divide the layers.
    ///
    /// # Panics
    /// If `theta` has the wrong length.
    pub fn search(&mut self, theta: &[f64], far: bool, ranks: &Ranks) {
        let theta = &self.depth.layers_of(theta)[..];
        let (steps, size) = (ASCENT[usize::from(far)], ranks.size());
        let mine = self.layers.par_iter_mut().skip(ranks.rank()).step_by(size);
        mine.for_each(|layer| layer.wall.search(&theta[layer.slot.clone()], steps));
        if ranks.is_alone() {
            return;
        }
        let mut words = vec![];
        for layer in self.layers.iter().skip(ranks.rank()).step_by(size) {
            let WallState { searches, points, vectors } = layer.wall.state();
            words.extend([vec![searches as f64], points, vectors].concat());
        }
        for (rank, words) in
            ranks.all_gather(&words).iter().enumerate().filter(|(rank, _)| *rank != ranks.rank())
        {
            let mut words = Words::new(words);
            for layer in self.layers.iter_mut().skip(rank).step_by(size) {
                let of_one = POOL * layer.map.psi().sites();
                let searches = words.count() as u64;
                let (points, vectors) = (words.take(of_one).to_vec(), words.take(of_one).to_vec());
                let moved = WallState { searches, points, vectors };
                layer.wall.restore(moved).expect("points and vectors of the wall's size");
            }
        }
    }

    /// Adds to every pool what long searches from fresh points find at the free parameters `theta`, as the search at the end
    /// of training will, so that the steps before it know of those points. Ranks divide the searches.
    ///
    /// # Panics
    /// If `theta` has the wrong length.
    pub fn deepen(&mut self, theta: &[f64], generator: &mut Generator, ranks: &Ranks) {
        let theta = &self.depth.layers_of(theta)[..];
        let found = self.long_searches(theta, generator, ranks);
        for (layer, found) in self.layers.iter_mut().zip(found) {
            for (_, point) in found {
                layer.wall.insert(&theta[layer.slot.clone()], &point);
            }
        }
    }

    /// [`LAST_SEARCHES`] long searches of every layer, with its parameters in `theta`, from fresh points: the worst curvatures,
    /// and where they are.
    fn long_searches(
        &self,
        theta: &[f64],
        generator: &mut Generator,
        ranks: &Ranks,
    ) -> Vec<Vec<(f64, Vec<f64>)>> {
        let mut starts = vec![];
        for layer in &self.layers {
            starts.extend((0..LAST_SEARCHES).map(|_| (layer, generator.next_u64())));
        }
        let search = |&(layer, seed): &(&Layer, u64)| {
            let theta = &theta[layer.slot.clone()];
            let worst = wall::search(&layer.map, theta, LAST.0, LAST.1, seed).expect("some points");
            [vec![worst.curvature], worst.point].concat()
        };
        let size = ranks.size();
        let mine: Vec<Vec<f64>> = starts.par_iter().skip(ranks.rank()).step_by(size).map(search).collect();
        let all: Vec<Vec<f64>> = ranks.all_gather(&mine.concat());
        let length = 1 + self.layers.first().map_or(0, |layer| layer.map.psi().sites());
        let of = |k: usize| {
            let words = &all[k % size][k / size * length..(k / size + 1) * length];
            (words[0], words[1..].to_vec())
        };
        let searches = |layer: usize| (layer * LAST_SEARCHES..(layer + 1) * LAST_SEARCHES).map(of).collect();
        (0..self.layers.len()).map(searches).collect()
    }

    /// The flow's parameters at the free parameters `theta`, by the pools as they are.
    ///
    /// # Panics
    /// If `theta` has the wrong length.
    pub fn at(&self, theta: &[f64]) -> Scaled<'_> {
        let theta = self.depth.layers_of(theta);
        let of = |layer: &Layer| (layer.slot.clone(), layer.wall.scale(&theta[layer.slot.clone()]));
        Scaled { layers: self.layers.par_iter().map(of).collect(), depth: &self.depth }
    }

    /// The flow's parameters alone: see [`Wall::at`].
    ///
    /// # Panics
    /// If `theta` has the wrong length.
    pub fn parameters(&self, theta: &[f64]) -> Vec<f64> {
        self.at(theta).parameters()
    }

    /// Free parameters at which the flow's are `theta`, as far as the limit allows.
    ///
    /// # Panics
    /// If `theta` has the wrong length.
    pub fn free(&mut self, theta: &[f64]) -> Vec<f64> {
        let mut out = theta.to_vec();
        for layer in &mut self.layers {
            let theta = &theta[layer.slot.clone()];
            layer.wall.search(theta, LAST.1);
            let worst = layer.wall.worst(theta).curvature;
            // s_eff = s / (1 + (s/c)⁴)^¼, solved for s.
            let scaled = worst.min(0.99 * self.limit);
            let free = scaled * (1.0 - (scaled / self.limit).powi(4)).powf(-0.25);
            if worst > 0.0 {
                layer.map_rescale(&mut out, free / worst);
            }
        }
        self.depth.free_of(&out)
    }

    /// Scales the flow's parameters down where a long search from fresh points finds that it is needed. Returns the smallest
    /// eigenvalue of `H` that the search has seen: evidence, not proof. Ranks divide the searches.
    ///
    /// # Panics
    /// If `theta` has the wrong length.
    pub fn settle(&self, theta: &mut [f64], generator: &mut Generator, ranks: &Ranks) -> f64 {
        let found = self.long_searches(theta, generator, ranks);
        let mut lowest = 1.0;
        for (layer, found) in self.layers.iter().zip(found) {
            let worst = found.iter().map(|(curvature, _)| *curvature).fold(0.0, f64::max);
            let factor = f64::min(1.0, 0.5 * (1.0 + self.limit) / worst);
            layer.map_rescale(theta, factor);
            lowest = f64::min(lowest, 1.0 - worst * factor);
        }
        lowest
    }
}

/// Refuses coordinates over the depth that are not those of this flow.
fn check_depth(saved: &[f64], expected: &[f64]) -> Result<(), StateError> {
    if saved.len() != expected.len() {
        return Err(StateError::Length { name: DEPTH, found: saved.len(), expected: expected.len() });
    }
    match saved.iter().zip(expected).position(|(saved, expected)| saved != expected) {
        Some(index) => Err(StateError::Value { name: DEPTH, index, value: saved[index] }),
        None => Ok(()),
    }
}

impl Layer {
    /// Multiplies this layer's potential, in its part of all parameters.
    fn map_rescale(&self, theta: &mut [f64], factor: f64) {
        self.map.rescale(&mut theta[self.slot.clone()], factor);
    }
}

impl Scaled<'_> {
    /// The flow's parameters.
    pub fn parameters(&self) -> Vec<f64> {
        self.layers.iter().flat_map(|(_, layer)| &layer.theta).copied().collect()
    }

    /// Turns derivatives in the flow's parameters, `[parameter][sample]`, into those in the free ones.
    ///
    /// # Panics
    /// If there are not as many rows as parameters.
    pub fn pull_back(&self, columns: &mut [f64], samples: usize) {
        for (slot, layer) in &self.layers {
            layer.pull_back_columns(&mut columns[slot.start * samples..slot.end * samples], samples);
        }
        self.depth.pull_back(columns, samples);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Config;

    #[test]
    fn checkpoints_of_earlier_versions_keep_the_layers_own_parameters() {
        let text = "[target]\nname = \"chain-4\"\n[model]\npotential = \"charges\"\nlayers = 6\n\
                    charges = [{ chain = { range = 1, degree = 1 } }]";
        let config = Config::parse(text, "test.toml").unwrap();
        let target = config.target().unwrap().unwrap();
        let lattice = LatticeFlow::new(&config, target.manifold()).unwrap();
        let mut wall = Wall::new(&lattice, &mut Generator::from_seed(3));
        let theta: Vec<f64> = (0..lattice.flow.parameters()).map(|k| 1e-3 * k as f64).collect();
        let before = wall.parameters(&theta);
        let mut state = wall.state();
        wall.restore(&state).unwrap();
        assert_eq!(wall.parameters(&theta), before);
        // Six layers of two parameters each.
        assert_eq!(state[DEPTH], [6.0, 0.0, 2.0, 4.0, 6.0, 8.0, 10.0]);
        state.insert(DEPTH.to_owned(), vec![6.0, 0.0, 2.0, 4.0, 6.0, 10.0, 8.0]);
        assert!(matches!(wall.restore(&state), Err(StateError::Value { name: DEPTH, index: 5, .. })));
        state.remove(DEPTH).unwrap();
        wall.restore(&state).unwrap();
        let parameters = wall.parameters(&theta);
        assert!(parameters.iter().zip(&theta).all(|(a, b)| (a - b).abs() < 1e-6), "{parameters:?}");
        assert!(!wall.state().contains_key(DEPTH));
    }
}
