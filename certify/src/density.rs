//! The log-density of a stack, less that of a target, over cells.

use std::f64::consts::TAU;
use std::fmt::{self, Debug, Formatter};

use ircpm_ad::Scalar;
use ircpm_ad::interval::Interval;
use ircpm_flow::Expression;
use ircpm_manifolds::Coordinates;

use crate::atlas::Atlas;
use crate::cell::Cell;
use crate::error::CertifyError;
use crate::layer::check;
use crate::model_jet::ModelJet;
use crate::taylor_model::{SpaceModel, TaylorModel};

/// The energy `βu` of a target over the points that a few Taylor models stand for, one per angle; the result depends on
/// them alone.
pub type EnergyModel<'a> = &'a (dyn Fn(&[SpaceModel]) -> SpaceModel + Sync);

/// `log q + βu` on the torus of `D` angles, of a stack of layers over the uniform density.
///
/// `M` is the number of coefficients of a Taylor model: 5, 15 and 35 for 1, 2 and 3 angles.
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
    /// The density of the stack of `layers`, potentials with their parameters, the first applied first, against the
    /// target `exp(−energy)`. Potentials must have continuous second derivatives, as for [`crate::Layer::on`]; the energy
    /// need not.
    ///
    /// # Errors
    /// The number of a layer, from 0, and [`CertifyError`] as [`crate::Layer::new`].
    pub fn new(layers: &[(&'a E, &[f64])], energy: EnergyModel<'a>) -> Result<Self, (usize, CertifyError)> {
        let torus = [Coordinates::Angles(D)];
        let mut checked = Vec::with_capacity(layers.len());
        for (number, &(potential, theta)) in layers.iter().enumerate() {
            check::<E, D>(&torus, potential, theta).map_err(|error| (number, error))?;
            checked.push((potential, theta.iter().map(|&w| ModelJet::constant(w)).collect()));
        }
        let atlas = Atlas::new(&torus).expect("charts of a torus");
        Ok(Self { layers: checked, energy, atlas })
    }

    /// `log q + βu` over a cell; undefined if a determinant is not proven to be positive there.
    pub(crate) fn over(&self, cell: &Cell<D>) -> TaylorModel<D, M> {
        let angles = self.atlas.sides(cell);
        let energy = (self.energy)(&std::array::from_fn::<_, D, _>(|k| SpaceModel::coordinate(angles[k], k)));
        let mut y: [TaylorModel<D, M>; D] = std::array::from_fn(|k| TaylorModel::coordinate(angles[k], k));
        let uniform = Interval::around(TAU).ln() * -(D as f64);
        let mut log_q = TaylorModel::from_base(uniform);
        for (potential, theta) in self.layers.iter().rev() {
            let z: [ModelJet<D, M>; D] = std::array::from_fn(|k| ModelJet::variable(y[k], k));
            let psi = potential.value(theta, &z);
            log_q += determinant(&psi).ln();
            // The preimage S(y) = y + grad psi(y), which is where the layer before is looked at.
            for k in 0..D {
                y[k] += psi.first(k);
            }
        }
        log_q + energy.restricted()
    }
}

/// `det (1 + Hess psi)`.
fn determinant<const D: usize, const M: usize>(psi: &ModelJet<D, M>) -> TaylorModel<D, M> {
    let h = |i: usize, j: usize| {
        let entry = psi.second(i, j);
        if i == j { entry + 1.0 } else { entry }
    };
    match D {
        1 => h(0, 0),
        2 => h(0, 0) * h(1, 1) - h(0, 1) * h(0, 1),
        3 => {
            let minor = |j: usize, k: usize| h(1, j) * h(2, k) - h(1, k) * h(2, j);
            h(0, 0) * minor(1, 2) - h(0, 1) * minor(0, 2) + h(0, 2) * minor(0, 1)
        }
        _ => TaylorModel::UNDEFINED,
    }
}
