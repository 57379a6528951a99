//! How a search cut a manifold, so that its proof can be gone through again.

/// What a search did with each cell, first come first served.
///
/// The first cells are those of a grid, with the first coordinate changing fastest. The halves of a cell, the lower one
/// first, wait behind all cells that were waiting. So the steps alone say which cells were proven, and that these cover the
/// manifold: a search that certified has as many steps as cells, and none waits after the last one.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Record {
    /// The first grid has `2^first_depth` cells per angle.
    pub first_depth: u32,
    /// [`Record::PROVEN`], or `k + 1` for a cell that was halved along coordinate `k`.
    pub steps: Vec<u8>,
}

impl Record {
    /// The step of a cell on which the bound is proven.
    pub const PROVEN: u8 = 0;

    /// The step of a cell that is halved along coordinate `side`.
    pub(crate) fn halved(side: usize) -> u8 {
        // A dimension is at most 8.
        side as u8 + 1
    }
}
