//! The log-density of a stack, less that of a target, over cells.

use std::f64::consts::TAU;
use std::fmt::{self, Debug, Formatter};

use ircpm_ad::Scalar;
use ircpm_ad::interval::Interval;
use ircpm_flow::Expression;
use ircpm_manifolds::Coordinates;

use crate::atlas::{Atlas, Factor};
use crate::cell::Cell;
use crate::error::CertifyError;
use crate::inverse_map::InverseMap;
use crate::layer::checked_atlas;
use crate::model_jet::ModelJet;
use crate::taylor_model::{SpaceModel, TaylorModel};

/// The variables of a [`SpaceModel`].
const VARIABLES: usize = 3;

/// The energy `βu` of a target over the points that a few Taylor models stand for, one per ambient coordinate; the result
/// depends on them alone.
pub type EnergyModel<'a> = &'a (dyn Fn(&[SpaceModel]) -> SpaceModel + Sync);

/// `log q + βu` on a product of tori and spheres of dimension `D` in all, of a stack of layers over the uniform density.
///
/// `M` is the number of coefficients of a Taylor model: 5, 15 and 35 for 1, 2 and 3 dimensions.
pub struct Density<'a, E, const D: usize, const M: usize> {
    /// Potentials and parameters, the first applied first.
    layers: Vec<(&'a E, Vec<ModelJet<D, M>>)>,
    energy: EnergyModel<'a>,
    pub(crate) atlas: Atlas<D>,
}

impl<E, const D: usize, const M: usize> Debug for Density<'_, E, D, M> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.debug_struct("Density").field("layers", &self.layers.len()).finish_non_exhaustive()
    }
}

impl<'a, E: Expression, const D: usize, const M: usize> Density<'a, E, D, M> {
    /// The density of a stack on the torus of `D` angles.
    ///
    /// # Errors
    /// As [`Density::on`].
    pub fn new(layers: &[(&'a E, &[f64])], energy: EnergyModel<'a>) -> Result<Self, (usize, CertifyError)> {
        Self::on(&[Coordinates::Angles(D)], layers, energy)
    }

    /// The density of the stack of `layers`, potentials with their parameters, the first applied first, against the
    /// target `exp(−energy)`, on the manifold whose points have these coordinates: angles and unit vectors. Potentials must
    /// have continuous second derivatives, as for [`crate::Layer::on`]; the energy need not.
    ///
    /// # Errors
    /// The number of a layer, from 0, and [`CertifyError`] as [`crate::Layer::on`], for more than three dimensions as well.
    pub fn on(
        coordinates: &[Coordinates],
        layers: &[(&'a E, &[f64])],
        energy: EnergyModel<'a>,
    ) -> Result<Self, (usize, CertifyError)> {
        if D > VARIABLES {
            return Err((0, CertifyError::Dimension { dimension: D, largest: VARIABLES }));
        }
        let Some(atlas) = Atlas::new(coordinates) else {
            return Err((0, CertifyError::Manifold { coordinates: coordinates.to_vec(), dimension: D }));
        };
        let mut checked = Vec::with_capacity(layers.len());
        for (number, &(potential, theta)) in layers.iter().enumerate() {
            checked_atlas::<E, D>(coordinates, potential, theta).map_err(|error| (number, error))?;
            checked.push((potential, theta.iter().map(|&w| ModelJet::constant(w)).collect()));
        }
        Ok(Self { layers: checked, energy, atlas })
    }

    /// `log q + βu` over a cell; undefined if a determinant is not proven to be positive there.
    pub(crate) fn over(&self, cell: &Cell<D>) -> TaylorModel<D, M> {
        let sides = self.atlas.sides(cell);
        let point: Vec<SpaceModel> = self.atlas.models(cell.chart(), &sides);
        let energy = (self.energy)(&point);
        let mut y: Vec<TaylorModel<D, M>> = point.iter().map(SpaceModel::restricted).collect();
        let mut log_q = TaylorModel::from_base(-volume(&self.atlas).ln());
        for (potential, theta) in self.layers.iter().rev() {
            let InverseMap { log_det, preimage } = InverseMap::new(&self.atlas, *potential, theta, &y);
            log_q += log_det;
            // The layer before is looked at where this one comes from.
            y = preimage;
        }
        log_q + energy.restricted()
    }
}

/// The volume of the manifold.
fn volume<const D: usize>(atlas: &Atlas<D>) -> Interval {
    let product = |volume: Interval, (factor, _)| match factor {
        Factor::Angle => volume * Interval::around(TAU),
        Factor::Sphere(n) => volume * sphere_volume(n),
    };
    atlas.runs().fold(Interval::ONE, product)
}

/// `vol(Sⁿ) = 2π/(n − 1) vol(Sⁿ⁻²)`, from `vol(S⁰) = 2` and `vol(S¹) = 2π`.
fn sphere_volume(n: usize) -> Interval {
    match n {
        0 => Interval::point(2.0),
        1 => Interval::around(TAU),
        _ => Interval::around(TAU) / (n as f64 - 1.0) * sphere_volume(n - 2),
    }
}

#[cfg(test)]
mod tests {
    use std::f64::consts::PI;

    use super::*;

    #[test]
    fn volumes_are_those_of_the_manifolds() {
        let exact = [2.0 * PI, 4.0 * PI, 2.0 * PI * PI, 8.0 / 3.0 * PI * PI];
        for (n, exact) in (1..).zip(exact) {
            let found = sphere_volume(n);
            assert!(
                (found.middle() / exact - 1.0).abs() < 1e-15 && found.radius() < 1e-13,
                "S{n}: {found:?}"
            );
        }
        let atlas = Atlas::<3>::new(&[Coordinates::Angles(1), Coordinates::UnitVector(3)]).unwrap();
        assert!((volume(&atlas).middle() / (8.0 * PI * PI) - 1.0).abs() < 1e-15);
    }
}
