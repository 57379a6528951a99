//! Functions of a point whose averages are looked at.

use ircpm_manifolds::{AnyManifold, Coordinates};

use crate::samples::coordinate_names;

/// A function of a point.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Function {
    /// Name, for example `cos(theta1)`.
    pub name: String,
    coordinate: usize,
    kind: Kind,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Cosine,
    Sine,
    Identity,
}

impl Function {
    /// Its value at a point.
    ///
    /// # Panics
    /// If the point has too few coordinates.
    pub fn value(&self, point: &[f64]) -> f64 {
        let x = point[self.coordinate];
        match self.kind {
            Kind::Cosine => x.cos(),
            Kind::Sine => x.sin(),
            Kind::Identity => x,
        }
    }
}

/// Cosine and sine of every angle, and every other coordinate itself: functions without a seam.
pub fn functions(manifold: &AnyManifold) -> Vec<Function> {
    let is_angle = manifold
        .coordinates()
        .into_iter()
        .flat_map(|block| std::iter::repeat_n(matches!(block, Coordinates::Angles(_)), block.len()));
    let mut all = Vec::new();
    for (coordinate, (name, is_angle)) in coordinate_names(manifold).into_iter().zip(is_angle).enumerate() {
        if is_angle {
            all.push(Function { name: format!("cos({name})"), coordinate, kind: Kind::Cosine });
            all.push(Function { name: format!("sin({name})"), coordinate, kind: Kind::Sine });
        } else {
            all.push(Function { name, coordinate, kind: Kind::Identity });
        }
    }
    all
}
