//! Exact derivatives of a flow at given points: the score, the differential, products with vectors and covectors.
//!
//! Points and cotangents are ambient coordinates, `[sample][coordinate]`. A cotangent pairs with tangent vectors by the
//! plain sum of products of coordinates; its component normal to the manifold means nothing.

use std::ops::Range;

use nalgebra::DMatrix;

use super::{Flow, Records, parts};
use crate::lanes::{TILE, Workspace};
use crate::map::{Direction, ThetaGradient};

/// Cotangents that were pulled back through a flow: see [`Flow::vjp`].
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Pullback {
    /// Gradient in the parameters, summed over the samples; NaN where a parameter is.
    pub theta: Vec<f64>,
    /// Cotangents of the points that the run started from.
    pub points: Vec<f64>,
    /// Whether each sample counts; the cotangents of others are zero.
    pub ok: Vec<bool>,
}

/// A direction in which a flow is differentiated, or the derivative along one: see [`Flow::jvp`].
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Tangent {
    /// Tangent vectors at the points, `[sample][coordinate]`.
    pub points: Vec<f64>,
    /// Derivative of `log q` at the images, one per sample.
    pub log_q: Vec<f64>,
}

/// The differential of a flow at one point: see [`Flow::differential`].
#[derive(Clone, Debug, PartialEq)]
pub struct Differential {
    /// The image `T(x)`, ambient coordinates.
    pub image: Vec<f64>,
    /// `dT/dx`, `D × D`, from the frame at `x` to the frame at the image.
    pub point: DMatrix<f64>,
    /// `dT/dθ`, `D × P`, in the frame at the image.
    pub parameters: DMatrix<f64>,
}

impl Flow {
    /// The score `∇ log q(y)` at given points `y`: cotangents, which for a metric that is the dot product of
    /// coordinates are also the tangent vectors of steepest ascent. NaN where there is no density.
    ///
    /// # Panics
    /// If `theta` or `y` has the wrong length.
    pub fn score(&self, theta: &[f64], y: &[f64]) -> Vec<f64> {
        let n = self.manifold.ambient();
        let samples = self.samples(theta, y);
        let (zeros, ones) = (vec![0.0; y.len()], vec![1.0; samples]);
        let Pullback { mut points, ok, .. } = self.vjp(Direction::Inverse, theta, y, &zeros, &ones);
        for (s, _) in ok.iter().enumerate().filter(|(_, ok)| !**ok) {
            points[s * n..(s + 1) * n].fill(f64::NAN);
        }
        points
    }

    /// Pulls cotangents of the points that a run ends at, and of `log q` at the images, back to the parameters and to
    /// the points that it starts from: a vector–Jacobian product.
    ///
    /// Forward `points` are base points, inverse they are images.
    ///
    /// # Panics
    /// If a slice has the wrong length.
    pub fn vjp(
        &self,
        direction: Direction,
        theta: &[f64],
        points: &[f64],
        points_bar: &[f64],
        log_q_bar: &[f64],
    ) -> Pullback {
        let n = self.manifold.ambient();
        let samples = self.samples(theta, points);
        assert_eq!(points_bar.len(), points.len(), "cotangents of the points");
        assert_eq!(log_q_bar.len(), samples, "cotangents of log-densities");
        let part = |samples: Range<usize>| {
            let mut out = Pullback { theta: vec![0.0; self.parameters()], ..Pullback::default() };
            for s in parts::cut(samples, 2 * TILE) {
                let of = |all: &[f64]| all[s.start * n..s.end * n].to_vec();
                let bars = (of(points_bar), log_q_bar[s.clone()].to_vec());
                let into = ThetaGradient::Sum(&mut out.theta);
                let (points, ok) = self.pull_back_at(direction, theta, &of(points), bars, into);
                out.points.extend(points);
                out.ok.extend(ok);
            }
            out
        };
        let sum = parts::sum(&parts::coarse(samples), &part, &|mut a: Pullback, b| {
            a.theta.iter_mut().zip(b.theta).for_each(|(sum, g)| *sum += g);
            a.points.extend(b.points);
            a.ok.extend(b.ok);
            a
        });
        sum.unwrap_or_else(|| Pullback { theta: vec![0.0; self.parameters()], ..Pullback::default() })
    }

    /// The differential of `T` at base points `x`, one per sample; `None` where a sample failed.
    ///
    /// It takes `D` pull-backs and stores `D (D + P)` numbers per sample.
    ///
    /// # Panics
    /// If `theta` or `x` has the wrong length.
    pub fn differential(&self, theta: &[f64], x: &[f64]) -> Vec<Option<Differential>> {
        let n = self.manifold.ambient();
        let parts = parts::map(parts::fine(self.samples(theta, x)), |samples| {
            let x = &x[samples.start * n..samples.end * n];
            x.chunks_exact(n).map(|x| self.differential_at(theta, x)).collect::<Vec<_>>()
        });
        parts.into_iter().flatten().collect()
    }

    /// [`Flow::differential`] at one point: row `k` is the pull-back of the `k`-th cotangent of the frame at the image.
    fn differential_at(&self, theta: &[f64], x: &[f64]) -> Option<Differential> {
        let (n, d, parameters) = (self.manifold.ambient(), self.manifold.dim(), self.parameters());
        Workspace::lend(|records: &mut Records| {
            self.run_saving(Direction::Forward, theta, x, records);
            let (_, ok) = self.densities(x, records);
            if !ok[0] {
                return None;
            }
            let image = records[self.layers() - 1].y.clone();
            let (mut coframe, mut frame) = (vec![0.0; d * n], vec![0.0; d * n]);
            self.manifold.coframe(&image, &mut coframe);
            self.manifold.frame(x, &mut frame);
            let mut point = DMatrix::zeros(d, d);
            let mut by_parameters = DMatrix::zeros(d, parameters);
            let mut theta_bar = vec![0.0; parameters];
            for (k, covector) in coframe.chunks_exact(n).enumerate() {
                theta_bar.fill(0.0);
                let bars = (covector.to_vec(), vec![0.0]);
                let into = ThetaGradient::Sum(&mut theta_bar);
                let x_bar = self.pull_back(Direction::Forward, theta, records, &ok, bars, into);
                for (i, direction) in frame.chunks_exact(n).enumerate() {
                    point[(k, i)] = direction.iter().zip(&x_bar).map(|(e, g)| e * g).sum();
                }
                by_parameters.row_mut(k).copy_from_slice(&theta_bar);
            }
            Some(Differential { image, point, parameters: by_parameters })
        })
    }

    /// Derivatives of the images `T(x)` and of `log q` there, as the base points move along `points` and the parameters
    /// along `theta_dot`: a Jacobian–vector product. NaN where a sample failed.
    ///
    /// It is put together from pull-backs, at the price of `D + 1` of them.
    ///
    /// # Panics
    /// If a slice has the wrong length.
    pub fn jvp(&self, theta: &[f64], x: &[f64], theta_dot: &[f64], x_dot: &[f64]) -> Tangent {
        let n = self.manifold.ambient();
        assert_eq!(theta_dot.len(), theta.len(), "a direction of the parameters");
        assert_eq!(x_dot.len(), x.len(), "tangent vectors at the points");
        let parts = parts::map(parts::fine(self.samples(theta, x)), |samples| {
            let mut out = Tangent::default();
            for s in samples {
                let (x, x_dot) = (&x[s * n..(s + 1) * n], &x_dot[s * n..(s + 1) * n]);
                let (y_dot, log_q) = self.jvp_at(theta, x, theta_dot, x_dot);
                out.points.extend(y_dot);
                out.log_q.push(log_q);
            }
            out
        });
        let mut out = Tangent::default();
        for part in parts {
            out.points.extend(part.points);
            out.log_q.extend(part.log_q);
        }
        out
    }

    /// [`Flow::jvp`] at one point.
    fn jvp_at(&self, theta: &[f64], x: &[f64], theta_dot: &[f64], x_dot: &[f64]) -> (Vec<f64>, f64) {
        let (n, d) = (self.manifold.ambient(), self.manifold.dim());
        Workspace::lend(|records: &mut Records| {
            self.run_saving(Direction::Forward, theta, x, records);
            let (_, ok) = self.densities(x, records);
            if !ok[0] {
                return (vec![f64::NAN; n], f64::NAN);
            }
            let image = &records[self.layers() - 1].y;
            let (mut coframe, mut frame) = (vec![0.0; d * n], vec![0.0; d * n]);
            self.manifold.coframe(image, &mut coframe);
            self.manifold.frame(image, &mut frame);
            let along = |points_bar: &[f64], log_q_bar: f64| -> f64 {
                let mut theta_bar = vec![0.0; theta.len()];
                let bars = (points_bar.to_vec(), vec![log_q_bar]);
                let into = ThetaGradient::Sum(&mut theta_bar);
                let mut x_bar = self.pull_back(Direction::Forward, theta, records, &ok, bars, into);
                self.add_base_gradient(x, &[log_q_bar], &mut x_bar);
                let dot = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f64>();
                dot(&theta_bar, theta_dot) + dot(&x_bar, x_dot)
            };
            let mut y_dot = vec![0.0; n];
            for (covector, direction) in coframe.chunks_exact(n).zip(frame.chunks_exact(n)) {
                let component = along(covector, 0.0);
                y_dot.iter_mut().zip(direction).for_each(|(y, e)| *y += component * e);
            }
            (y_dot, along(&vec![0.0; n], 1.0))
        })
    }

    /// Runs some samples and pulls cotangents back: the cotangents of the points, and whether each sample counts.
    fn pull_back_at(
        &self,
        direction: Direction,
        theta: &[f64],
        points: &[f64],
        bars: (Vec<f64>, Vec<f64>),
        into: ThetaGradient<'_>,
    ) -> (Vec<f64>, Vec<bool>) {
        Workspace::lend(|records: &mut Records| {
            self.run_saving(direction, theta, points, records);
            let (_, ok) = self.densities(points, records);
            let mut log_q_bar = bars.1.clone();
            let mut bar = self.pull_back(direction, theta, records, &ok, bars, into);
            if direction == Direction::Forward {
                log_q_bar.iter_mut().zip(&ok).filter(|(_, ok)| !**ok).for_each(|(w, _)| *w = 0.0);
                self.add_base_gradient(points, &log_q_bar, &mut bar);
            }
            (bar, ok)
        })
    }
}
