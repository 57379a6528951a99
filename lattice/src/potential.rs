//! The potential of a lattice: one of the families of local terms.

use ircpm_ad::Scalar;
use ircpm_flow::Expression;
use ircpm_manifolds::Coordinates;

use crate::charges::Charges;
use crate::error::TransferError;
use crate::windows::Windows;

/// A sum of local terms on the torus of `D` angles, which a [`crate::LatticeMap`] is the map of.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum LatticePotential {
    /// Cosines of integer combinations of a few angles, linear in the parameters.
    Charges(Charges),
    /// A network at the angles of every window, linear in the output weights.
    Windows(Windows),
}

impl From<Charges> for LatticePotential {
    fn from(charges: Charges) -> Self {
        Self::Charges(charges)
    }
}

impl From<Windows> for LatticePotential {
    fn from(windows: Windows) -> Self {
        Self::Windows(windows)
    }
}

/// Evaluates an expression for the potential of either family.
macro_rules! of_each {
    ($self:expr, $potential:ident => $value:expr) => {
        match $self {
            LatticePotential::Charges($potential) => $value,
            LatticePotential::Windows($potential) => $value,
        }
    };
}

impl LatticePotential {
    /// Number `D` of angles.
    pub fn sites(&self) -> usize {
        of_each!(self, potential => potential.sites())
    }

    /// Whether psi depends on differences of angles only, so that the map commutes with rotations of all together.
    pub fn is_neutral(&self) -> bool {
        of_each!(self, potential => potential.is_neutral())
    }

    /// Parameters of this potential from those of the same one on a smaller or larger lattice.
    ///
    /// # Errors
    /// [`TransferError`] if a class has no counterpart there, `theta` has the wrong length, or the two are of different
    /// families.
    pub fn parameters_from(&self, other: &Self, theta: &[f64]) -> Result<Vec<f64>, TransferError> {
        match (self, other) {
            (Self::Charges(to), Self::Charges(from)) => to.parameters_from(from, theta),
            (Self::Windows(to), Self::Windows(from)) => to.parameters_from(from, theta),
            _ => Err(TransferError::Family),
        }
    }
}

impl Expression for LatticePotential {
    fn inputs(&self) -> usize {
        self.sites()
    }

    fn parameters(&self) -> usize {
        of_each!(self, potential => potential.parameters())
    }

    fn value<S: Scalar>(&self, theta: &[S], z: &[S]) -> S {
        of_each!(self, potential => potential.value(theta, z))
    }

    fn fits(&self, kinds: &[Coordinates]) -> bool {
        of_each!(self, potential => potential.fits(kinds))
    }

    fn initial(&self, uniform: &mut dyn FnMut(f64) -> f64, theta: &mut [f64]) {
        of_each!(self, potential => potential.initial(uniform, theta));
    }

    fn rescale(&self, theta: &mut [f64], factor: f64) -> bool {
        of_each!(self, potential => potential.rescale(theta, factor))
    }
}
