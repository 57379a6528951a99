//! Trains implicit Riemannian concave potential maps: the library behind the program `ircpm`.
//!
//! A target of one's own becomes a fitted flow by [`fit()`], points of one's own by [`fit_points`]:
//!
//! ```
//! use ircpm_flow::{Features, Flow, FlowSpec, Solver};
//! use ircpm_train::{Options, fit, target};
//!
//! let target = target::by_name("torus-unimodal").ok_or("a target of the table")?;
//! let flow = Flow::new(FlowSpec {
//!     manifold: target.manifold().clone(),
//!     layers: 1,
//!     shared: true,
//!     hidden: vec![8, 8],
//!     features: Features::Harmonics { order: 1 },
//!     symmetry: vec![],
//!     output_scale: 1.0,
//!     solver: Solver::default(),
//! })?;
//! let fit = fit(&flow, target.as_ref(), &Options::default().goal(1e-3).samples(4096))?;
//! let weights = fit.evaluation.weights.ok_or("a target has weights")?;
//! assert!(weights.ess.value > 0.99, "effective sample size {}", weights.ess.value);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! The pieces work alone as well, for a training loop of one's own:
//!
//! ```
//! # use ircpm_flow::{Features, Flow, FlowSpec, Solver};
//! use ircpm_train::optimiser::Adam;
//! use ircpm_train::{loss, target};
//!
//! # let target = target::by_name("torus-unimodal").ok_or("a target of the table")?;
//! # let flow = Flow::new(FlowSpec {
//! #     manifold: target.manifold().clone(),
//! #     layers: 1,
//! #     shared: true,
//! #     hidden: vec![8, 8],
//! #     features: Features::Harmonics { order: 1 },
//! #     symmetry: vec![],
//! #     output_scale: 1.0,
//! #     solver: Solver::default(),
//! # })?;
//! let (mut theta, mut adam) = (flow.initial(0), Adam::new(flow.parameters()));
//! let x = [0.1, 3.0, 2.0, 5.0, 4.0, 1.0, 6.0, 2.5]; // Four base points; training draws fresh ones every step.
//! let before = loss::reverse_kl(&flow, &theta, &x, target.as_ref(), 1.0)?;
//! adam.update(&mut theta, &before.grad, 1e-2);
//! let after = loss::reverse_kl(&flow, &theta, &x, target.as_ref(), 1.0)?;
//! assert!(after.loss < before.loss);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! The program's way starts from a text: a [`config::preset`] or a TOML file becomes a [`config::Config`], that a
//! [`training::Problem`], whose [`training::Trainer`] takes the steps; [`evaluation`] measures the result and
//! [`report`] writes it down. The feature `program`, on by default, adds `program` (commands and folders) and pictures;
//! an embedding does without: `ircpm-train = { version = "0.1", default-features = false }`.
//!
//! Kernels are generic and compiled in the crate that uses them: a debug build of an embedding needs `opt-level = 2` in
//! its `[profile.dev]`, and is many times slower without it.
//!
//! Where to look: [`mod@fit`], [`target`] (densities with their exact normalisers), [`points`] (sequences and
//! quadrature), [`data`] (points from files), [`loss`], [`optimiser`] with its [`least_squares`], [`training`] (the loop and its checkpoints),
//! [`evaluation`] and [`estimate`] (ESS, KL and log Z with standard errors), [`baseline`] (reference
//! densities of points), [`weights`] (points that do not count alike), [`samples`] and [`chain`] (what a trained flow is for: its samples with importance weights, and
//! exact Markov chains), [`proof`] (that it is one-to-one, over the whole manifold), [`density_proof`] (how far its density is
//! from the target's at most).

pub mod baseline;
pub mod bounds;
pub mod certificate;
pub mod chain;
pub mod config;
pub mod convex;
pub mod data;
pub mod density_proof;
pub mod estimate;
pub mod evaluation;
pub mod fit;
pub mod lattice;
pub mod least_squares;
mod lloyd;
pub mod loss;
pub mod optimiser;
#[cfg(feature = "program")]
pub mod paper;
pub mod points;
pub mod positivity;
#[cfg(feature = "program")]
pub mod program;
pub mod proof;
mod quantiles;
pub mod ranks;
pub mod report;
pub mod samples;
pub mod symmetry;
pub mod target;
pub mod training;
pub mod weights;

#[doc(inline)]
pub use fit::{Fit, FlowFile, Options, fit, fit_data, fit_points, fit_target};
#[doc(inline)]
pub use weights::WeightedPoints;

/// The example of the README is a test.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
