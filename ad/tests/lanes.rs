//! Packs against single reals, on every instruction set that the processor has.
#![allow(
    clippy::needless_range_loop,
    reason = "index loops over packs: a closure may be compiled without the instruction set"
)]

use ircpm_ad::precision::Precision;
use ircpm_ad::{Isa, Kernel, Real};
use rand::{RngExt, SeedableRng};
use rand_pcg::Pcg64Mcg;

const LANES: usize = 8;
const SEED: u64 = 20_211_002;

type Pack = [f64; LANES];

/// How near a lane must come to the single real.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Bound {
    /// The same bits, or NaN both.
    Exact,
    /// Four units in the last place: a step of a polynomial rounds once or twice.
    Relative,
    /// Four units in the last place of one: sine and cosine are accurate in this sense only.
    Absolute,
}

use Bound::{Absolute, Exact, Relative};

const OPERATIONS: [(&str, Bound); 32] = [
    ("x + y", Exact),
    ("x − y", Exact),
    ("x y", Exact),
    ("x / y", Exact),
    ("−x", Exact),
    ("x + c", Exact),
    ("x − c", Exact),
    ("x · c", Exact),
    ("x / c", Exact),
    ("+=, −=, *=", Exact),
    ("scale", Exact),
    ("abs", Exact),
    ("max", Exact),
    ("min", Exact),
    ("select_gt", Exact),
    ("recip", Exact),
    ("sqrt", Exact),
    ("ln", Exact),
    ("ln_1p", Exact),
    ("sinh", Exact),
    ("cosh", Exact),
    ("tanh", Exact),
    ("atan", Exact),
    ("powi −3", Exact),
    ("powi 2", Exact),
    ("atan2_real", Exact),
    ("atan2", Exact),
    ("exp", Relative),
    ("softplus", Relative),
    ("sigmoid", Relative),
    ("sin", Absolute),
    ("cos", Absolute),
];

/// All of [`OPERATIONS`], in their order.
#[inline(always)]
fn operations<R: Real>(x: R, y: R, z: R) -> [R; OPERATIONS.len()] {
    let mut assigned = x;
    assigned += y;
    assigned *= z;
    assigned -= y;
    [
        x + y,
        x - y,
        x * y,
        x / y,
        -x,
        x + 0.3,
        x - 0.3,
        x * 0.3,
        x / 0.3,
        assigned,
        x.scale(y),
        x.abs(),
        x.max(y),
        x.min(y),
        R::select_gt(x, y, z, -z),
        x.recip(),
        x.sqrt(),
        x.ln(),
        x.ln_1p(),
        x.sinh(),
        x.cosh(),
        x.tanh(),
        x.atan(),
        x.powi(-3),
        x.powi(2),
        x.atan2_real(y),
        x.atan2(y),
        x.exp(),
        x.softplus(),
        x.sigmoid(),
        x.sin(),
        x.cos(),
    ]
}

/// The operations on one pack of each argument, and `x y + z`.
#[derive(Clone, Copy)]
struct Operations([Pack; 3]);

impl Kernel for Operations {
    type Output = (Vec<Pack>, Pack);

    #[inline(always)]
    fn run<R: Real>(self) -> (Vec<Pack>, Pack) {
        let mut results = vec![[0.0; LANES]; OPERATIONS.len()];
        let mut fused = [0.0; LANES];
        for start in (0..LANES).step_by(R::LANES) {
            let [x, y, z] = self.0.map(|pack| R::load(&pack[start..]));
            for (out, value) in results.iter_mut().zip(operations(x, y, z)) {
                value.store(&mut out[start..]);
            }
            x.mul_add(y, z).store(&mut fused[start..]);
        }
        (results, fused)
    }
}

/// Arguments at which an operation may go wrong, and ordinary ones between them.
fn packs() -> Vec<[Pack; 3]> {
    let special = [
        0.0,
        -0.0,
        1.0,
        -1.0,
        f64::NAN,
        f64::INFINITY,
        f64::NEG_INFINITY,
        f64::MIN_POSITIVE,
        5e-324,
        f64::MAX,
        1e-200,
        -708.0,
        -708.5,
        709.0,
        709.5,
        -745.0,
        -700.0,
        std::f64::consts::FRAC_PI_2,
        -std::f64::consts::PI,
        1e5,
        1e5 + 1.0,
        0.5,
        1e-9,
        -40.0,
    ];
    let mut rng = Pcg64Mcg::seed_from_u64(SEED);
    let mut number = move || match rng.random_range(0..3) {
        0 => special[rng.random_range(0..special.len())],
        1 => rng.random_range(-3.0..3.0),
        _ => rng.random_range(-50.0..50.0),
    };
    (0..500).map(|_| std::array::from_fn(|_| std::array::from_fn(|_| number()))).collect()
}

fn near(bound: Bound, found: f64, expected: f64) -> bool {
    if found.is_nan() || expected.is_nan() || found.is_infinite() || expected.is_infinite() {
        return found.to_bits() == expected.to_bits() || (found.is_nan() && expected.is_nan());
    }
    match bound {
        Exact => found.to_bits() == expected.to_bits(),
        Relative => (found - expected).abs() <= 4.0 * f64::EPSILON * expected.abs(),
        Absolute => (found - expected).abs() <= 4.0 * f64::EPSILON,
    }
}

#[test]
fn lanes_match_single_reals_on_every_instruction_set() {
    for isa in Isa::available() {
        for arguments in packs() {
            let (results, fused) = isa.dispatch(Operations(arguments));
            for i in 0..LANES {
                let [x, y, z] = arguments.map(|pack| pack[i]);
                for (k, expected) in operations(x, y, z).into_iter().enumerate() {
                    let ((name, bound), found) = (OPERATIONS[k], results[k][i]);
                    let place = format!("{name} of {:?} on {}, lane {i}", [x, y, z], isa.name());
                    assert!(
                        near(bound, found, expected),
                        "{place}: {found:e}, not {expected:e} (seed {SEED})"
                    );
                }
                let allowed = [x * y + z, x.mul_add(y, z)];
                assert!(
                    allowed.iter().any(|&expected| near(Exact, fused[i], expected)),
                    "x y + z of {:?} on {}: {:e}, neither of {allowed:?} (seed {SEED})",
                    [x, y, z],
                    isa.name(),
                    fused[i],
                );
            }
        }
    }
}

#[test]
fn no_value_crosses_lanes() {
    for isa in Isa::available() {
        for mut arguments in packs().into_iter().take(20) {
            // Large angles go to the standard library, lane by lane; they are tested one at a time below.
            arguments[0] = arguments[0].map(|x| if x.abs() < 1e5 { x } else { 0.25 });
            let (before, fused) = isa.dispatch(Operations(arguments));
            for lane in 0..LANES {
                for intruder in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY, f64::MAX, -0.0, 800.0, 2e5] {
                    let mut changed = arguments;
                    changed[0][lane] = intruder;
                    let (after, fused_after) = isa.dispatch(Operations(changed));
                    for i in (0..LANES).filter(|&i| i != lane) {
                        assert!(near(Exact, fused_after[i], fused[i]), "x y + z, {intruder} in lane {lane}");
                        for (k, &(name, bound)) in OPERATIONS.iter().enumerate() {
                            let bound = if bound == Absolute { Absolute } else { Exact };
                            assert!(
                                near(bound, after[k][i], before[k][i]),
                                "{name} on {}, lane {i}: {:e}, not {:e} with {intruder} in lane {lane} (seed {SEED})",
                                isa.name(),
                                after[k][i],
                                before[k][i],
                            );
                        }
                    }
                }
            }
        }
    }
}

/// Selections, maxima and minima with a NaN on either side.
struct Unordered;

impl Kernel for Unordered {
    type Output = Vec<(&'static str, f64)>;

    #[inline(always)]
    fn run<R: Real>(self) -> Vec<(&'static str, f64)> {
        let (nan, one, two) = (R::constant(f64::NAN), R::constant(1.0), R::constant(2.0));
        let results = [
            ("select_gt with NaN on the left", R::select_gt(nan, one, one, two)),
            ("select_gt with NaN on the right", R::select_gt(one, nan, one, two)),
            ("select_gt of equals", R::select_gt(one, one, one, two)),
            ("max with NaN as the other", two.max(nan)),
            ("min with NaN as the other", two.min(nan)),
            ("max of NaN", R::select_gt(one, nan.max(one), one, two)),
            ("min of NaN", R::select_gt(one, nan.min(one), one, two)),
        ];
        results.iter().flat_map(|&(name, r)| (0..R::LANES).map(move |i| (name, r.lane(i)))).collect()
    }
}

#[test]
fn nan_selects_otherwise_and_stays_in_max_and_min() {
    let single = Unordered.run::<f64>();
    for (what, value) in Isa::available().into_iter().flat_map(|isa| isa.dispatch(Unordered)).chain(single) {
        assert_eq!(value, 2.0, "{what}");
    }
    assert!(Real::max(f64::NAN, 1.0).is_nan() && Real::min(f64::NAN, 1.0).is_nan());
}

/// Loading, storing and folding.
struct Moves;

impl Kernel for Moves {
    type Output = ();

    #[inline(always)]
    fn run<R: Real>(self) {
        let numbers: Vec<f64> = (0..LANES + 3).map(|i| i as f64 + 1.0).collect();
        let pack = R::load(&numbers);
        let mut out = vec![-1.0; LANES + 3];
        pack.map(|x| 2.0 * x).store(&mut out);
        for i in 0..out.len() {
            assert_eq!(out[i], if i < R::LANES { 2.0 * numbers[i] } else { -1.0 }, "place {i}");
        }
        for i in 0..R::LANES {
            assert_eq!(R::from_fn(|i| i as f64).lane(i), i as f64);
            assert_eq!(pack.lane(i), numbers[i]);
        }
        assert_eq!(pack.sum(), (R::LANES * (R::LANES + 1) / 2) as f64);
        let power = (pack + R::PRECISION.round_biased).exponent_from_low_bits();
        assert_eq!(power.lane(0), 2.0);
        assert_eq!(power.lane(R::LANES - 1), 2f64.powi(R::LANES as i32));
    }
}

#[test]
fn packs_load_store_and_sum_their_lanes_only() {
    Moves.run::<f64>();
    for isa in Isa::available() {
        isa.dispatch(Moves);
    }
}

#[test]
fn instruction_sets_with_fused_multiply_add_give_the_same_bits_in_every_lane() {
    let fused: Vec<Isa> = Isa::available().into_iter().filter(|isa| *isa != Isa::Portable).collect();
    let [one, other] = fused[..] else {
        println!("skipped: this processor has {} of the two sets with fused multiply-add", fused.len());
        return;
    };
    for arguments in packs() {
        let (results, fused) = one.dispatch(Operations(arguments));
        let (other_results, other_fused) = other.dispatch(Operations(arguments));
        for (k, (a, b)) in results.iter().zip(&other_results).enumerate() {
            for i in 0..LANES {
                assert!(
                    near(Exact, a[i], b[i]),
                    "{}: {:e} and {:e} (seed {SEED})",
                    OPERATIONS[k].0,
                    a[i],
                    b[i]
                );
            }
        }
        assert!((0..LANES).all(|i| near(Exact, fused[i], other_fused[i])), "x y + z (seed {SEED})");
    }
}

/// The largest error of each operation in single precision, in units in the last place of the largest argument or
/// result; `None` if the instruction set has no single precision.
struct Singles;

impl Kernel for Singles {
    type Output = Option<[f64; OPERATIONS.len()]>;

    #[inline(always)]
    fn run<R: Real>(self) -> Self::Output {
        if R::Single::PRECISION == R::PRECISION {
            return None;
        }
        assert!(R::Single::LANES > R::LANES && R::Single::PRECISION == Precision::SINGLE);
        let mut rng = Pcg64Mcg::seed_from_u64(SEED);
        let mut worst = [0.0_f64; OPERATIONS.len()];
        for _ in 0..500 {
            let numbers: [Vec<f64>; 3] = std::array::from_fn(|_| {
                (0..R::Single::LANES).map(|_| f64::from(rng.random_range(-20.0..20.0_f32))).collect()
            });
            let [x, y, z] = [0, 1, 2].map(|k| R::Single::load(&numbers[k]));
            for (k, found) in operations(x, y, z).into_iter().enumerate() {
                for i in 0..R::Single::LANES {
                    let (x, y, z) = (numbers[0][i], numbers[1][i], numbers[2][i]);
                    let (expected, found) = (operations(x, y, z)[k], found.lane(i));
                    assert_eq!(found.is_nan(), expected.is_nan(), "{} of {x}, {y}, {z}", OPERATIONS[k].0);
                    // What is cancelled in (x + y) z − y, and rounding of c beside x.
                    let size = match OPERATIONS[k].0 {
                        "+=, −=, *=" => (x + y) * z,
                        "x + c" | "x − c" => x,
                        _ => 0.0,
                    };
                    let scale =
                        expected.abs() + size.abs() + if OPERATIONS[k].1 == Absolute { 1.0 } else { 0.0 };
                    let error = (found - expected).abs() / (f64::from(f32::EPSILON) * scale);
                    worst[k] = worst[k].max(if error.is_nan() { 0.0 } else { error });
                }
            }
        }
        Some(worst)
    }
}

#[test]
fn single_precision_is_good_to_a_few_units_in_its_last_place() {
    for isa in Isa::available() {
        for (error, (name, _)) in isa.dispatch(Singles).into_iter().flatten().zip(OPERATIONS) {
            assert!(error < 4.0, "{name} on {}: {error:.1} units", isa.name());
        }
    }
}

#[test]
fn best_instruction_set_is_the_last_that_is_available() {
    assert_eq!(Isa::available().last(), Some(&Isa::best()));
    let lanes: Vec<usize> = Isa::available().into_iter().map(|isa| isa.dispatch(Width)).collect();
    assert!(lanes.is_sorted() && lanes[0] == 2, "{lanes:?}");
}

/// Counts the lanes of a pack.
struct Width;

impl Kernel for Width {
    type Output = usize;

    fn run<R: Real>(self) -> usize {
        R::LANES
    }
}
