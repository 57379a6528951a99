//! The Hessian of the cost on a sphere over intervals.

use ircpm_ad::Dual;
use ircpm_ad::elementary::smooth::{one_minus_r_cot_r_over_u, r_cot_r};
use ircpm_ad::interval::Interval;

/// A number below `π²`.
pub(crate) const BELOW_PI_SQUARED: f64 = 9.869_604_401_089;

/// `a = r cot r` and `b = (1 − r cot r)/r²` as functions of `s = r²`, and their derivatives in `s`.
///
/// From `r cot r = 1 − 2 Σₖ ζ(2k) (s/π²)ᵏ`, `k ≥ 1`, for `0 ≤ s < π²` (Euler), `a` and `a′` fall, `b` and `b′` rise there.
/// So their images are known from their values at both ends.
#[derive(Clone, Copy, Debug)]
pub(crate) struct SphereCost {
    pub(crate) transverse: Interval,
    pub(crate) radial: Interval,
    pub(crate) transverse_slope: Interval,
    pub(crate) radial_slope: Interval,
}

impl SphereCost {
    /// Of a squared length; nothing if it may be as large as `π²`, or is not known.
    pub(crate) fn over(s: Interval) -> Option<Self> {
        if s.is_undefined() || s.hi() >= BELOW_PI_SQUARED {
            return None;
        }
        let at = |s: f64| Dual::<Interval, 1>::variable(Interval::point(s.max(0.0)), 0);
        let image = |f: fn(Dual<Interval, 1>) -> Dual<Interval, 1>| {
            let (low, high) = (f(at(s.lo())), f(at(s.hi())));
            (low.re.hull(high.re), low.eps[0].hull(high.eps[0]))
        };
        let (transverse, transverse_slope) = image(r_cot_r);
        let (radial, radial_slope) = image(one_minus_r_cot_r_over_u);
        Some(Self { transverse, radial, transverse_slope, radial_slope })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn images_contain_values_and_are_no_wider_than_their_ends() {
        let reference = |s: f64| {
            let r = s.sqrt();
            let a = r / r.tan();
            // d/ds of r cot r is (cot r − r/sin² r)/(2r).
            let slope = (1.0 / r.tan() - r / r.sin().powi(2)) / (2.0 * r);
            [a, (1.0 - a) / s, slope, (-slope * s - (1.0 - a)) / (s * s)]
        };
        for (lo, hi) in [(0.01, 0.02), (0.5, 3.0), (4.0, 4.0), (8.0, 9.5)] {
            let SphereCost { transverse, radial, transverse_slope, radial_slope } =
                SphereCost::over(Interval::new(lo, hi)).unwrap();
            let (low, high, inner) = (reference(lo), reference(hi), reference(0.3 * lo + 0.7 * hi));
            for (k, image) in [transverse, radial, transverse_slope, radial_slope].into_iter().enumerate() {
                let slack = 1e-11 * (1.0 + low[k].abs() + high[k].abs());
                assert!(image.lo() - slack <= inner[k] && inner[k] <= image.hi() + slack, "{k}: {image:?}");
                assert!((image.lo() - low[k].min(high[k])).abs() < slack, "{k}: {image:?}");
                assert!((image.hi() - low[k].max(high[k])).abs() < slack, "{k}: {image:?}");
            }
        }
        let zero = SphereCost::over(Interval::ZERO).unwrap();
        let series = [(zero.transverse, 1.0), (zero.radial, 1.0 / 3.0), (zero.transverse_slope, -1.0 / 3.0)];
        for (image, exact) in series.into_iter().chain([(zero.radial_slope, 1.0 / 45.0)]) {
            assert!(
                (image.middle() - exact).abs() < 1e-14 && image.radius() < 1e-13,
                "{image:?}, not {exact}"
            );
        }
    }

    #[test]
    fn nothing_is_known_beyond_the_cut_locus() {
        assert!(std::f64::consts::PI.powi(2) > BELOW_PI_SQUARED);
        assert!(
            SphereCost::over(Interval::new(1.0, 9.87)).is_none()
                && SphereCost::over(Interval::point(45.0)).is_none()
        );
        assert!(SphereCost::over(Interval::UNDEFINED).is_none());
    }
}
