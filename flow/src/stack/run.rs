//! Batches through all layers, and the densities that come of them.

use super::{Flow, Records};
use crate::error::SampleError;
use crate::lanes::Workspace;
use crate::map::{Direction, Record};

impl Flow {
    /// Number of samples in `points`.
    ///
    /// # Panics
    /// If `theta` or `points` has the wrong length.
    pub(super) fn samples(&self, theta: &[f64], points: &[f64]) -> usize {
        assert_eq!(theta.len(), self.parameters(), "parameters of a flow");
        let n = self.manifold.ambient();
        assert!(points.len().is_multiple_of(n), "points of {} have {n} coordinates", self.manifold);
        points.len() / n
    }

    /// Runs all layers, in the order of `direction`.
    pub(super) fn run(&self, direction: Direction, theta: &[f64], points: &[f64]) -> Records {
        let mut records: Records = self.maps.iter().map(|_| Record::default()).collect();
        self.run_into(direction, theta, points, &mut records);
        records
    }

    /// As [`Flow::run`], into the memory of `records`, which can then be pulled back through.
    pub(super) fn run_saving(
        &self,
        direction: Direction,
        theta: &[f64],
        points: &[f64],
        records: &mut Records,
    ) {
        records.resize_with(self.layers(), Record::for_gradients);
        self.run_into(direction, theta, points, records);
    }

    fn run_into(&self, direction: Direction, theta: &[f64], points: &[f64], records: &mut Records) {
        self.samples(theta, points);
        Workspace::with(|work| match direction {
            Direction::Forward => {
                for l in 0..self.layers() {
                    let (before, rest) = records.split_at_mut(l);
                    let points = before.last().map_or(points, |t| &t.y);
                    self.maps[l].run(direction, &theta[self.slot(l)], points, &mut rest[0], work);
                    self.check_record(l, points, &rest[0]);
                }
            }
            Direction::Inverse => {
                for l in (0..self.layers()).rev() {
                    let (rest, after) = records.split_at_mut(l + 1);
                    let points = after.first().map_or(points, |t| &t.x);
                    self.maps[l].run(direction, &theta[self.slot(l)], points, &mut rest[l], work);
                    self.check_record(l, points, &rest[l]);
                }
            }
        });
    }

    /// Refuses a record that a layer of another crate did not fill.
    fn check_record(&self, layer: usize, points: &[f64], record: &Record) {
        assert_eq!(
            record.samples() * self.manifold.ambient(),
            points.len(),
            "samples in the record of layer {layer}"
        );
    }

    /// `log q` at the images, and whether it is a density: whether the points that the run started from lie on the
    /// manifold, and all layers are ok. Elsewhere `log q` is NaN.
    pub(super) fn densities(&self, points: &[f64], records: &Records) -> (Vec<f64>, Vec<bool>) {
        let n = self.manifold.ambient();
        let samples = records[0].samples();
        let ok: Vec<bool> = (0..samples)
            .map(|s| {
                let of = s * n..(s + 1) * n;
                let solved = records.iter().all(|record| {
                    let numbers = record.x[of.clone()].iter().chain(&record.y[of.clone()]);
                    record.ok[s] && record.log_det[s].is_finite() && numbers.copied().all(f64::is_finite)
                });
                solved && self.manifold.check_point(&points[s * n..(s + 1) * n]).is_ok()
            })
            .collect();
        let density = |s: usize| {
            if !ok[s] {
                return f64::NAN;
            }
            let base: f64 = self.manifold.log_base(&records[0].x[s * n..(s + 1) * n]);
            records.iter().fold(base, |log_q, record| log_q - record.log_det[s])
        };
        ((0..samples).map(density).collect(), ok)
    }

    /// Why the first sample that is not `ok` failed.
    pub(super) fn check(
        &self,
        direction: Direction,
        theta: &[f64],
        points: &[f64],
        ok: &[bool],
    ) -> Result<(), SampleError> {
        let Some(sample) = ok.iter().position(|ok| !ok) else { return Ok(()) };
        if let Some(index) = theta.iter().position(|w| !w.is_finite()) {
            return Err(SampleError::Parameter { index, value: theta[index] });
        }
        let n = self.manifold.ambient();
        let point = &points[sample * n..(sample + 1) * n];
        self.manifold.check_point(point).map_err(|source| SampleError::Point { sample, source })?;
        let records = self.run(direction, theta, point);
        let unconverged = records.iter().find(|record| !record.converged[0]);
        Err(unconverged.map_or(SampleError::NotConvex { sample }, |record| SampleError::MaxSteps {
            sample,
            steps: record.steps[0] as usize,
            residual: record.residual[0],
        }))
    }
}
