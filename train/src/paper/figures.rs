//! Figures 1 to 3, from the models that the rows have left.

use ircpm_manifolds::AnyManifold;

use super::minima::Minimum;
use super::{Model, Models, PaperError};
use crate::points::Quadrature;
use crate::report::picture::{Kind, Picture, Surface, nodes, surfaces};

/// The model of Figure 1: psi with few modes.
const FIRST: &str = "torus-multi-modal-mlp";
/// The models of Figure 2, from the top.
const SECOND: [&str; 3] = ["torus-correlated-symmetric", "torus-multi-modal-mlp", "torus-unimodal-mlp"];
/// The model of Figure 3, the first that is there.
const THIRD: [&str; 4] = ["sphere-stack-3", "sphere-stack-2", "sphere-squares-3", "sphere-squares-1"];

/// Ways from base points to images in Figure 1, per angle.
const WAYS: usize = 12;
/// Quadrature nodes per dimension.
const NODES: usize = 128;
/// Pieces of a way.
const PIECES: usize = 8;

/// Draws the figures whose models are there, on the surfaces of the paper; each with its caption.
///
/// # Errors
/// [`PaperError::Picture`] if one cannot be drawn.
pub fn figures(models: &Models) -> Result<Vec<(Picture, String)>, PaperError> {
    let mut all = Vec::new();
    if let Some(model) = named(models, FIRST, "T2") {
        all.push(first(model)?);
    }
    let second: Vec<&Model> = SECOND.iter().filter_map(|name| named(models, name, "T2")).collect();
    if !second.is_empty() {
        all.push(densities(&second)?);
    }
    if let Some(model) = THIRD.iter().find_map(|name| named(models, name, "S2")) {
        all.push(third(model)?);
    }
    Ok(all)
}

/// The model of a row, if it is there and on this manifold, which `--set` may have replaced.
fn named<'a>(models: &'a Models, name: &str, manifold: &str) -> Option<&'a Model> {
    models.get(name).filter(|model| model.flow.manifold().to_string() == manifold)
}

/// Where functions are evaluated on the surfaces of the paper.
fn nodes_of(manifold: &AnyManifold) -> Vec<f64> {
    nodes(manifold).expect("T² and S² have charts")
}

impl Model {
    fn surface(&self, title: &str, values: Vec<f64>, kind: Kind) -> Surface {
        Surface { title: title.to_owned(), values, kind, marks: vec![], ways: vec![] }
    }

    fn energy(&self, y: &[f64]) -> Vec<f64> {
        let mut u = vec![0.0; y.len() / self.flow.manifold().ambient()];
        self.target.energies(y, &mut u);
        u
    }

    /// The target's density, its normaliser by quadrature.
    fn p(&self, y: &[f64]) -> Vec<f64> {
        let rule = Quadrature::new(self.flow.manifold(), NODES).expect("T² and S² are surfaces");
        let weights = |y: &[f64]| -> Vec<f64> {
            self.energy(y).iter().map(|u| (-self.config.beta() * u).exp()).collect()
        };
        let z = rule.integrate(&weights(&rule.points));
        weights(y).iter().map(|w| w / z).collect()
    }

    /// The model's density; NaN where the map folds.
    fn q(&self, y: &[f64]) -> Vec<f64> {
        let pulled = self.flow.inverse(&self.theta, y);
        pulled.log_q.iter().zip(&pulled.ok).map(|(l, &ok)| if ok { l.exp() } else { f64::NAN }).collect()
    }

    /// psi of the first layer, its mean taken away: it is known up to a constant.
    fn psi(&self, y: &[f64]) -> (Vec<f64>, f64) {
        let psi = self.flow.potential(&self.theta, 0, y);
        let mean = psi.iter().sum::<f64>() / psi.len() as f64;
        (psi.iter().map(|psi| psi - mean).collect(), mean)
    }

    /// phi of the first layer, with the constant of psi taken away.
    fn phi(&self, x: &[f64], constant: f64) -> Vec<f64> {
        self.flow.dual_potential(&self.theta, 0, x).iter().map(|phi| phi - constant).collect()
    }

    /// Geodesics from a grid of base points on T² to their images.
    fn ways(&self) -> Vec<Vec<Vec<f64>>> {
        let manifold = self.flow.manifold();
        let step = std::f64::consts::TAU / WAYS as f64;
        let grid = (0..WAYS * WAYS).flat_map(|i| [i % WAYS, i / WAYS].map(|k| (k as f64 + 0.5) * step));
        let x: Vec<f64> = grid.collect();
        let pushed = self.flow.forward(&self.theta, &x);
        let ends = x.chunks_exact(2).zip(pushed.y.chunks_exact(2)).zip(&pushed.ok);
        let way = |((x, y), ok): ((&[f64], &[f64]), &bool)| {
            let v = manifold.try_log(x, y).ok().filter(|_| *ok)?;
            let at = |k: usize| {
                let part: Vec<f64> = v.iter().map(|v| v * k as f64 / PIECES as f64).collect();
                let mut point = vec![0.0; 2];
                manifold.exp(x, &part, &mut point);
                point
            };
            Some((0..=PIECES).map(at).collect())
        };
        ends.filter_map(way).collect()
    }
}

/// Figure 1: the map of a potential, and the minima that psi and phi share.
fn first(model: &Model) -> Result<(Picture, String), PaperError> {
    let manifold = model.flow.manifold();
    let y = nodes_of(manifold);
    let [u, psi_minima, phi_minima] = model.minima();
    let points = |all: Vec<Minimum>| all.into_iter().map(|minimum| minimum.point).collect();
    let (psi, constant) = model.psi(&y);
    let phi = model.phi(&y, constant);
    let all = [
        Surface { ways: model.ways(), ..model.surface("ψ and x → T(x)", psi.clone(), Kind::Potential) },
        Surface { marks: points(psi_minima), ..model.surface("ψ", psi, Kind::Potential) },
        Surface { marks: points(phi_minima), ..model.surface("φ", phi, Kind::Potential) },
        Surface { marks: points(u), ..model.surface("energy u", model.energy(&y), Kind::Potential) },
    ];
    let title = format!("{}: the map of a potential, and its minima", model.target.name());
    let picture = surfaces("figure-1.png", &title, manifold, &all, 4, 0.75)?;
    let caption = "Figure 1. Left: a potential ψ on T², and the map that it makes: each curve goes from a point to its image, \
                   the dot. Right: minima of ψ, of φ and of the energy (rings). ψ and φ in rad², u in nats.";
    Ok((picture, caption.to_owned()))
}

/// Figure 2: targets on T², one row each.
fn densities(models: &[&Model]) -> Result<(Picture, String), PaperError> {
    let manifold = models[0].flow.manifold();
    let y = nodes_of(manifold);
    let all: Vec<Surface> = models
        .iter()
        .flat_map(|model| {
            let (psi, constant) = model.psi(&y);
            [
                model.surface("target p", model.p(&y), Kind::Density),
                model.surface("model q", model.q(&y), Kind::Density),
                model.surface("ψ", psi, Kind::Potential),
                model.surface("φ", model.phi(&y, constant), Kind::Potential),
            ]
        })
        .collect();
    let picture = surfaces("figure-2.png", "Densities on T² and their potentials", manifold, &all, 4, 0.75)?;
    let names: Vec<&str> = models.iter().map(|model| model.target.name()).collect();
    let caption = format!(
        "Figure 2. Targets on T², the models' densities, ψ and φ; from the top: {}.",
        names.join(", ")
    );
    Ok((picture, caption))
}

/// Figure 3: the four modes on S².
fn third(model: &Model) -> Result<(Picture, String), PaperError> {
    let manifold = model.flow.manifold();
    let y = nodes_of(manifold);
    let all = [
        model.surface("target p", model.p(&y), Kind::Density),
        model.surface("energy u", model.energy(&y), Kind::Potential),
        model.surface("ψ", model.psi(&y).0, Kind::Potential),
        model.surface("model q", model.q(&y), Kind::Density),
    ];
    let layers = model.flow.layers();
    let title = format!("{}: {layers} layers that share ψ", model.target.name());
    let picture = surfaces("figure-3.png", &title, manifold, &all, 2, 1.0)?;
    let caption =
        "Figure 3. Four modes on S²: the target, its energy, the learned ψ, and the model's density.";
    Ok((picture, caption.to_owned()))
}
