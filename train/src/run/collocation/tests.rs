use rand::SeedableRng;

use super::*;
use crate::preset::by_name;

fn problem() -> Problem {
    let config = by_name("torus-multi-modal").unwrap().config(&[]).unwrap();
    Problem::new(config, ".".as_ref()).unwrap()
}

fn collocation(problem: &Problem) -> Collocation<'_> {
    Collocation::new(problem, 512, Pcg64::seed_from_u64(3)).unwrap()
}

/// Training that has reached its goal, with parameters whose smallest eigenvalue is about `lowest`.
fn at_the_goal<'a>(problem: &'a Problem, lowest: f64) -> (Collocation<'a>, Vec<f64>) {
    let mut training = collocation(problem);
    let mut theta = problem.flow.initial(5);
    let y = training.base_points(MOST_CHECKS);
    let eigenvalues = problem.flow.inverse(&theta, &y).min_eigenvalue;
    let before = eigenvalues.into_iter().fold(f64::INFINITY, f64::min);
    // On the torus a factor f turns λ into 1 − f (1 − λ).
    assert!(problem.flow.rescale(&mut theta, (1.0 - lowest) / (1.0 - before)));
    (training.beta, training.goal) = (training.beta_max, f64::INFINITY);
    let log_weights: Vec<f64> = (0..64).map(|i| 0.1 * f64::from(i % 7)).collect();
    training.quality = Estimates::new(&log_weights, 0, None).ok();
    (training, theta)
}

#[test]
fn small_fold_is_undone_before_training_ends() {
    let problem = problem();
    let (mut training, mut theta) = at_the_goal(&problem, -5e-3);
    assert!(training.is_done(&mut theta));
    let y = training.base_points(4 * MOST_CHECKS);
    let lowest = problem.flow.inverse(&theta, &y).min_eigenvalue.into_iter().fold(f64::INFINITY, f64::min);
    assert!(lowest > 0.0 && lowest < 0.02, "{lowest}");
}

#[test]
fn large_fold_is_trained_on() {
    let problem = problem();
    let (mut training, mut theta) = at_the_goal(&problem, -0.1);
    let before = theta.clone();
    assert!(!training.is_done(&mut theta));
    assert_eq!(theta, before);
    assert!(!training.hard.is_empty());
}

#[test]
fn map_without_a_fold_is_left_alone() {
    let problem = problem();
    let (mut training, mut theta) = at_the_goal(&problem, 0.1);
    let before = theta.clone();
    assert!(training.is_done(&mut theta));
    assert_eq!(theta, before);
}

#[test]
fn many_folds_make_the_target_defended() {
    let problem = problem();
    let mut training = collocation(&problem);
    let mut lowest = vec![0.3; 200];
    (lowest[0], lowest[1]) = (-0.1, f64::NAN);
    training.defend(&lowest);
    assert!(!training.defended);
    lowest[2] = 0.0;
    training.defend(&lowest);
    assert!(training.defended);
}

#[test]
fn beta_rises_once_the_residual_has_stopped_falling() {
    let problem = problem();
    let (mut training, theta) = (collocation(&problem), problem.flow.initial(1));
    training.refresh(&theta).unwrap();
    let beta = training.beta;
    let log_q = problem.flow.scores(&theta, &training.check.y, training.floor()).log_q;
    assert!(beta > 0.0 && training.check_rms(&log_q, beta) > SOLVED[0], "beta {beta}");
    for _ in 0..STUCK {
        training.sharpen(&log_q);
        assert_eq!(training.beta, beta);
    }
    training.sharpen(&log_q);
    assert!(training.beta > beta);
}

#[test]
fn gradient_is_that_of_the_mean_square() {
    let problem = problem();
    let (mut training, theta) = (collocation(&problem), problem.flow.initial(2));
    training.refresh(&theta).unwrap();
    for defended in [false, true] {
        training.defended = defended;
        let gradient = training.gradient(&theta).unwrap();
        let moved = |k: usize, h: f64| {
            let mut theta = theta.clone();
            theta[k] += h;
            training.at(&theta).unwrap().mean_square
        };
        let h = 1e-5;
        for k in (0..theta.len()).step_by(97) {
            let difference = (moved(k, h) - moved(k, -h)) / (2.0 * h);
            assert!((gradient.grad[k] - difference).abs() < 1e-8, "{k}: {} {difference}", gradient.grad[k]);
        }
    }
}
