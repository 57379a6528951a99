//! Line search where a trial costs little.

/// Least length of a step, in units of the direction.
const SHORTEST: f64 = 1e-9;

/// The lowest point on a ray, as nearly as a parabola shows it; none where no length down to [`SHORTEST`] satisfies Armijo's
/// condition.
///
/// The ray begins where the function has the value `start` and, along it, this `slope`; `at` gives its point at a length, and
/// `value` the function there, which is infinite or not a number where there is none.
pub(super) fn lowest_on_ray<P>(
    start: f64,
    slope: f64,
    at: impl Fn(f64) -> P,
    value: impl Fn(&P) -> f64,
) -> Option<P> {
    let at = |length: f64| {
        let point = at(length);
        (value(&point), point)
    };
    let (mut length, mut longer) = (1.0, f64::INFINITY);
    let mut best = at(length);
    while best.0.is_nan() || best.0 > start + 1e-4 * length * slope {
        (length, longer) = (0.5 * length, best.0);
        if length < SHORTEST {
            return None;
        }
        best = at(length);
    }
    let shorter = loop {
        let half = at(0.5 * length);
        if length < SHORTEST || half.0.is_nan() || half.0 >= best.0 {
            break half.0;
        }
        (length, longer, best) = (0.5 * length, best.0, half);
    };
    let lowest = match longer.is_finite() {
        true => vertex([(0.5 * length, shorter), (length, best.0), (2.0 * length, longer)]),
        false => vertex([(0.0, start), (0.5 * length, shorter), (length, best.0)]),
    };
    if lowest > 0.5 * length && lowest < 2.0 * length {
        let trial = at(lowest);
        if trial.0 < best.0 {
            best = trial;
        }
    }
    Some(best.1)
}

/// Where the parabola through three points is lowest.
fn vertex([(x0, y0), (x1, y1), (x2, y2)]: [(f64, f64); 3]) -> f64 {
    let (left, right) = ((y1 - y0) / (x1 - x0), (y2 - y1) / (x2 - x1));
    let bend = (right - left) / (x2 - x0);
    0.5 * (x0 + x1) - 0.5 * left / bend
}
