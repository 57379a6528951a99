//! Section 3.3: psi, phi and the energy share their minima.

use std::sync::atomic::Ordering;

use ircpm_manifolds::AnyManifold;

use super::{Setting, header};
use crate::paper::minima::{STARTS, nearest};
use crate::paper::{Models, PaperError, Table};

/// The models whose energies have isolated minima.
const MODELS: [&str; 6] = [
    "torus-unimodal-mlp",
    "torus-multi-modal-mlp",
    "sphere-squares-1",
    "sphere-stack-1",
    "sphere-stack-2",
    "sphere-stack-3",
];

/// Distance in radians within which minima of psi and phi are the same: both are found to some steps.
const SAME: f64 = 1e-4;

/// The minima of all models beside each other.
pub(super) fn measure(models: &Models, setting: &Setting<'_>) -> Result<Option<Table>, PaperError> {
    let mut table = Table {
        title: "ψ, φ and the energy share their minima (section 3.3)".to_owned(),
        lead: format!(
            "Local minima of the energy u, and the nearest ones of ψ and of φ of a layer, by a search without derivatives \
             from {STARTS} points. Lemma 2 says on Rⁿ that minima of ψ are those of φ; on every manifold ∇ψ = 0 makes a \
             point its own image, so that they agree (held to {SAME} rad here). That the energy has them too is an \
             observation: it holds where modes stand apart, and close modes share one minimum of ψ."
        ),
        header: header([
            "model",
            "minima of u, ψ, φ",
            "minimum of u",
            "ψ is lowest at",
            "distance u–ψ, rad",
            "distance ψ–φ, rad",
        ]),
        ..Table::default()
    };
    for name in MODELS {
        let Some(model) = models.get(name) else { continue };
        if setting.stop.load(Ordering::Relaxed) {
            return Err(PaperError::Stopped);
        }
        let manifold = model.flow.manifold();
        let [u, psi, phi] = model.minima();
        let counts = format!("{}, {}, {}", u.len(), psi.len(), phi.len());
        for minimum in &u {
            let Some((near, distance)) = nearest(manifold, &minimum.point, &psi) else { continue };
            let Some((_, apart)) = nearest(manifold, &near.point, &phi) else { continue };
            table.missed += usize::from(apart > SAME);
            table.rows.push(vec![
                name.to_owned(),
                counts.clone(),
                coordinates(manifold, &minimum.point),
                coordinates(manifold, &near.point),
                format!("{distance:.4}"),
                format!("{apart:.0e}"),
            ]);
        }
    }
    Ok((!table.rows.is_empty()).then_some(table))
}

fn coordinates(manifold: &AnyManifold, point: &[f64]) -> String {
    let mut point = point.to_vec();
    manifold.wrap(&mut point);
    let numbers: Vec<String> = point.iter().map(|x| format!("{x:.3}")).collect();
    format!("({})", numbers.join(", ").replace('-', "−"))
}
