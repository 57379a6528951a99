//! A thread that has seen a batch of one size allocates nothing for the next.
#![expect(unsafe_code, reason = "a global allocator is unsafe to write")]

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

use ircpm_flow::{
    Cotangents, Direction, Features, Flow, FlowSpec, Gradients, Record, Solver, ThetaGradient, Workspace,
};

thread_local!(static COUNT: Cell<usize> = const { Cell::new(0) });

/// The system's allocator, counting.
struct Counting;

// SAFETY: every call goes to the system's allocator unchanged.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        COUNT.set(COUNT.get() + 1);
        // SAFETY: the caller's promise.
        unsafe { System.alloc(layout) }
    }
    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        // SAFETY: the caller's promise.
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// Allocations that `f` makes.
fn allocations(f: impl FnOnce()) -> usize {
    let before = COUNT.get();
    f();
    COUNT.get() - before
}

fn assert_second_batch_allocates_nothing(name: &str) {
    let flow = Flow::new(FlowSpec {
        manifold: name.parse().unwrap(),
        layers: 1,
        shared: true,
        hidden: vec![16, 16],
        features: Features::Harmonics { order: 1 },
        symmetry: vec![],
        output_scale: 1.0,
        solver: Solver::default(),
    })
    .unwrap();
    let (m, map) = (flow.manifold(), flow.map(0));
    let n = m.ambient();
    let theta: Vec<f64> = (0..map.parameters()).map(|i| 0.3 * (i as f64).sin()).collect();
    let samples = 70; // Two whole tiles and a part.
    let mut points = vec![0.0; samples * n];
    for (i, p) in points.chunks_exact_mut(n).enumerate() {
        m.base_point(&[(i as f64 + 0.5) / samples as f64, (0.61 * i as f64).fract()], p);
    }
    let (ones, slopes) = (vec![1.0; samples], vec![0.5; samples * n]);
    let (mut theta_bar, mut points_bar) = (vec![0.0; theta.len()], vec![0.0; samples * n]);
    let mut psi = vec![0.0; samples];
    let (mut record, mut work) = (Record::for_gradients(), Workspace::default());
    let mut batch = |direction| {
        map.run(direction, &theta, &points, &mut record, &mut work);
        let cotangents = Cotangents { points: &slopes, log_det: &ones };
        let into = Gradients { theta: ThetaGradient::Sum(&mut theta_bar), points: &mut points_bar };
        map.pull_back(direction, &theta, &record, cotangents, into, &mut work);
        map.potential(&theta, &points, &mut psi, &mut work);
    };
    for direction in [Direction::Forward, Direction::Inverse] {
        let first = allocations(|| batch(direction));
        let second = allocations(|| batch(direction));
        assert_eq!(second, 0, "{name}, {direction:?}: {first} allocations at first, {second} again");
    }
}

#[test]
fn second_batch_allocates_nothing() {
    let counted = allocations(|| drop(std::hint::black_box(vec![1.0; 100])));
    assert_eq!(counted, 1, "the allocator counts");
    assert_second_batch_allocates_nothing("T2");
    assert_second_batch_allocates_nothing("S2");
}
