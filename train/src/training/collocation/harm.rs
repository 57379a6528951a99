//! Check points that a step would harm.
//!
//! Between sharp modes eigenvalues of `H` are next to zero in some layer, and a step that is right at its own points may
//! take the density at a few others to nothing: for four modes of `κ = 1000` on the sphere 16 of 16,384 check points, at
//! which `log q` fell by 10 to 30 nats, had such steps rejected until they were too short to help. So a step is solved
//! for again with the rows of those points, and they are among the hard points of the steps that follow.

use ircpm_flow::Jacobian;
use nalgebra::DVector;

use super::Collocation;
use crate::optimiser::Harmed;

/// Mean squares by which a step raises the square of a point that it harms.
const HARM: f64 = 10.0;
/// Most points whose rows are added at once.
const MOST_HARMED: usize = 256;

impl Collocation<'_> {
    /// The check points, none of the `known` ones, that the step from `start` to `trial` harms most. The penalty on low
    /// eigenvalues does not count.
    pub(super) fn harmed_by(&self, start: &[f64], trial: &[f64], known: &[usize]) -> Option<Harmed> {
        let (before, _) = self.residuals_of(start, &self.check)?;
        let (after, _) = self.residuals_of(trial, &self.check)?;
        let rise = |i: usize| after.value[i].powi(2) - before.value[i].powi(2);
        // A point without a density has no gradient.
        let has_row = |i: usize| before.slope[i] > 0.0 && !known.contains(&i);
        let is_harmed = |i: &usize| rise(*i) > HARM * before.mean_square && has_row(*i);
        let mut points: Vec<usize> = (0..before.value.len()).filter(is_harmed).collect();
        if points.is_empty() {
            return None;
        }
        points.sort_by(|&i, &j| rise(j).total_cmp(&rise(i)));
        points.truncate(MOST_HARMED);
        let pick =
            |from: &DVector<f64>| DVector::from_iterator(points.len(), points.iter().map(|&i| from[i]));
        let (value, slope) = (pick(&before.value), pick(&before.slope));
        let mut jacobian = Jacobian::default();
        self.flow.jacobian(start, &self.checked(&points), slope.as_slice(), self.floor(), &mut jacobian);
        Some(Harmed { points, value, jacobian })
    }

    /// Check points by their numbers, `[point][coordinate]`.
    pub(super) fn checked(&self, numbers: &[usize]) -> Vec<f64> {
        let n = self.flow.manifold().ambient();
        numbers.iter().flat_map(|&i| self.check.y[i * n..(i + 1) * n].iter().copied()).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{at_the_goal, growing, problem};
    use super::*;
    use crate::optimiser::{LeastSquares, Objective};
    use crate::training::TrainingObjective;

    #[test]
    fn harmed_points_are_those_whose_squares_rise_most() {
        let problem = problem();
        let mut training = growing(&problem, 1.0);
        let [(_, start), (_, trial)] = [0.5, -0.5].map(|lowest| at_the_goal(&problem, lowest));
        training.refresh(&start).unwrap();
        let Harmed { points, value, jacobian } = training.harmed(&start, &trial, &[]).unwrap();
        let [before, after] =
            [&start, &trial].map(|theta| training.residuals_of(theta, &training.check).unwrap().0);
        let rises: Vec<f64> =
            (0..before.value.len()).map(|i| after.value[i].powi(2) - before.value[i].powi(2)).collect();
        let of_points: Vec<f64> = points.iter().map(|&i| rises[i]).collect();
        assert!(
            of_points.is_sorted_by(|a, b| a >= b) && of_points.iter().all(|r| *r > 10.0 * before.mean_square)
        );
        let larger = rises.iter().filter(|r| *r > of_points.last().unwrap()).count();
        let all = rises.iter().filter(|r| **r > 10.0 * before.mean_square).count();
        assert!(
            larger < points.len() && points.len() == MOST_HARMED.min(all),
            "{larger} of {}",
            points.len()
        );
        assert!(points.iter().zip(&value).all(|(&i, v)| before.value[i] == *v));
        // What is known is not found again.
        let others = training.harmed(&start, &trial, &points[..1]).unwrap().points;
        assert!(others.starts_with(&points[1..]) && !others.contains(&points[0]));
        // Rows are gradients of the residuals with log Z fixed.
        let (y, h) = (training.checked(&points), 1e-6);
        let rows: Vec<f64> = jacobian.into_columns();
        for k in (0..start.len()).step_by(97) {
            let [up, down] = [h, -h].map(|h| {
                let mut theta = start.clone();
                theta[k] += h;
                training.scores(&theta, &y).log_q
            });
            for (j, &i) in points.iter().enumerate().step_by(20) {
                let expected = before.slope[i] * (up[j] - down[j]) / (2.0 * h);
                let found = rows[k * points.len() + j];
                assert!(
                    (found - expected).abs() < 1e-5 * (1.0 + expected.abs()),
                    "{i}, {k}: {found}, {expected}"
                );
            }
        }
    }

    #[test]
    fn harmed_points_are_hard_points_until_there_are_too_many() {
        let problem = problem();
        let (mut training, theta) = (growing(&problem, 1.0), problem.flow.initial(5));
        training.refresh(&theta).unwrap();
        training.accepted(true, &[7, 3]);
        assert_eq!(training.sampler.harmed, training.checked(&[7, 3]));
        training.accepted(true, &[5]);
        let kept = training.checked(&[5, 7, 3]);
        assert!(training.sampler.harmed == kept && training.sampler.hard_points().starts_with(&kept));
        training.refresh(&theta).unwrap();
        let at = training.sampler.count * problem.manifold().ambient();
        assert_eq!(training.batch.y[at..at + kept.len()], kept);
        let (most, many) = (training.sampler.count / 8, Vec::from_iter(0..200));
        training.accepted(true, &many);
        assert_eq!(training.sampler.harmed, training.checked(&many[..most]));
        let state = training.state();
        let mut restored = growing(&problem, 1.0);
        let generator = training.generator().clone();
        restored.restore(&theta, &state, generator).unwrap();
        assert_eq!(restored.sampler.harmed, training.sampler.harmed);
    }
}
