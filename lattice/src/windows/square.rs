//! Windows on periodic square lattices.

use super::{Perceptron, Window, Windows};
use crate::error::ChargesError;

/// All windows of some shapes on a periodic square lattice, tied under translations.
///
/// Site `(x, y)` of an `L × L` lattice is angle `x L + y`. A window is read in one orientation: what the lattice's other
/// symmetries say of the network it has to learn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SquareWindows {
    /// Whether the four corners of a plaquette are a window.
    pub plaquette: bool,
    /// Whether a site with its four neighbours is a window.
    pub plus: bool,
    /// Whether two plaquettes side by side are a window, in both directions, with the same parameters. They have six sites:
    /// of differences alone.
    pub block: bool,
    /// Whether networks read differences of angles to the window's first one: a corner, or the site in the middle.
    pub differences: bool,
    /// The network.
    pub perceptron: Perceptron,
}

impl Default for SquareWindows {
    /// Differences on plaquettes and pluses.
    fn default() -> Self {
        Self {
            plaquette: true,
            plus: true,
            block: false,
            differences: true,
            perceptron: Perceptron::default(),
        }
    }
}

const PLAQUETTE: [(usize, usize); 4] = [(0, 0), (1, 0), (1, 1), (0, 1)];
const BLOCK: [(usize, usize); 6] = [(0, 0), (1, 0), (2, 0), (0, 1), (1, 1), (2, 1)];

impl SquareWindows {
    /// The potential on `side × side` sites.
    ///
    /// # Errors
    /// [`ChargesError`] if there are no shapes, or blocks without differences, if the side is below 3, where windows would name a site twice, or if the
    /// network is empty.
    pub fn windows(&self, side: usize) -> Result<Windows, ChargesError> {
        if side < 3 {
            return Err(ChargesError::TooSmall { lattice: "a square lattice", found: side, needed: 3 });
        }
        // One step back is `side − 1` steps on.
        let plus = [(0, 0), (1, 0), (side - 1, 0), (0, 1), (0, side - 1)];
        let mut shapes: Vec<(&str, &[(usize, usize)])> = vec![];
        if self.plaquette {
            shapes.push(("plaquette", &PLAQUETTE));
        }
        if self.plus {
            shapes.push(("plus", &plus));
        }
        if self.block {
            shapes.push(("block", &BLOCK));
        }
        let mut windows = vec![];
        for (class, (name, shape)) in shapes.iter().enumerate() {
            for at in 0..side * side {
                let site = |&(x, y): &(usize, usize)| (at / side + x) % side * side + (at % side + y) % side;
                windows.push(Window { sites: shape.iter().map(site).collect(), class, weight: 1.0 });
                if *name == "block" {
                    let sites = shape.iter().map(|&(x, y)| site(&(y, x))).collect();
                    windows.push(Window { sites, class, weight: 1.0 });
                }
            }
        }
        let labels: Vec<String> = shapes.iter().map(|(name, _)| (*name).to_owned()).collect();
        Windows::new(side * side, (self.perceptron, self.differences), windows, &labels)
    }
}
