//! The points that costs are measured to, from the parameters, and the way of their cotangents back.

use ircpm_ad::Real;
use ircpm_manifolds::Coordinates;
use nalgebra::{DVector, DVectorView};

use crate::potential::Affine;

/// The points `g yᵢ` of all components and all elements of the group, with the offsets.
#[derive(Debug)]
pub(super) struct Sites {
    /// `[component][element][coordinate]`.
    pub points: Vec<f64>,
    /// `αᵢ`, one per component.
    pub offsets: Vec<f64>,
    /// The points `yᵢ` themselves, `[component][coordinate]`.
    components: Vec<f64>,
    /// What the parameters of each coordinate were divided by.
    lengths: Vec<f64>,
}

impl Sites {
    /// Projects the parameters to the manifold, and moves the points by the group.
    pub(super) fn new(theta: &[f64], components: usize, kinds: &[Coordinates], group: &[Affine]) -> Self {
        let n: usize = kinds.iter().map(|kind| kind.len()).sum();
        let (free, offsets) = theta.split_at(components * n);
        let (mut points, mut lengths) = (free.to_vec(), vec![1.0; free.len()]);
        for (point, lengths) in points.chunks_exact_mut(n).zip(lengths.chunks_exact_mut(n)) {
            let mut start = 0;
            for kind in kinds {
                let of = start..start + kind.len();
                if let Coordinates::UnitVector(_) = kind {
                    let length = point[of.clone()].iter().map(|x| x * x).sum::<f64>().sqrt();
                    point[of.clone()].iter_mut().for_each(|x| *x /= length);
                    lengths[of.clone()].fill(length);
                }
                start = of.end;
            }
        }
        let mut moved = vec![0.0; points.len() * group.len()];
        for (point, images) in points.chunks_exact(n).zip(moved.chunks_exact_mut(n * group.len())) {
            for (g, image) in group.iter().zip(images.chunks_exact_mut(n)) {
                g.apply(point, image);
            }
        }
        Self { points: moved, offsets: offsets.to_vec(), components: points, lengths }
    }

    /// Writes site `i` to all lanes.
    #[inline(always)]
    pub(super) fn load<R: Real>(&self, i: usize, site: &mut [R]) {
        let n = site.len();
        for c in 0..n {
            site[c] = R::constant(self.points[i * n + c]);
        }
    }

    /// Adds the parameters' gradient from the cotangents of the sites, `n` coordinates and the offset each, by
    /// `add(parameter, value)`.
    pub(super) fn pull_back(
        &self,
        sites_bar: &[f64],
        kinds: &[Coordinates],
        group: &[Affine],
        mut add: impl FnMut(usize, f64),
    ) {
        let n = self.components.len() / self.offsets.len();
        let mut bar = DVector::zeros(n);
        for (i, images_bar) in sites_bar.chunks_exact((n + 1) * group.len()).enumerate() {
            bar.fill(0.0);
            let mut offset_bar = 0.0;
            for (g, image_bar) in group.iter().zip(images_bar.chunks_exact(n + 1)) {
                bar.gemv_tr(1.0, &g.matrix, &DVectorView::from_slice(&image_bar[..n], n), 1.0);
                offset_bar += image_bar[n];
            }
            let (point, lengths) = (&self.components[i * n..][..n], &self.lengths[i * n..][..n]);
            let mut start = 0;
            for kind in kinds {
                let of = start..start + kind.len();
                // y = θ/|θ| does not move along itself.
                let along = match kind {
                    Coordinates::UnitVector(_) => of.clone().map(|c| bar[c] * point[c]).sum(),
                    _ => 0.0,
                };
                for c in of.clone() {
                    add(i * n + c, (bar[c] - along * point[c]) / lengths[c]);
                }
                start = of.end;
            }
            add(self.components.len() + i, offset_bar);
        }
    }
}
