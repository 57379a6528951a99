//! Values that a map saves in a record for its backward pass, whatever their types.

use std::any::{Any, TypeId};
use std::collections::HashMap;
use std::fmt;

/// One value of every type that a map saved in a [`crate::Record`].
///
/// The types are erased because they depend on the map, on its potential and on its instruction set. Memory is kept
/// from one run to the next.
#[derive(Default)]
pub struct Saved(HashMap<TypeId, Box<dyn Any + Send + Sync>>);

impl Saved {
    /// The value of type `T`, `None` if no map saved one.
    pub fn get<T: Any>(&self) -> Option<&T> {
        self.0.get(&TypeId::of::<T>()).and_then(|value| value.downcast_ref())
    }

    /// The value of type `T`, to be written; the default of `T` if there is none yet.
    pub fn get_mut<T: Any + Default + Send + Sync>(&mut self) -> &mut T {
        let value = self.0.entry(TypeId::of::<T>()).or_insert_with(|| Box::<T>::default());
        value.downcast_mut().expect("a value lies under its own type")
    }
}

impl fmt::Debug for Saved {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Saved({} values)", self.0.len())
    }
}
