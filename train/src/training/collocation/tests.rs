use super::continuation::{SOLVED, STUCK};
use super::points::{LOW, MOST_CHECKS};
use super::*;
use crate::config::preset::by_name;
use crate::estimate::Estimates;
use crate::optimiser::{LevenbergMarquardt, Optimiser};
use crate::training::End;
use crate::training::Problem;

pub(super) fn problem() -> Problem {
    let config = by_name("torus-multi-modal").unwrap().config(&[]).unwrap();
    Problem::new(config, ".".as_ref()).unwrap()
}

fn of_size(problem: &Problem, count: usize) -> Collocation<'_> {
    let (target, beta) = problem.source().target().unwrap();
    let goal = problem.config.training.goal;
    Collocation::new(&problem.flow, target, beta, goal, count, Generator::from_seed(3)).unwrap()
}

fn collocation(problem: &Problem) -> Collocation<'_> {
    of_size(problem, 512)
}

/// Training that has reached its goal, with parameters whose smallest eigenvalue is about `lowest`.
pub(super) fn at_the_goal<'a>(problem: &'a Problem, lowest: f64) -> (Collocation<'a>, Vec<f64>) {
    let mut training = collocation(problem);
    let mut theta = problem.flow.initial(5);
    let y = training.sampler.base_points(problem.manifold(), MOST_CHECKS);
    let eigenvalues = problem.flow.inverse_with_eigenvalues(&theta, &y).1;
    let before = eigenvalues.into_iter().fold(f64::INFINITY, f64::min);
    // On the torus a factor f turns λ into 1 − f (1 − λ).
    assert!(problem.flow.rescale(&mut theta, (1.0 - lowest) / (1.0 - before)));
    training.continuation.beta = training.continuation.beta_max;
    training.ending.goal = f64::INFINITY;
    let log_weights: Vec<f64> = (0..64).map(|i| 0.1 * f64::from(i % 7)).collect();
    training.ending.quality = Estimates::new(&log_weights, 0, None).ok();
    (training, theta)
}

#[test]
fn small_fold_is_undone_before_training_ends() {
    let problem = problem();
    let (mut training, mut theta) = at_the_goal(&problem, -5e-3);
    assert_eq!(training.end(&mut theta, false), Some(End::Goal));
    let y = training.sampler.base_points(problem.manifold(), 4 * MOST_CHECKS);
    let lowest =
        problem.flow.inverse_with_eigenvalues(&theta, &y).1.into_iter().fold(f64::INFINITY, f64::min);
    assert!(lowest > 0.0 && lowest < 0.02, "{lowest}");
}

#[test]
fn large_fold_is_trained_on() {
    let problem = problem();
    let (mut training, mut theta) = at_the_goal(&problem, -0.1);
    let before = theta.clone();
    assert_eq!(training.end(&mut theta, false), None);
    assert_eq!(theta, before);
    assert!(!training.sampler.hard.is_empty());
}

#[test]
fn fold_that_training_ends_with_is_reported() {
    let problem = problem();
    let (mut training, mut theta) = at_the_goal(&problem, -0.1);
    training.ending.goal = 0.0;
    training.ending.history = [1.0, 0.1, 1.0].repeat(40);
    assert_eq!(training.end(&mut theta, false), Some(End::Stalled));
    assert!(training.ending.surveyed.is_some_and(|lowest| lowest < -0.05), "{:?}", training.ending.surveyed);
}

#[test]
fn last_step_ends_with_a_survey_too() {
    let problem = problem();
    let cases =
        [(-5e-3, f64::INFINITY, End::Goal), (-0.1, f64::INFINITY, End::Steps), (0.1, 0.0, End::Steps)];
    for (lowest, goal, end) in cases {
        let (mut training, mut theta) = at_the_goal(&problem, lowest);
        training.ending.goal = goal;
        assert_eq!(training.end(&mut theta, true), Some(end), "{lowest}");
        let seen = training.ending.surveyed.is_some_and(|lowest| lowest <= 0.0);
        assert_eq!(seen, lowest < -0.05, "a fold of {lowest}: {:?}", training.ending.surveyed);
    }
}

#[test]
fn training_stalls_once_neither_kl_nor_the_residual_falls() {
    let problem = problem();
    let mut training = collocation(&problem);
    let mut after = |records: &dyn Fn(usize) -> [f64; 3]| {
        training.ending.history = (0..30).flat_map(records).collect();
        training.ending.has_stalled()
    };
    assert!(after(&|_| [1e-3, 1e-4, 1e-2]));
    assert!(!after(&|k| [1e-3 * 0.97f64.powi(k as i32), 1e-6, 1e-2]), "KL falls");
    assert!(!after(&|k| [1e-3, 1e-4, 1e-2 * 0.97f64.powi(k as i32)]), "the residual falls");
    // The large error of one step does not count against the others.
    assert!(
        !after(&|k| [1e-3 * 0.97f64.powi(k as i32), if k == 29 { 1.0 } else { 1e-6 }, 1e-2]),
        "an outlier"
    );
    training.ending.history.truncate(3 * RECORD);
    assert!(!training.ending.has_stalled(), "too early to tell");
}

#[test]
fn estimates_leave_out_images_that_were_not_found() {
    let problem = problem();
    let training = collocation(&problem);
    let (log_q, u) = (vec![0.1; 400], vec![0.2; 400]);
    let mut found = vec![true; 300];
    found[7] = false;
    assert_eq!(
        training.ending.estimates(&log_q[100..], 0.0, &u[100..], &found).map(|e| e.samples),
        Some(299)
    );
    found[..10].fill(false);
    assert!(training.ending.estimates(&log_q[100..], 0.0, &u[100..], &found).is_none());
}

#[test]
fn solves_that_fail_are_told_and_end_training() {
    let mut config = by_name("torus-multi-modal").unwrap().config(&[]).unwrap();
    config.solver.max_steps = 1;
    let problem = Problem::new(config, ".".as_ref()).unwrap();
    let mut training = collocation(&problem);
    let mut theta = problem.flow.initial(1);
    training.refresh(&theta).unwrap();
    let stats = Objective::stats(&training);
    assert!(stats.points > 2000 && stats.unconverged == stats.points, "{stats:?}");
    let failure = LevenbergMarquardt::new().step(&mut theta, &mut training, 0).unwrap_err();
    assert!(matches!(failure, LossError::Solves { .. }), "{failure}");
}

#[test]
fn points_grow_from_one() {
    let problem = problem();
    let mut training = of_size(&problem, 1);
    training.accepted(true, &[]);
    assert_eq!(training.sampler.count, 1);
    training.accepted(false, &[]);
    assert_eq!(training.sampler.count, 2);
}

#[test]
fn hard_points_are_low_and_were_seen_before() {
    let problem = problem();
    let (mut training, theta) = at_the_goal(&problem, 0.05);
    training.continuation.beta = 0.0;
    training.refresh(&theta).unwrap();
    let hard = training.sampler.hard.clone();
    assert!(!hard.is_empty());
    assert!(problem.flow.scores(&theta, &hard, 1.0).lowest.iter().all(|&lowest| lowest < LOW));
    training.refresh(&theta).unwrap();
    let n = problem.manifold().ambient();
    assert_eq!(training.batch.y[training.sampler.count * n..], hard);
    let check: Vec<&[f64]> = training.check.y.chunks(n).collect();
    assert!(hard.chunks(n).all(|point| !check.contains(&point)), "a point of the step among its checks");
}

#[test]
fn map_without_a_fold_is_left_alone() {
    let problem = problem();
    let (mut training, mut theta) = at_the_goal(&problem, 0.1);
    let before = theta.clone();
    assert_eq!(training.end(&mut theta, false), Some(End::Goal));
    assert_eq!(theta, before);
}

#[test]
fn many_folds_raise_the_target() {
    let problem = problem();
    let mut training = collocation(&problem);
    let mut lowest = vec![0.3; 200];
    (lowest[0], lowest[1]) = (-0.1, f64::NAN);
    training.continuation.raise_target(&lowest);
    assert!(!training.continuation.target_raised);
    lowest[2] = 0.0;
    training.continuation.raise_target(&lowest);
    assert!(training.continuation.target_raised);
}

#[test]
fn beta_rises_once_the_residual_has_stopped_falling() {
    let problem = problem();
    let (mut training, theta) = (collocation(&problem), problem.flow.initial(1));
    training.refresh(&theta).unwrap();
    let beta = training.continuation.beta;
    let log_q = problem.flow.scores(&theta, &training.check.y, training.floor()).log_q;
    assert!(beta > 0.0 && training.check_rms(&log_q, &training.continuation) > SOLVED[0], "beta {beta}");
    for _ in 0..STUCK {
        training.sharpen(&log_q).unwrap();
        assert_eq!(training.continuation.beta, beta);
    }
    training.sharpen(&log_q).unwrap();
    assert!(training.continuation.beta > beta);
}

#[test]
fn gradient_is_that_of_the_mean_square() {
    let problem = problem();
    let (mut training, theta) = (collocation(&problem), problem.flow.initial(2));
    training.refresh(&theta).unwrap();
    for raised in [false, true] {
        training.continuation.target_raised = raised;
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

/// Training of a stack that grows, towards an inverse temperature.
pub(super) fn growing(problem: &Problem, beta: f64) -> Collocation<'_> {
    let (target, _) = problem.source().target().unwrap();
    let training = Collocation::new(&problem.flow, target, beta, 1e-6, 512, Generator::from_seed(3)).unwrap();
    training.growing().expect("a stack that grows")
}

#[test]
fn stack_that_ends_folded_goes_back_to_one_that_does_not() {
    let problem = problem();
    let mut training = growing(&problem, 1.0);
    let (_, sound) = at_the_goal(&problem, 0.1);
    let (_, folded) = at_the_goal(&problem, -0.2);
    training.refresh(&sound).unwrap();
    let kept = training.growth.as_ref().unwrap().clear.clone().unwrap();
    assert_eq!(kept.parameters, sound);
    // Folds at check points are not kept, and a checkpoint has what is.
    training.refresh(&folded).unwrap();
    assert_eq!(training.growth.as_ref().unwrap().clear, Some(kept.clone()));
    let restored = Growth::restored(&training.state()).unwrap();
    assert_eq!(restored, *training.growth.as_ref().unwrap());
    let mut theta = folded.clone();
    training.retreat(&mut theta);
    assert_eq!((&theta, training.continuation.beta), (&sound, kept.beta));
    // A fold that a few per cent undo is undone: the present map is nearer to the target's last β.
    let (_, mut shallow) = at_the_goal(&problem, -0.01);
    let before = shallow.clone();
    training.growth.as_mut().unwrap().clear = None;
    training.retreat(&mut shallow);
    let y = training.sampler.base_points(problem.manifold(), MOST_CHECKS);
    let lowest =
        problem.flow.inverse_with_eigenvalues(&shallow, &y).1.into_iter().fold(f64::INFINITY, f64::min);
    assert!(shallow != before && lowest > 0.0, "{lowest}");
    // Where nothing is clear, nothing changes.
    let mut theta = folded.clone();
    training.retreat(&mut theta);
    assert_eq!(theta, folded);
}

#[test]
fn guard_falls_as_far_as_the_residuals_allow_once_beta_is_at_its_end() {
    let mut target = Continuation::new(2.0, false).guarded();
    target.sharpen(|to| 0.1 * to.beta).unwrap();
    assert_eq!((target.beta, target.guard), (2.0, Some(GUARDS[0])));
    // The residual grows as the guard falls: 0.2 nats at 10⁻³.
    let rms = |to: &Continuation| 0.2 * (1e-3 / to.guard.unwrap()).powf(0.5);
    target.sharpen(rms).unwrap();
    let guard = target.guard.unwrap();
    assert!((1e-3..1.02e-3).contains(&guard) && !target.is_complete(), "{guard}");
    // A residual that is too large and does not fall any more makes it fall by a little.
    for _ in 0..STUCK {
        target.sharpen(|_| 0.5).unwrap();
        assert_eq!(target.guard, Some(guard));
    }
    target.sharpen(|_| 0.5).unwrap();
    assert!(target.guard.unwrap() < 0.96 * guard);
    target.sharpen(|_| 0.05).unwrap();
    assert!(target.is_complete());
}

#[test]
fn depth_follows_from_the_range_of_the_density() {
    let problem = problem();
    let layers = |beta| {
        let mut training = growing(&problem, beta);
        training.refresh(&problem.flow.initial(1)).unwrap();
        training.layers_for_range()
    };
    // log p_max/p_low is about 3, 12 and 14 nats, and a layer has four; sharp targets are emptier than the guard.
    assert_eq!([1.0, 10.0, 50.0].map(layers), [(1, false), (3, true), (4, true)]);
}

#[test]
fn squares_count_by_the_mass_at_stake() {
    let problem = problem();
    let mut training = growing(&problem, 1.0);
    (training.continuation.beta, training.log_z) = (1.0, 0.0);
    // Densities of model and target in units of the uniform one: both one, an empty region, a mode that the model
    // misses, a mode that it has, and a point without a density.
    let pairs = [(1.0, 1.0), (0.0, 0.0), (0.0, 30.0), (30.0, 30.0), (f64::NAN, 1.0)];
    let log = |x: f64| x.ln() - training.log_volume;
    let (log_q, u): (Vec<f64>, Vec<f64>) = pairs.iter().map(|&(q, p)| (log(q), -log(p).max(-1e3))).unzip();
    let squares: Vec<f64> = training.factors(&log_q, &u).iter().map(|f| f * f).collect();
    let expected = [0.6, 0.2, 1.0, 30.2 / 31.0, 1.0];
    assert!(squares.iter().zip(expected).all(|(a, b)| (a - b).abs() < 1e-12), "{squares:?}");
}

/// Training with a floor under eigenvalues, after its first points are chosen at parameters with lower ones.
fn below_its_floor(problem: &Problem) -> (Collocation<'_>, Vec<f64>) {
    let (training, theta) = at_the_goal(problem, 0.1);
    let mut training = training.keeping(Some(0.3));
    training.refresh(&theta).unwrap();
    (training, theta)
}

#[test]
fn excess_is_that_of_the_lowest_eigenvalue() {
    let problem = problem();
    let (training, theta) = below_its_floor(&problem);
    let y = training.penalty.as_ref().map(|penalty| penalty.y.clone()).unwrap();
    let (pulled, lowest) = problem.flow.inverse_with_eigenvalues(&theta, &y);
    let (excess, floor) = (training.excess(&theta), 1.02 * 0.3);
    let mut compared = 0;
    for (i, (&lowest, &value)) in lowest.iter().zip(&excess.value).enumerate() {
        // The base has the density (2π)⁻², so the other eigenvalue follows from log q.
        let other = (pulled.log_q[i] + 2.0 * std::f64::consts::TAU.ln()).exp() / lowest;
        if other > floor && lowest > 0.03 {
            let p = (lowest / floor - 1.0 - (lowest / floor).ln()) * f64::from(lowest < floor);
            assert!((value - 10.0 * (2.0 * p).sqrt()).abs() < 1e-5, "{lowest}: {value}");
            compared += usize::from(lowest < floor);
        }
    }
    assert!(compared > 10, "{compared} points below the floor");
}

#[test]
fn rows_of_the_penalty_match_central_differences() {
    let problem = problem();
    let (training, theta) = below_its_floor(&problem);
    let at = training.at(&theta).unwrap();
    let (n, fitted) = (training.samples(), training.batch.u.len());
    // A block with rows of both kinds.
    let rows = fitted - 20..n.min(fitted + 40);
    let mut columns = vec![0.0; rows.len() * theta.len()];
    training.columns(&theta, &at, rows.clone(), &mut columns);
    let h = 1e-6;
    for k in (0..theta.len()).step_by(97) {
        let moved = |h: f64| {
            let mut theta = theta.clone();
            theta[k] += h;
            // log Z follows the parameters, and its derivative is left to the nuisance.
            (training.excess(&theta).value, training.scores(&theta, &training.batch.y).log_q)
        };
        let ((up, log_up), (down, log_down)) = (moved(h), moved(-h));
        for (j, i) in rows.clone().enumerate() {
            let found = columns[k * rows.len() + j];
            let expected = if i < fitted {
                at.slope[i] * (log_up[i] - log_down[i]) / (2.0 * h)
            } else {
                (up[i - fitted] - down[i - fitted]) / (2.0 * h)
            };
            assert!(
                (found - expected).abs() < 1e-5 * (1.0 + expected.abs()),
                "{i}, {k}: {found}, {expected}"
            );
        }
    }
}

#[test]
fn training_keeps_eigenvalues_above_a_floor() {
    let mut config = by_name("torus-multi-modal").unwrap().config(&[]).unwrap();
    config.training.min_eigenvalue = Some(0.5);
    let problem = Problem::new(config, ".".as_ref()).unwrap();
    let mut training = collocation(&problem).keeping(Some(0.5));
    let (mut theta, mut optimiser) = (problem.flow.initial(1), LevenbergMarquardt::new());
    let end = (0..60).find_map(|step| {
        optimiser.step(&mut theta, &mut training, step).unwrap();
        training.assess(&mut theta, false).end
    });
    let y = training.sampler.base_points(problem.manifold(), MOST_CHECKS);
    let lowest =
        problem.flow.inverse_with_eigenvalues(&theta, &y).1.into_iter().fold(f64::INFINITY, f64::min);
    // Without the penalty it is 0.45, at a KL of 3e-7. One layer cannot have both.
    let kl = training.ending.quality.map_or(f64::NAN, |quality| quality.kl.value);
    assert!(end.is_some() && lowest >= 0.5 && kl < 3e-4, "{end:?}, {lowest}, {kl}");
}

#[test]
fn layer_in_front_goes_on_at_the_density_reached() {
    let problem = problem();
    let mut training = growing(&problem, 1.0);
    let (mut theta, mut optimiser) = (problem.flow.initial(1), LevenbergMarquardt::new());
    for step in 0..6 {
        optimiser.step(&mut theta, &mut training, step).unwrap();
    }
    training.refresh(&theta).unwrap();
    let (beta, before) = (training.continuation.beta, training.check(&theta).unwrap().mean_square.sqrt());
    let shallow = theta.clone();
    training.deepen(&mut theta, true);
    let after = training.check(&theta).unwrap().mean_square.sqrt();
    assert_eq!((training.flow.layers(), theta.len()), (2, 2 * shallow.len()));
    assert!(theta.ends_with(&shallow) && training.continuation.beta == beta && beta > 0.0);
    assert!(before > 0.01 && (after - before).abs() < 0.1, "{before} {after}");
    // What was kept is what training goes back to.
    training.take_back(&mut theta);
    assert_eq!((training.flow.layers(), theta), (1, shallow));
}

#[test]
fn some_base_points_of_sharp_modes_give_way_to_points_between_base_and_images() {
    let problem = problem();
    let manifold = problem.manifold();
    let mut sampler = Sampler::new(1000, Generator::from_seed(4));
    let (x, image) = ([0.5, 6.0], [1.5, 1.0]);
    let length = manifold.distance(&x, &image);
    let shares: Vec<f64> = (0..4000)
        .map(|_| {
            let point = sampler.between(manifold, &x, &image, true);
            let parts = [&x, &image].map(|end| manifold.distance(end, &point) / length);
            assert!((parts[0] + parts[1] - 1.0).abs() < 1e-12, "on the geodesic: {parts:?}");
            parts[1]
        })
        .collect();
    // The square of a uniform number has the mean 1/3 and the variance 4/45.
    let mean = shares.iter().sum::<f64>() / 4000.0;
    assert!((mean - 1.0 / 3.0).abs() < 4.0 * (4.0 / 45.0 / 4000.0_f64).sqrt(), "{mean}");
    assert_eq!(sampler.between(manifold, &x, &image, false), x);
    // Such points are as many as the base points that they replace, and images stay the last.
    let theta = problem.flow.initial(1);
    let sizes = [false, true].map(|has_intermediate| {
        sampler.has_intermediate = has_intermediate;
        let SampledPoints { y, found, .. } = sampler.step_points(&problem.flow, &theta);
        (y.len(), found.len())
    });
    assert_eq!(sizes, [(2000, 500); 2]);
}
