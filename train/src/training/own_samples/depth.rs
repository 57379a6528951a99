//! Coordinates over the depth of a flow.
//!
//! Neighbouring layers with one potential move the residuals almost alike, so that differences of their parameters hardly move
//! them at all. Damping that measures each layer's parameters alone holds such differences back as much as sums. In coordinates
//! of polynomials in the number of the layer it sees how little those of high degree do, and lets them go further
//! (`docs/mathematics.md`, section 37).
//!
//! Only charges have such coordinates: psi is linear in their parameters, and one parameter is the same term in every layer. The
//! hidden units of networks are not the same from layer to layer.

use std::ops::Range;
use std::sync::Arc;

use ircpm_lattice::LatticePotential;
use nalgebra::DMatrix;

use crate::lattice::LatticeFlow;

/// Least number of layers with one potential whose parameters are those of polynomials. Three layers train better with their
/// own, six as well as with their own (`docs/results.md`, lattices).
const LEAST: usize = 6;

/// Free parameters that are coefficients of orthonormal polynomials over the layers with one potential, or a layer's own; by
/// default all are the layers' own.
#[derive(Default)]
pub(super) struct Depth {
    groups: Vec<Group>,
}

/// Layers with one potential.
struct Group {
    /// Their parameters among all.
    slots: Vec<Range<usize>>,
    /// `[layer, degree]`, an orthogonal matrix.
    polynomials: DMatrix<f64>,
}

impl Depth {
    /// The coordinates for a flow.
    pub(super) fn new(lattice: &LatticeFlow) -> Self {
        let mut alike: Vec<Vec<usize>> = vec![];
        for (layer, map) in lattice.maps.iter().enumerate() {
            if !matches!(map.psi(), LatticePotential::Charges(_)) {
                continue;
            }
            // Layers that are configured alike share their map.
            match alike.iter_mut().find(|layers| Arc::ptr_eq(map, &lattice.maps[layers[0]])) {
                Some(layers) => layers.push(layer),
                None => alike.push(vec![layer]),
            }
        }
        alike.retain(|layers| layers.len() >= LEAST);
        let group = |layers: Vec<usize>| Group {
            slots: layers.iter().map(|&layer| lattice.slot(layer)).collect(),
            polynomials: polynomials(layers.len()),
        };
        Self { groups: alike.into_iter().map(group).collect() }
    }

    /// What a checkpoint keeps of these coordinates: where the parameters of all layers of polynomials begin, group by group, each
    /// after the number of its layers. Nothing where all are the layers' own.
    pub(super) fn state(&self) -> Vec<f64> {
        let of = |group: &Group| {
            let starts = group.slots.iter().map(|slot| slot.start as f64);
            [group.slots.len() as f64].into_iter().chain(starts).collect::<Vec<_>>()
        };
        self.groups.iter().flat_map(of).collect()
    }

    /// The layers' parameters at free ones.
    pub(super) fn layers_of(&self, free: &[f64]) -> Vec<f64> {
        let mut parameters = free.to_vec();
        for group in &self.groups {
            let layers = group.gathered(free, 1) * group.polynomials.transpose();
            group.scatter(&layers, &mut parameters, 1);
        }
        parameters
    }

    /// The free parameters at which the layers' are given.
    pub(super) fn free_of(&self, layers: &[f64]) -> Vec<f64> {
        let mut parameters = layers.to_vec();
        self.pull_back(&mut parameters, 1);
        parameters
    }

    /// Turns derivatives in the layers' parameters, `[parameter][sample]`, into those in the free ones.
    pub(super) fn pull_back(&self, columns: &mut [f64], samples: usize) {
        for group in &self.groups {
            // The matrix is orthogonal: derivatives go the way back as parameters do.
            let free = group.gathered(columns, samples) * &group.polynomials;
            group.scatter(&free, columns, samples);
        }
    }
}

impl Group {
    /// The numbers of every layer as a column.
    fn gathered(&self, all: &[f64], samples: usize) -> DMatrix<f64> {
        let of = |slot: &Range<usize>| &all[slot.start * samples..slot.end * samples];
        let columns: Vec<f64> = self.slots.iter().flat_map(of).copied().collect();
        DMatrix::from_vec(columns.len() / self.slots.len(), self.slots.len(), columns)
    }

    /// Writes the columns back.
    fn scatter(&self, columns: &DMatrix<f64>, all: &mut [f64], samples: usize) {
        for (slot, column) in self.slots.iter().zip(columns.column_iter()) {
            all[slot.start * samples..slot.end * samples].copy_from_slice(column.as_slice());
        }
    }
}

/// Orthonormal polynomials over so many equal steps, `[step, degree]`.
fn polynomials(steps: usize) -> DMatrix<f64> {
    // Chebyshev's polynomials on the way: powers would be nearly dependent.
    let chebyshev = |step: usize, degree: usize| {
        let t = (2 * step + 1) as f64 / steps as f64 - 1.0;
        (degree as f64 * t.acos()).cos()
    };
    DMatrix::from_fn(steps, steps, chebyshev).qr().q()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn polynomials_are_orthonormal_and_of_their_degree() {
        let q = polynomials(9);
        assert!((q.transpose() * &q - DMatrix::identity(9, 9)).amax() < 1e-13);
        // A difference of order k + 1 takes away what has degree k.
        for degree in 0..8 {
            let mut values: Vec<f64> = q.column(degree).iter().copied().collect();
            for _ in 0..=degree {
                assert!(values.iter().any(|value| value.abs() > 1e-3));
                values = values.windows(2).map(|pair| pair[1] - pair[0]).collect();
            }
            assert!(values.iter().all(|value| value.abs() < 1e-11), "{degree}: {values:?}");
        }
    }

    #[test]
    fn derivatives_go_back_as_parameters_come() {
        let slots = vec![0..2, 5..7, 7..9, 9..11];
        let depth = Depth { groups: vec![Group { slots, polynomials: polynomials(4) }] };
        let free: Vec<f64> = (0..11).map(|i| (0.7 * f64::from(i)).sin()).collect();
        let layers = depth.layers_of(&free);
        assert_eq!(layers[2..5], free[2..5]);
        let back = depth.free_of(&layers);
        assert!(free.iter().zip(&back).all(|(a, b)| (a - b).abs() < 1e-14));
        // Of two samples' linear functions, `[parameter][sample]`, the values are the same in either coordinates.
        let mut columns: Vec<f64> = (0..22).map(|i| (1.3 * f64::from(i)).cos()).collect();
        let value = |columns: &[f64], at: &[f64], sample: usize| {
            at.iter().enumerate().map(|(p, x)| columns[2 * p + sample] * x).sum::<f64>()
        };
        let before = [value(&columns, &layers, 0), value(&columns, &layers, 1)];
        depth.pull_back(&mut columns, 2);
        for (sample, before) in before.into_iter().enumerate() {
            assert!((value(&columns, &free, sample) - before).abs() < 1e-13);
        }
    }
}
