use super::*;

/// `½ Σ kᵢ (θᵢ − mᵢ)²`, as a loss and as residuals with a nuisance parameter that shifts them all.
struct Quadratic {
    minimum: [f64; 3],
}

/// Residuals of a curved valley: Rosenbrock's function and one coordinate more, at points of a line.
struct Valley {
    samples: usize,
}

impl Quadratic {
    fn settings() -> Settings {
        let learning_rate = LearningRate { peak: 0.1, schedule: Schedule::Cosine, warmup: 0, steps: 2000 };
        Settings { parameters: 3, learning_rate, clip: f64::INFINITY }
    }
}

impl Objective for Quadratic {
    fn refresh(&mut self, _: &[f64]) -> Result<(), LossError> {
        Ok(())
    }

    fn gradient(&mut self, theta: &[f64]) -> Result<Gradient, LossError> {
        let grad: Vec<f64> = (0..3).map(|i| (i + 1) as f64 * (theta[i] - self.minimum[i])).collect();
        let loss = (0..3).map(|i| 0.5 * grad[i] * (theta[i] - self.minimum[i])).sum();
        let stats = SolveStats { points: 1, ..SolveStats::default() };
        Ok(Gradient { loss, grad, log_weights: vec![], stats })
    }
}

impl Valley {
    /// `a + b t + 10 (c − a²) t²` at `t` in (−1, 1): zero for `a = b = c = 0`, but for a constant that is the nuisance.
    fn model(&self, theta: &[f64], i: usize) -> f64 {
        let t = 2.0 * (i as f64 + 0.5) / self.samples as f64 - 1.0;
        theta[0].sin() * t.powi(3) + theta[1] * t + 10.0 * (theta[2] - theta[0] * theta[0]) * t * t
    }
}

impl Objective for Valley {
    fn refresh(&mut self, _: &[f64]) -> Result<(), LossError> {
        Ok(())
    }

    fn gradient(&mut self, _: &[f64]) -> Result<Gradient, LossError> {
        Err(LossError::Solves { failed: self.samples, points: self.samples })
    }

    fn least_squares(&self) -> Option<&dyn LeastSquares> {
        Some(self)
    }
}

impl LeastSquares for Valley {
    fn samples(&self) -> usize {
        self.samples
    }

    fn at(&self, theta: &[f64]) -> Option<Squares> {
        let model: Vec<f64> = (0..self.samples).map(|i| self.model(theta, i)).collect();
        let mean = model.iter().sum::<f64>() / self.samples as f64;
        let value = DVector::from_vec(model).add_scalar(-mean);
        let mean_square = value.norm_squared() / self.samples as f64;
        let ones = DVector::from_element(self.samples, 1.0);
        mean_square.is_finite().then_some(Squares { value, slope: ones.clone(), nuisance: ones, mean_square })
    }

    fn check(&self, theta: &[f64]) -> Option<Check> {
        let mean_square = Valley { samples: 2 * self.samples }.at(theta)?.mean_square;
        Some(Check { mean_square, outside: 0 })
    }

    fn jacobian(&self, theta: &[f64], at: &Squares, jacobian: &mut Jacobian) {
        *jacobian =
            Jacobian::from_columns(self.samples, 3, |range, columns| self.columns(theta, at, range, columns));
    }

    fn columns(&self, theta: &[f64], _: &Squares, samples: Range<usize>, columns: &mut [f64]) {
        let (len, h) = (samples.len(), 1e-6);
        for k in 0..3 {
            for (column, i) in samples.clone().enumerate() {
                let at = |shift: f64| {
                    let mut theta = theta.to_vec();
                    theta[k] += shift;
                    self.model(&theta, i)
                };
                columns[k * len + column] = (at(h) - at(-h)) / (2.0 * h);
            }
        }
    }
}

fn first_order() -> impl Iterator<Item = &'static str> {
    names().into_iter().filter(|name| ![LevenbergMarquardt::NAME, Staged::NAME].contains(name))
}

#[test]
fn every_first_order_optimiser_finds_the_minimum_of_a_quadratic() {
    for name in first_order() {
        let mut optimiser = by_name(name, Quadratic::settings()).expect("a name from the table");
        assert_eq!(optimiser.name(), name);
        let mut objective = Quadratic { minimum: [1.0, -2.0, 0.5] };
        let mut theta = vec![0.0; 3];
        for step in 0..2000 {
            optimiser.step(&mut theta, &mut objective, step).expect("a finite gradient");
        }
        for i in 0..3 {
            assert!((theta[i] - objective.minimum[i]).abs() < 1e-6, "{name}: {theta:?}");
        }
    }
}

#[test]
fn lbfgs_takes_few_steps_on_a_quadratic() {
    let mut optimiser = Lbfgs::new(3, 0.1);
    let mut objective = Quadratic { minimum: [1.0, -2.0, 0.5] };
    let mut theta = vec![0.0; 3];
    for step in 0..15 {
        optimiser.step(&mut theta, &mut objective, step).expect("a finite gradient");
    }
    for i in 0..3 {
        assert!((theta[i] - objective.minimum[i]).abs() < 1e-8, "{theta:?}");
    }
}

#[test]
fn levenberg_marquardt_follows_a_curved_valley_to_its_end() {
    for samples in [6, 40, 700] {
        let (mut optimiser, mut valley) = (LevenbergMarquardt::new(), Valley { samples });
        let mut theta = vec![1.2, -0.7, -1.0];
        let start = valley.at(&theta).expect("finite").mean_square;
        for step in 0..60 {
            optimiser.step(&mut theta, &mut valley, step).expect("finite residuals");
        }
        let end = valley.at(&theta).expect("finite").mean_square;
        assert!(end < 1e-16 * start, "{samples} samples: from {start:e} to {end:e}");
    }
}

#[test]
fn levenberg_marquardt_never_accepts_a_larger_residual() {
    let (mut optimiser, mut valley) = (LevenbergMarquardt::new(), Valley { samples: 30 });
    let mut theta = vec![2.0, 3.0, -4.0];
    let mut before = valley.check(&theta).expect("finite").mean_square;
    for step in 0..40 {
        optimiser.step(&mut theta, &mut valley, step).expect("finite residuals");
        let after = valley.check(&theta).expect("finite").mean_square;
        assert!(after <= before, "step {step}: from {before:e} to {after:e}");
        before = after;
    }
}

#[test]
fn least_squares_refuse_a_loss_without_residuals() {
    let mut objective = Quadratic { minimum: [0.0; 3] };
    let failure = LevenbergMarquardt::new().step(&mut [1.0; 3], &mut objective, 0);
    assert_eq!(failure.map(|t| t.loss), Err(LossError::NoResiduals));
}

#[test]
fn every_optimiser_goes_on_with_the_same_bits_after_a_checkpoint() {
    for name in names() {
        let mut first = by_name(name, Quadratic::settings()).expect("a name from the table");
        let mut second = by_name(name, Quadratic::settings()).expect("a name from the table");
        let mut objective: Box<dyn Objective> = if name == LevenbergMarquardt::NAME {
            Box::new(Valley { samples: 20 })
        } else {
            Box::new(Quadratic { minimum: [1.0, -2.0, 0.5] })
        };
        let mut theta = vec![0.9, -0.4, 0.3];
        for step in 0..3 {
            first.step(&mut theta, &mut *objective, step).expect("a step");
        }
        second.restore(&first.state()).expect("its own state");
        let mut copy = theta.clone();
        for step in 3..6 {
            first.step(&mut theta, &mut *objective, step).expect("a step");
            second.step(&mut copy, &mut *objective, step).expect("a step");
        }
        assert_eq!(theta, copy, "{name}");
    }
}

#[test]
fn unknown_optimiser_is_none() {
    assert!(by_name("adamant", Quadratic::settings()).is_none());
}

/// `(θ₀ + θ₁ − 2) t` at four `t`, with check points that also see `50 θ₀`, which a step may learn of.
#[derive(Default)]
struct Blind {
    looks: bool,
    harmed: Vec<usize>,
}

impl Objective for Blind {
    fn refresh(&mut self, _: &[f64]) -> Result<(), LossError> {
        Ok(())
    }

    fn gradient(&mut self, _: &[f64]) -> Result<Gradient, LossError> {
        Err(LossError::Solves { failed: 4, points: 4 })
    }

    fn least_squares(&self) -> Option<&dyn LeastSquares> {
        Some(self)
    }

    fn accepted(&mut self, _: bool, harmed: &[usize]) {
        self.harmed = harmed.to_vec();
    }
}

impl LeastSquares for Blind {
    fn samples(&self) -> usize {
        4
    }

    fn at(&self, theta: &[f64]) -> Option<Squares> {
        let value = DVector::from_fn(4, |i, _| (theta[0] + theta[1] - 2.0) * (i as f64 - 1.5));
        let (mean_square, ones) = (value.norm_squared() / 4.0, DVector::from_element(4, 1.0));
        Some(Squares { value, slope: ones.clone(), nuisance: ones, mean_square })
    }

    fn check(&self, theta: &[f64]) -> Option<Check> {
        let mean_square = 0.5 * ((theta[0] + theta[1] - 2.0).powi(2) + (50.0 * theta[0]).powi(2));
        Some(Check { mean_square, outside: 0 })
    }

    fn jacobian(&self, theta: &[f64], at: &Squares, jacobian: &mut Jacobian) {
        *jacobian = Jacobian::from_columns(4, 2, |range, columns| self.columns(theta, at, range, columns));
    }

    fn columns(&self, _: &[f64], _: &Squares, samples: Range<usize>, columns: &mut [f64]) {
        let len = samples.len();
        for (column, i) in samples.enumerate() {
            (columns[column], columns[len + column]) = (i as f64 - 1.5, i as f64 - 1.5);
        }
    }

    fn looks_for_harm(&self) -> bool {
        self.looks
    }

    fn harmed(&self, start: &[f64], trial: &[f64], known: &[usize]) -> Option<Harmed> {
        let is_harmed = self.looks && trial[0].abs() > start[0].abs() && known.is_empty();
        let jacobian = Jacobian::new(1, 2, vec![50.0, 0.0]);
        let value = DVector::from_element(1, 50.0 * start[0]);
        is_harmed.then(|| Harmed { points: vec![1], value, jacobian })
    }
}

#[test]
fn step_that_would_harm_check_points_is_taken_beside_them() {
    let step = |looks| {
        let (mut optimiser, mut objective) = (LevenbergMarquardt::new(), Blind { looks, ..Blind::default() });
        let mut theta = vec![0.0; 2];
        optimiser.step(&mut theta, &mut objective, 0).expect("residuals");
        (theta, objective.harmed)
    };
    // Both parameters move alike at the points of the step, so that its length alone protects the check point.
    let (blind, none) = step(false);
    assert!(none.is_empty() && blind[0] == blind[1] && blind[1] > 0.0 && blind[1] < 0.01, "{blind:?}");
    let (seeing, harmed) = step(true);
    assert!(harmed == [1] && seeing[0].abs() < 1e-2 && seeing[1] > 0.3, "{seeing:?}");
}
