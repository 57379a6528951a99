//! Potentials and their derivatives over boxes.

use crate::ball::Ball;
use crate::chart::Point;
use crate::dictionary::Dictionary;
use crate::expansion::Expansion;
use crate::features::Input;
use crate::functions::softplus;
use crate::jet::{Jet, Layout};
use crate::map::{Element, Map, Network, Potential};
use crate::units::Units;

/// The potential of a layer, ready to be evaluated.
#[derive(Debug)]
pub(crate) struct Psi<'a> {
    layout: Layout,
    theta: &'a [f64],
    kind: Kind<'a>,
}

#[derive(Debug)]
enum Kind<'a> {
    /// With the features at the images of each element.
    Network(&'a Network, Vec<Vec<Input>>),
    Linear(Dictionary<'a>),
}

impl<'a> Psi<'a> {
    /// The potential of layer `l` of a map that the format's reader has accepted.
    pub(crate) fn new(map: &'a Map, l: usize) -> Self {
        let layer = &map.layers[l];
        let kind = match &map.potential {
            Potential::Network(network) => {
                let of = |g: &Element| {
                    network
                        .features
                        .iter()
                        .map(|feature| Input::at_image(feature, g, &map.manifold))
                        .collect()
                };
                Kind::Network(network, network.elements.iter().map(of).collect())
            }
            Potential::Linear => Kind::Linear(Dictionary::new(&map.manifold, &layer.terms)),
        };
        Self { layout: Layout::new(map.manifold.dimension()), theta: &layer.theta, kind }
    }

    /// Where the derivatives stand.
    pub(crate) fn layout(&self) -> &Layout {
        &self.layout
    }

    /// psi and its derivatives in the coordinates of a chart, over a box to third order and at its middle to second.
    pub(crate) fn jets(&self, points: &Expansion<Point>) -> Expansion<Jet> {
        match &self.kind {
            Kind::Network(network, elements) => {
                let mut sum = Expansion::zero(&self.layout);
                elements.iter().for_each(|inputs| sum.add(&self.network(network, inputs, points)));
                sum.scale(Ball::exact(elements.len() as f64).recip() * Ball::exact(network.scale).recip());
                sum
            }
            Kind::Linear(dictionary) => dictionary.jets(&self.layout, self.theta, points),
        }
    }

    /// The jets of the network's output. What each unit sums is narrowed over the box by what it sums at the middle.
    fn network(&self, network: &Network, inputs: &[Input], points: &Expansion<Point>) -> Expansion<Jet> {
        let mut values = points.map(|point, n| {
            let mut values = vec![Ball::ZERO; inputs.iter().map(Input::len).sum::<usize>() * n];
            let mut rest = &mut values[..];
            for input in inputs {
                let own;
                (own, rest) = rest.split_at_mut(input.len() * n);
                input.write(&self.layout, point, own);
            }
            values
        });
        let (mut units, mut theta) = (Units::default(), self.theta);
        for &outputs in network.hidden.iter().chain([&1]) {
            let inputs = values.at.len() / values.lengths[1];
            let (weights, rest) = theta.split_at(outputs * inputs);
            let (biases, rest) = rest.split_at(outputs);
            theta = rest;
            let mut sums = values.map(|values, n| {
                units.fill(values);
                units.apply(weights, biases, n)
            });
            sums.narrow(&self.layout, &points.over.sides);
            if rest.is_empty() {
                return sums;
            }
            values = sums.map(|sums, n| {
                let mut values = vec![Ball::ZERO; sums.len()];
                for (x, out) in sums.chunks_exact(n).zip(values.chunks_exact_mut(n)) {
                    self.layout.chain(&softplus(x[0]), x, out);
                }
                values
            });
        }
        values
    }
}
