//! Partial derivatives of a function of an energy, from those of the energy.
#![allow(
    clippy::needless_range_loop,
    reason = "index loops over packs: a closure may be compiled without the instruction set"
)]

use ircpm_ad::{Isa, Kernel, Real};

use super::partials::{Columns, pair, partials, triple};
use super::shape::{MOST, Shape};

/// What [`compose`] is given: the shape with its parameters, and the partial derivatives of the energy `u` up to
/// `order`, 0 to 3, of `n` coordinates, `[partial][sample]`.
#[derive(Clone, Copy, Debug)]
pub(super) struct Inner<'a> {
    pub(super) shape: &'a Shape,
    pub(super) theta: [f64; MOST],
    pub(super) n: usize,
    pub(super) order: usize,
    pub(super) samples: usize,
    pub(super) u: &'a [f64],
}

/// Writes the partial derivatives of `f(u(z))` up to the same order, in the same layout, and if there is room for them
/// those of `∂f(u(z))/∂θₖ` up to the order below, `[parameter][partial][sample]`, by the formula of Faà di Bruno.
pub(super) fn compose(inner: Inner<'_>, psi: &mut [f64], sensitivities: &mut [f64]) {
    Isa::best().dispatch(Compose { inner, psi, sensitivities });
}

struct Compose<'a> {
    inner: Inner<'a>,
    psi: &'a mut [f64],
    sensitivities: &'a mut [f64],
}

impl Kernel for Compose<'_> {
    type Output = ();

    #[inline(always)]
    fn run<R: Real>(self) {
        let Self { inner: Inner { shape, theta, n, order, samples, u }, psi, sensitivities } = self;
        let mut of_u = vec![R::zero(); partials(n, order)];
        let size = if order > 0 { partials(n, order - 1) * samples } else { 0 };
        for start in (0..samples).step_by(R::LANES) {
            for k in 0..of_u.len() {
                of_u[k] = R::from_fn(|lane| u[k * samples + (start + lane).min(samples - 1)]);
            }
            let f = shape.derivatives(&theta, of_u[0]);
            write(f, &of_u, n, order, &mut Columns { out: &mut *psi, samples, start });
            if sensitivities.is_empty() {
                continue;
            }
            let of_parameters = shape.sensitivities(&theta, of_u[0]);
            for k in 0..shape.parameters() {
                let out = &mut sensitivities[k * size..(k + 1) * size];
                write(of_parameters[k], &of_u, n, order - 1, &mut Columns { out, samples, start });
            }
        }
    }
}

/// Writes the partial derivatives up to `order` of the function whose derivatives at `u` are `f`.
#[inline(always)]
fn write<R: Real>(f: [R; 4], u: &[R], n: usize, order: usize, to: &mut Columns<'_>) {
    to.write(0, f[0]);
    if order == 0 {
        return;
    }
    for c in 0..n {
        to.write(1 + c, f[1] * u[1 + c]);
        if order == 1 {
            continue;
        }
        for d in c..n {
            let (at, both) = (pair(n, c, d), u[1 + c] * u[1 + d]);
            to.write(at, f[1] * u[at] + f[2] * both);
            if order == 2 {
                continue;
            }
            for e in d..n {
                let at = triple(n, c, d, e);
                let mixed =
                    u[1 + c] * u[pair(n, d, e)] + u[1 + d] * u[pair(n, c, e)] + u[1 + e] * u[pair(n, c, d)];
                to.write(at, f[1] * u[at] + f[2] * mixed + f[3] * (both * u[1 + e]));
            }
        }
    }
}
