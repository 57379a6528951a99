//! Section 4.3: how large the derivatives of psi are on trained stacks, what follows of the minimisation, and Lemma 3.

use std::time::Duration;

use cpu_time::ProcessTime;
use ircpm_flow::{Condition, Direction, LayerBounds, Record, Workspace};

use super::{Setting, header};
use crate::bounds::potential_bounds;
use crate::paper::{Model, Models, PaperError, Table};
use crate::points::{Generator, Sequence, Spread, base_points};

/// The stacks, and what the paper says of its own.
const STACKS: [(&str, &str); 6] = [
    ("sphere-stack-3", "within the bounds"),
    ("sphere-stack-2", "too high for the bounds"),
    ("sphere-stack-1", "higher still"),
    ("sphere-squares-3", "–"),
    ("sphere-squares-2", "–"),
    ("sphere-squares-1", "–"),
];

/// The stack that the paper finds within its bounds.
const WITHIN: &str = "sphere-stack-3";

/// Base points at which images are measured for Lemma 3.
const IMAGES: usize = 1 << 14;

/// The bounds on all stacks of the sphere.
pub(super) fn measure(models: &Models, setting: &Setting<'_>) -> Result<Option<Table>, PaperError> {
    let mut table = Table {
        title: "Bounds on the derivatives of ψ (section 4.3, Lemmas 3 and 4)".to_owned(),
        lead: format!(
            "K is the largest |∇ψ| and |Hess ψ| the largest operator norm over {} points of a low-discrepancy sequence. \
             The minimum is unique and found by descent if |Hess ψ| is below 2K cot 2K (Lemmas 3 and 4), or below K cot K \
             (images lie within K). *farthest image* is the largest d(x, y*) of one layer over {IMAGES} points, at most K \
             if the minimum is found, and at most 2K by Lemma 3. The paper's figures are lost in the text at hand; its \
             words are quoted. A stack of three is held to the coarser bound, as in the paper.",
            setting.points
        ),
        header: header([
            "model",
            "K",
            "\\|Hess ψ\\|",
            "2K cot 2K",
            "K cot K",
            "smallest eigenvalue of H",
            "folds at",
            "farthest image",
            "paper",
            "CPU s",
        ]),
        ..Table::default()
    };
    for (name, paper) in STACKS {
        let Some(model) = models.get(name) else { continue };
        let start = ProcessTime::now();
        let Model { flow, theta, .. } = model;
        let found = potential_bounds(flow, theta, setting.points, setting.seed, setting.stop, &mut |_| ());
        let seconds = start.elapsed();
        let found = found.ok_or(PaperError::Stopped)?;
        let [bounds] = &found[..] else { continue };
        let image = farthest_image(model, setting.seed);
        let within_k = image <= bounds.gradients[0].gradient.value + 1e-9;
        let coarse = bounds.coarse().is_some_and(|condition| condition.holds);
        table.missed += usize::from(name == WITHIN && !(coarse && within_k));
        table.rows.push(line(name, bounds, image, paper, seconds));
    }
    Ok((!table.rows.is_empty()).then_some(table))
}

fn line(name: &str, bounds: &LayerBounds, image: f64, paper: &str, seconds: Duration) -> Vec<String> {
    let condition = |condition: Option<Condition>| match condition {
        Some(Condition { allowed, holds, .. }) if allowed > 0.0 => {
            format!("{allowed:.4}, {}", if holds { "holds" } else { "fails" })
        }
        _ => "fails for any".to_owned(),
    };
    vec![
        name.to_owned(),
        format!("{:.4}", bounds.gradients[0].gradient.value),
        format!("{:.4}", bounds.hessian.value),
        condition(bounds.coarse()),
        condition(bounds.sharp()),
        format!("{:.4}", bounds.eigenvalue.value),
        format!("{} points", bounds.folds),
        format!("{image:.4}"),
        paper.to_owned(),
        format!("{:.1}", seconds.as_secs_f64()),
    ]
}

/// The largest distance in radians from a point to its image under the first layer.
fn farthest_image(model: &Model, seed: u64) -> f64 {
    let manifold = model.flow.manifold();
    let sequence = Sequence::new(Spread::Lattice, IMAGES, manifold.cube_dim());
    let x = base_points(manifold, &sequence, &mut Generator::from_seed(seed));
    let theta = &model.theta[model.flow.slot(0)];
    let mut record = Record::default();
    Workspace::with(|work| model.flow.map(0).run(Direction::Forward, theta, &x, &mut record, work));
    let n = manifold.ambient();
    let pairs = x.chunks_exact(n).zip(record.y.chunks_exact(n)).zip(&record.ok);
    pairs.filter(|(_, ok)| **ok).map(|((x, y), _)| manifold.distance(x, y)).fold(0.0, f64::max)
}
