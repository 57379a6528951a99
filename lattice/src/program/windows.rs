//! Windows of a potential, arranged for packs: what the networks of all windows add to psi, its gradient and `H`, and the
//! derivatives of contractions of these.

use ircpm_ad::{Jet, Lap, Real, Scalar};
use ircpm_flow::{Expression, Network, Potential};

use super::{Contraction, Local, Program};
use crate::factor::{Ldl, Symbolic};
use crate::windows::{MOST_INPUTS, Windows};

/// Most sites of a window: one more than inputs where these are differences.
const MOST_SITES: usize = MOST_INPUTS + 1;
/// Entries of a symmetric block of so many rows.
const ENTRIES: usize = MOST_SITES * (MOST_SITES + 1) / 2;
/// Pivots of a block of `H⁻¹`, or of the square of a vector, that are smaller than this part of their diagonal are
/// rounding.
const PIVOT: f64 = 1e-14;

/// One window.
#[derive(Clone, Debug)]
struct Placed {
    sites: [usize; MOST_SITES],
    /// Places in `H` of the block's entries, at `i (i + 1)/2 + j` for `j ≤ i`: in its diagonal where `j = i`, else below
    /// it.
    slots: [usize; ENTRIES],
    /// The network's first parameter.
    first: usize,
    weight: f64,
}

/// All windows whose networks have as many inputs.
#[derive(Clone, Debug)]
pub(crate) struct Kind {
    network: Network,
    inputs: usize,
    /// Number of sites before those of the inputs: one where these are differences to it, else none.
    fixed: usize,
    windows: Vec<Placed>,
}

/// Memory of one kind of windows, by number of inputs.
#[derive(Debug)]
pub(crate) struct KindMemory<R: Real> {
    three: Memory<R, 3>,
    four: Memory<R, 4>,
    five: Memory<R, MOST_INPUTS>,
    line: Sweep<R, 1>,
}

type Sweep<R, const D: usize> = <Network as Potential>::SweepWorkspace<Lap<R, D>>;

/// Memory of the networks of windows with up to `D` inputs.
#[derive(Debug)]
struct Memory<R: Real, const D: usize> {
    jets: <Network as Potential>::JetWorkspace<R, D>,
    sweep: Sweep<R, D>,
}

impl<R: Real, const D: usize> Default for Memory<R, D> {
    fn default() -> Self {
        Self { jets: Default::default(), sweep: Default::default() }
    }
}

impl<R: Real> Default for KindMemory<R> {
    fn default() -> Self {
        Self {
            three: Memory::default(),
            four: Memory::default(),
            five: Memory::default(),
            line: Default::default(),
        }
    }
}

/// Pairs of sites that share a window.
pub(super) fn pairs_of(windows: &Windows) -> Vec<(u32, u32)> {
    windows.windows().iter().flat_map(|window| super::pairs(&window.sites)).collect()
}

/// The windows by the number of their networks' inputs, with places in a factor.
pub(super) fn kinds_of(windows: &Windows, symbolic: &Symbolic) -> Vec<Kind> {
    let of = |network: &Network| Kind {
        network: network.clone(),
        inputs: network.inputs(),
        fixed: windows.fixed(),
        windows: vec![],
    };
    let mut kinds: Vec<Kind> = windows.networks().iter().map(of).collect();
    for window in windows.windows() {
        let class = windows.class(window);
        let (mut sites, mut slots) = ([0; MOST_SITES], [0; ENTRIES]);
        for (i, &a) in window.sites.iter().enumerate() {
            sites[i] = a;
            for (j, &b) in window.sites[..i].iter().enumerate() {
                slots[entry(i, j)] = symbolic.entry(a as u32, b as u32) as usize;
            }
            slots[entry(i, i)] = symbolic.place[a] as usize;
        }
        kinds[class.kind].windows.push(Placed { sites, slots, first: class.first, weight: window.weight });
    }
    kinds
}

/// The place of row `i` and column `j ≤ i` in a symmetric block.
#[inline(always)]
fn entry(i: usize, j: usize) -> usize {
    i * (i + 1) / 2 + j
}

impl Kind {
    /// Number of multiplications of the networks at one point: see [`crate::LatticeMap::operations`].
    pub(crate) fn operations(&self) -> usize {
        let sizes = self.network.mlp().sizes();
        let weights: usize = sizes.windows(2).map(|pair| pair[0] * pair[1]).sum();
        let units: usize = sizes[1..sizes.len() - 1].iter().sum();
        let d = self.inputs;
        // Duals forward, one number back, and an outer product at every unit.
        self.windows.len() * (weights * (2 + d) + units * d * (d + 1) / 2)
    }

    /// Parameters of a window's network.
    #[inline(always)]
    fn parameters(&self, window: &Placed) -> std::ops::Range<usize> {
        window.first..window.first + self.network.parameters()
    }

    /// Input `i` of a window, or what is the input of another vector than the angles.
    #[inline(always)]
    fn input<R: Real>(&self, window: &Placed, y: &[R], i: usize) -> R {
        let of = y[window.sites[i + self.fixed]];
        if self.fixed == 0 { of } else { of - y[window.sites[0]] }
    }

    /// Adds a covector of the inputs to one of the angles.
    #[inline(always)]
    fn add_covector<R: Real>(&self, window: &Placed, of: impl Fn(usize) -> R, into: &mut [R]) {
        for i in 0..self.inputs {
            let of = of(i);
            into[window.sites[i + self.fixed]] += of;
            if self.fixed > 0 {
                into[window.sites[0]] -= of;
            }
        }
    }

    /// Adds a symmetric matrix of the inputs to one of the angles.
    #[inline(always)]
    fn add_block<R: Real, const D: usize>(&self, window: &Placed, block: &[[R; D]; D], into: &mut Ldl<R>) {
        let (d, slots) = (self.inputs, &window.slots);
        let mut all = R::zero();
        for i in 0..d {
            let mut row = R::zero();
            for j in 0..d {
                row += block[i][j];
            }
            all += row;
            let i_site = i + self.fixed;
            into.diagonal[slots[entry(i_site, i_site)]] += block[i][i];
            for j in 0..i {
                into.lower[slots[entry(i_site, j + self.fixed)]] += block[i][j];
            }
            if self.fixed > 0 {
                into.lower[slots[entry(i_site, 0)]] -= row;
            }
        }
        if self.fixed > 0 {
            into.diagonal[slots[0]] += all;
        }
    }

    /// `g` on a window, as a form of the gradients of its inputs.
    #[inline(always)]
    fn block<R: Real, const D: usize>(&self, window: &Placed, g: &Ldl<R>) -> [[R; D]; D] {
        let (d, slots) = (self.inputs, &window.slots);
        let mut block = [[R::zero(); D]; D];
        for i in 0..d {
            let i_site = i + self.fixed;
            for j in 0..=i {
                let place = slots[entry(i_site, j + self.fixed)];
                let mut of = if i == j { g.diagonal[place] } else { g.lower[place] };
                if self.fixed > 0 {
                    of += g.diagonal[slots[0]]
                        - g.lower[slots[entry(i_site, 0)]]
                        - g.lower[slots[entry(j + 1, 0)]];
                }
                block[i][j] = of;
            }
        }
        block
    }

    /// Adds psi, its gradient and its Hessian to what was found.
    #[inline(never)]
    fn evaluate<R: Real, const D: usize>(
        &self,
        theta: &[f64],
        y: &[R],
        (psi, gradient, h): (&mut R, &mut [R], &mut Ldl<R>),
        memory: &mut Memory<R, D>,
    ) {
        R::vectorized(
            #[inline(always)]
            || {
                let mut z = [Jet::<R, D>::zero(); D];
                for window in &self.windows {
                    for i in 0..self.inputs {
                        z[i] = Jet::variable(self.input(window, y, i), i);
                    }
                    let theta = &theta[self.parameters(window)];
                    let f = self.network.jets(theta, &z[..self.inputs], &mut memory.jets, None);
                    let f = f * window.weight;
                    *psi += f.re;
                    self.add_covector(
                        window,
                        #[inline(always)]
                        |i| f.grad[i],
                        gradient,
                    );
                    self.add_block(window, &f.hess, h);
                }
            },
        );
    }

    /// Adds `weight` times the derivatives of `−G : Hess psi` with `G` held fixed.
    #[inline(never)]
    fn contract<R: Real, const D: usize>(
        &self,
        at: (&[f64], &[R]),
        (g, weight): (&Ldl<R>, &R),
        (points, theta_bar): (&mut [R], &mut [R]),
        sweep: &mut Sweep<R, D>,
    ) {
        R::vectorized(
            #[inline(always)]
            || {
                for window in &self.windows {
                    let directions = factor(self.block::<R, D>(window, g), self.inputs);
                    let bar = Lap { re: R::zero(), grad: [R::zero(); D], lap: -(*weight * window.weight) };
                    self.sweep(window, at, &directions, bar, (Some(&mut *points), theta_bar), sweep);
                }
            },
        );
    }

    /// Adds derivatives of `bar` of the networks along the vector `v`, in the parameters, and also in the points if they
    /// are given.
    #[inline(never)]
    fn contract_along<R: Real>(
        &self,
        at: (&[f64], &[R]),
        (v, bar): (&[R], &Lap<R, 1>),
        (mut points, theta_bar): (Option<&mut [R]>, &mut [R]),
        sweep: &mut Sweep<R, 1>,
    ) {
        R::vectorized(
            #[inline(always)]
            || {
                for window in &self.windows {
                    let mut directions = [[R::zero()]; MOST_INPUTS];
                    for i in 0..self.inputs {
                        directions[i] = [self.input(window, v, i)];
                    }
                    let bar = *bar * window.weight;
                    self.sweep(window, at, &directions, bar, (points.as_deref_mut(), theta_bar), sweep);
                }
            },
        );
    }

    /// Adds derivatives of a window's network along some directions.
    #[inline(always)]
    fn sweep<R: Real, const D: usize>(
        &self,
        window: &Placed,
        (theta, y): (&[f64], &[R]),
        directions: &[[R; D]],
        bar: Lap<R, D>,
        (points, theta_bar): (Option<&mut [R]>, &mut [R]),
        sweep: &mut Sweep<R, D>,
    ) {
        let (d, theta) = (self.inputs, &theta[self.parameters(window)]);
        let (mut z, mut z_bar) = ([Lap::<R, D>::zero(); MOST_INPUTS], [Lap::<R, D>::zero(); MOST_INPUTS]);
        for i in 0..d {
            z[i] = Lap::seeded(self.input(window, y, i), directions[i]);
        }
        self.network.begin(1, sweep);
        self.network.forward(theta, 0, &z[..d], sweep);
        self.network.backward(theta, 0, bar, &mut z_bar[..d], sweep);
        self.network.accumulate_each(sweep, &mut theta_bar[self.parameters(window)]);
        if let Some(points) = points {
            self.add_covector(
                window,
                #[inline(always)]
                |i| z_bar[i].re,
                points,
            );
        }
    }
}

/// `L` with `L Lᵀ = a`, of a positive semi-definite matrix whose lower triangle is given. Columns whose pivots are
/// rounding, or not positive, are zero.
#[inline(always)]
fn factor<R: Real, const D: usize>(mut a: [[R; D]; D], d: usize) -> [[R; D]; D] {
    for j in 0..d {
        let mut pivot = a[j][j];
        for k in 0..j {
            pivot -= a[j][k] * a[j][k];
        }
        let usable = R::select_gt(pivot, a[j][j].abs() * PIVOT, R::one(), R::zero());
        let root = R::select_gt(usable, R::zero(), pivot, R::one()).sqrt();
        let scale = usable / root;
        a[j][j] = root * usable;
        for i in j + 1..d {
            let mut of = a[i][j];
            for k in 0..j {
                of -= a[i][k] * a[j][k];
            }
            a[i][j] = of * scale;
            a[j][i] = R::zero();
        }
    }
    a
}

/// Makes room for the memory of all kinds.
#[inline(always)]
fn reserve<R: Real>(program: &Program, memory: &mut Vec<KindMemory<R>>) {
    if memory.len() != program.kinds.len() {
        memory.resize_with(program.kinds.len(), KindMemory::default);
    }
}

impl<R: Real> Local<R> {
    /// Adds the networks of all windows at the points `y`.
    #[inline(always)]
    pub(super) fn add_windows(&mut self, program: &Program, theta: &[f64], y: &[R]) {
        let Self { psi, gradient, h, memory } = self;
        reserve(program, memory);
        for (kind, memory) in program.kinds.iter().zip(memory) {
            let into = (&mut *psi, &mut gradient[..], &mut *h);
            match kind.inputs {
                1..=3 => kind.evaluate(theta, y, into, &mut memory.three),
                4 => kind.evaluate(theta, y, into, &mut memory.four),
                _ => kind.evaluate(theta, y, into, &mut memory.five),
            }
        }
    }
}

impl<R: Real> Contraction<R> {
    /// As [`Contraction::add_curvature`], of the windows.
    #[inline(always)]
    pub(super) fn add_curvature_of_windows(
        &mut self,
        program: &Program,
        at: (&[f64], &[R]),
        g: &Ldl<R>,
        weight: R,
    ) {
        let Self { points, theta, memory } = self;
        reserve(program, memory);
        for (kind, memory) in program.kinds.iter().zip(memory) {
            let into = (&mut points[..], &mut theta[..]);
            match kind.inputs {
                1..=3 => kind.contract(at, (g, &weight), into, &mut memory.three.sweep),
                4 => kind.contract(at, (g, &weight), into, &mut memory.four.sweep),
                _ => kind.contract(at, (g, &weight), into, &mut memory.five.sweep),
            }
        }
    }

    /// Adds the derivatives of `−vᵀ Hess psi v` of the windows with `v` held fixed.
    #[inline(always)]
    pub(super) fn add_curvature_along(&mut self, program: &Program, at: (&[f64], &[R]), v: &[R]) {
        let Self { points, theta, memory } = self;
        reserve(program, memory);
        let bar = Lap { re: R::zero(), grad: [R::zero()], lap: -R::one() };
        for (kind, memory) in program.kinds.iter().zip(memory) {
            kind.contract_along(at, (v, &bar), (Some(&mut points[..]), &mut theta[..]), &mut memory.line);
        }
    }

    /// As [`Contraction::add_slope`], of the windows.
    #[inline(always)]
    pub(super) fn add_slope_of_windows(&mut self, program: &Program, at: (&[f64], &[R]), w: &[R]) {
        let Self { theta, memory, .. } = self;
        reserve(program, memory);
        let bar = Lap { re: R::zero(), grad: [-R::one()], lap: R::zero() };
        for (kind, memory) in program.kinds.iter().zip(memory) {
            kind.contract_along(at, (w, &bar), (None, &mut theta[..]), &mut memory.line);
        }
    }
}
