use super::*;
use ircpm_flow::Jacobian;
use std::ops::Range;

use crate::ranks::Ranks;

/// Entries of a Jacobian by a formula.
struct Formula {
    parameters: usize,
}

impl Formula {
    fn entry(&self, sample: usize, parameter: usize) -> f64 {
        ((sample * 31 + parameter * 17) % 101) as f64 / 50.0 - 1.0
            + (0.37 * (sample + 3 * parameter) as f64).sin()
    }
}

impl ColumnSource for Formula {
    fn columns(&self, samples: Range<usize>, columns: &mut [f64]) {
        let len = samples.len();
        for k in 0..self.parameters {
            for (i, s) in samples.clone().enumerate() {
                columns[k * len + i] = self.entry(s, k);
            }
        }
    }
}

fn stored(samples: usize, formula: &Formula) -> Jacobian {
    Jacobian::from_columns(samples, formula.parameters, |range, columns| formula.columns(range, columns))
}

fn close(a: &DVector<f64>, b: &DVector<f64>, tolerance: f64) -> bool {
    (a - b).amax() <= tolerance * b.norm()
}

/// `f` of `0, 1, …`.
fn vector(n: usize, f: impl Fn(f64) -> f64) -> DVector<f64> {
    DVector::from_fn(n, |i, _| f(i as f64))
}

#[test]
fn normal_equations_kernel_form_and_their_definition_agree() {
    for (samples, parameters) in
        [(300, 40), (40, 300), (600, 130), (130, 600), (257, 257), (1, 5), (2100, 20)]
    {
        let formula = Formula { parameters };
        let jacobian = stored(samples, &formula);
        let (r, s) = (vector(samples, f64::cos), vector(samples, |i| 1.0 + 0.1 * i.sin()));
        let mu = 0.05;
        let step = |form| System::new(form, JacobianRows::stored(&jacobian), &s).damped(mu).unwrap().step(&r);
        let (normal, kernel) = (step(Form::Normal), step(Form::Kernel));
        assert!(close(&normal, &kernel, 1e-9) || samples == 1, "{samples} × {parameters}");
        // (JᵀΠJ + nμD) δ = −JᵀΠ r, by the naive products.
        let square = |k| (0..samples).map(|i| formula.entry(i, k).powi(2)).sum::<f64>();
        let mean = (0..parameters).map(square).sum::<f64>() / parameters as f64;
        let d = |k| (square(k) / mean + 1e-4).sqrt();
        let project = |v: DVector<f64>| &v - &s * (v.dot(&s) / s.norm_squared());
        let row = |i| (0..parameters).map(|k| formula.entry(i, k) * normal[k]).sum();
        let image = DVector::from_fn(samples, |i, _| row(i));
        let (image, r) = (project(image), project(r));
        for k in 0..parameters {
            let sum: f64 = (0..samples).map(|i| formula.entry(i, k) * (image[i] + r[i])).sum();
            let left = sum + mu * samples as f64 * d(k) * normal[k];
            assert!(left.abs() < 1e-9 * samples as f64, "{samples} × {parameters}, {k}: {left}");
        }
    }
}

#[test]
fn matrix_free_step_is_that_of_the_normal_equations_to_its_tolerance() {
    let (samples, parameters) = (700, 60);
    let formula = Formula { parameters };
    let jacobian = stored(samples, &formula);
    let (r, s) = (vector(samples, |_| 1.0), vector(samples, |i| i.sin() + 2.0));
    let normal = System::new(Form::Normal, JacobianRows::stored(&jacobian), &s).damped(0.1).unwrap().step(&r);
    let rows = JacobianRows::computed(samples, parameters, &formula);
    let free = System::new(Form::MatrixFree, rows, &s).damped(0.1).unwrap().step(&r);
    assert!(close(&free, &normal, 5e-3), "{free:?}\n{normal:?}");
}

#[test]
fn step_does_not_depend_on_the_nuisance_and_is_zero_along_it() {
    let (samples, parameters) = (200, 30);
    let jacobian = stored(samples, &Formula { parameters });
    let (r, s) = (vector(samples, |i| (0.1 * i).sin()), vector(samples, |i| 1.0 + i.cos() / 3.0));
    let shifted = &r + 7.0 * &s;
    for form in [Form::Normal, Form::Kernel] {
        let system = System::new(form, JacobianRows::stored(&jacobian), &s);
        let damped = system.damped(1e-2).unwrap();
        assert!(close(&damped.step(&shifted), &damped.step(&r), 1e-10), "{form:?}");
        assert!(damped.step(&s).iter().all(|x| x.abs() < 1e-12), "{form:?}");
    }
}

#[test]
fn added_rows_are_rows_in_which_the_nuisance_is_fixed() {
    let (formula, mu) = (Formula { parameters: 30 }, 0.05);
    let jacobian = stored(400, &formula);
    let (r, s) = (vector(400, f64::cos), vector(400, |i| 1.0 + 0.1 * i.sin()));
    let rows = Jacobian::from_columns(7, 30, |range, columns| {
        formula.columns(range.start + 1000..range.end + 1000, columns);
    });
    let value = vector(7, |i| 3.0 * (i + 0.3).sin());
    let mut system = System::new(Form::Normal, JacobianRows::stored(&jacobian), &s);
    let along = JacobianRows::stored(&rows).transposed_times(&value);
    let gradient = system.gradient(&r) + along;
    system.add(&rows);
    let step = system.damped(mu).unwrap().step_along(&r, &gradient);
    // (JᵀΠJ + AᵀA + nμD) δ = −(JᵀΠ r + Aᵀa).
    let image = system.gradient(&system.times(&step));
    let extra =
        DVector::from_fn(7, |i, _| (0..30).map(|k| formula.entry(i + 1000, k) * step[k]).sum::<f64>());
    let added = JacobianRows::stored(&rows).transposed_times(&extra);
    let damping = step.component_div(&system.units.component_mul(&system.units)) * (400.0 * mu);
    assert!(close(&(image + added + damping), &-gradient, 1e-10));
}

#[test]
fn steps_are_the_same_bits_on_any_number_of_threads() {
    for (form, samples, parameters) in [(Form::Normal, 900, 530), (Form::Kernel, 530, 900)] {
        let jacobian = stored(samples, &Formula { parameters });
        let (r, s) = (vector(samples, f64::sin), vector(samples, |_| 1.0));
        let on = |threads| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            pool.install(|| {
                System::new(form, JacobianRows::stored(&jacobian), &s).damped(1e-3).unwrap().step(&r)
            })
        };
        let alone = on(1);
        assert_eq!(alone, on(2), "{form:?}");
        assert_eq!(alone, on(5), "{form:?}");
    }
}

#[test]
fn form_follows_the_smaller_side_until_neither_fits() {
    assert_eq!(Form::choose(2048, 1249), Form::Normal);
    assert_eq!(Form::choose(512, 1249), Form::Kernel);
    assert_eq!(Form::choose(20_000, 20_000), Form::MatrixFree);
    assert_eq!(Form::choose(4096, 1 << 20), Form::MatrixFree);
}

#[test]
fn most_samples_are_the_last_before_the_matrix_free_form() {
    for parameters in [1000, LARGEST_FACTOR, LARGEST_FACTOR + 1, 20_000, 200_000] {
        let most = Form::most_samples(parameters);
        assert_ne!(Form::choose(most, parameters), Form::MatrixFree, "{parameters}");
        assert_eq!(Form::choose(most + 1, parameters), Form::MatrixFree, "{parameters}");
    }
}

/// Sizes at which tiles and blocks are whole, and at which the last ones are short enough for plain loops.
#[test]
fn steps_are_the_same_bits_on_any_number_of_ranks() {
    for (samples, parameters) in [(900, 131), (300, 700), (2000, 40), (1280, 258), (200, 7)] {
        let formula = Formula { parameters };
        let (r, s) = (vector(samples, f64::sin), vector(samples, |i| 1.0 + 0.1 * i.cos()));
        fn step(
            form: Form,
            rows: JacobianRows<'_>,
            [r, s]: [&DVector<f64>; 2],
        ) -> (DVector<f64>, DVector<f64>) {
            let system = System::new(form, rows, s);
            let step = system.damped(1e-3).unwrap().step(r);
            (system.times(&step), step)
        }
        let vectors = [&r, &s];
        for form in [Form::Normal, Form::Kernel, Form::MatrixFree] {
            let jacobian = stored(samples, &formula);
            let alone = match form {
                Form::MatrixFree => {
                    step(form, JacobianRows::computed(samples, parameters, &formula), vectors)
                }
                _ => step(form, JacobianRows::stored(&jacobian), vectors),
            };
            let of = |ranks: &Ranks| match form {
                Form::MatrixFree => step(
                    form,
                    JacobianRows::computed(samples, parameters, &formula).shared_by(ranks),
                    vectors,
                ),
                Form::Normal => {
                    let mine = divided(&formula, samples, parameters, ranks);
                    step(form, JacobianRows::divided(samples, &mine, ranks), vectors)
                }
                Form::Kernel => {
                    let all = gathered(&formula, samples, parameters, ranks);
                    step(form, JacobianRows::stored(&all).shared_by(ranks), vectors)
                }
            };
            for size in [2, 3, 4] {
                let ranks = Ranks::of_threads(size);
                std::thread::scope(|scope| {
                    let threads: Vec<_> = ranks.iter().map(|ranks| scope.spawn(|| of(ranks))).collect();
                    for thread in threads {
                        assert!(
                            thread.join().unwrap() == alone,
                            "{form:?}, {samples} × {parameters}, {size}"
                        );
                    }
                });
            }
        }
    }
}
