//! Scratch memory that belongs to a thread.

use std::any::{Any, TypeId};
use std::cell::RefCell;
use std::collections::HashMap;

/// One value of every type that was ever asked for.
///
/// Kernels for different dimensions and instruction sets have buffers of different types, and allocate only the first
/// time.
#[derive(Default)]
pub struct Workspace(HashMap<TypeId, Box<dyn Any>>);

impl Workspace {
    /// The thread's value of type `T`.
    pub fn get<T: Any + Default>(&mut self) -> &mut T {
        let slot = self.0.entry(TypeId::of::<T>()).or_insert_with(|| Box::<T>::default());
        slot.downcast_mut().expect("a value lies under its own type")
    }

    /// Runs `f` with this thread's value of type `T`, and puts it back. If `f` asks for one too, it gets another.
    pub(crate) fn lend<T: Any + Default, O>(f: impl FnOnce(&mut T) -> O) -> O {
        let mut value = Self::with(|work| std::mem::take(work.get::<T>()));
        let out = f(&mut value);
        Self::with(|work| *work.get::<T>() = value);
        out
    }

    /// Runs `f` with this thread's workspace.
    ///
    /// # Panics
    /// If `f` asks for it again.
    pub fn with<T>(f: impl FnOnce(&mut Workspace) -> T) -> T {
        thread_local!(static OWN: RefCell<Workspace> = RefCell::default());
        OWN.with_borrow_mut(f)
    }
}
