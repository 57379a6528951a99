//! Trains implicit Riemannian concave potential maps: the library behind the program `ircpm`.
//!
//! A [`config::preset`] or a TOML file becomes a [`config::Config`], that a [`training::Problem`], and [`program::train()`]
//! makes a folder with results of it. The pieces work alone as well: a [`target`], a [`loss`] with its exact gradient, an [`optimiser`].
//!
//! ```
//! use ircpm_flow::{Features, Flow, FlowSpec, Solver};
//! use ircpm_train::optimiser::Adam;
//! use ircpm_train::{loss, target};
//!
//! let target = target::by_name("torus-unimodal").unwrap();
//! let flow = Flow::new(FlowSpec {
//!     manifold: target.manifold().clone(),
//!     layers: 1,
//!     shared: true,
//!     hidden: vec![8, 8],
//!     features: Features::Harmonics { order: 1 },
//!     output_scale: 1.0,
//!     solver: Solver::default(),
//! })?;
//! let (mut theta, mut adam) = (flow.initial(0), Adam::new(flow.parameters()));
//! let x = [0.1, 3.0, 2.0, 5.0, 4.0, 1.0, 6.0, 2.5]; // Four base points; training draws fresh ones every step.
//! let before = loss::reverse_kl(&flow, &theta, &x, target.as_ref(), 1.0)?;
//! adam.update(&mut theta, &before.grad, 1e-2);
//! let after = loss::reverse_kl(&flow, &theta, &x, target.as_ref(), 1.0)?;
//! assert!(after.loss < before.loss);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! Where to look: [`target`] (densities with their exact normalisers), [`points`] (sequences and quadrature), [`loss`],
//! [`optimiser`] with its [`least_squares`], [`training`] (the loop and its checkpoints), [`evaluation`] and [`estimate`]
//! (ESS, KL and log Z with standard errors), [`report`] (JSON, tables, pictures), [`program`] (commands and folders).

pub mod config;
pub mod estimate;
pub mod evaluation;
pub mod least_squares;
pub mod loss;
pub mod optimiser;
pub mod points;
#[cfg(feature = "program")]
pub mod program;
pub mod report;
pub mod target;
pub mod training;
