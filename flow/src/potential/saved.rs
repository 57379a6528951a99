//! What evaluations of psi write_back for contractions at the same points.

use std::any::Any;
use std::fmt;

use ircpm_ad::Lap;

/// A value a pack of a batch, of the type that a map's potential saves on the map's instruction set.
#[derive(Default)]
pub(crate) struct Saved(Option<Box<dyn Any + Send + Sync>>);

impl Saved {
    /// The values of `packs` packs, to be written: in the memory that is there, if it is of this type.
    pub(crate) fn room<T: Any + Default + Send + Sync>(&mut self, packs: usize) -> &mut [T] {
        if !self.0.as_ref().is_some_and(|saved| saved.is::<Vec<T>>()) {
            self.0 = Some(Box::<Vec<T>>::default());
        }
        let values = self.0.as_mut().and_then(|saved| saved.downcast_mut::<Vec<T>>());
        let values = values.expect("a vector of this type, just made if there was none");
        if values.len() < packs {
            values.resize_with(packs, T::default);
        }
        &mut values[..packs]
    }

    /// The values.
    ///
    /// # Panics
    /// If they are of another type, as another map saves.
    pub(crate) fn packs<T: Any>(&self) -> &[T] {
        let values = self.0.as_ref().and_then(|saved| saved.downcast_ref::<Vec<T>>());
        values.expect("a record is pulled back through the map that made it")
    }
}

impl fmt::Debug for Saved {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.0.is_some() { "Saved(..)" } else { "Saved" })
    }
}

/// A tile of points whose jets have been evaluated: what [`crate::Potential::contract`] is given.
#[derive(Debug)]
pub struct EvaluatedTile<'a, K, R, const D: usize> {
    /// The points along their directions, `[pack][coordinate]`.
    pub z: &'a [Lap<R, D>],
    /// The directions `u` of every pack: component `i` of `uₖ`, along direction `i` of its jets, is `[i][k]`.
    pub directions: &'a [[[R; D]; D]],
    /// What [`crate::Potential::jets`] saved of every pack.
    pub saved: &'a [K],
}
