//! Criterion: images of base points, by Newton's method and by gradient descent, both over packs.

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use ircpm_benches::case::Case;
use ircpm_benches::solve;

/// Number of samples.
const BATCH: usize = 4096;

fn solve(c: &mut Criterion) {
    let mut group = c.benchmark_group("solve");
    group.throughput(Throughput::Elements(BATCH as u64)).sample_size(20);
    for case in [Case::torus(2, 32), Case::sphere(128, 1), Case::torus(8, 48)] {
        let x = case.points(BATCH);
        for (method, flow) in [("newton", case.flow.clone()), ("descent", case.with_gradient_descent())] {
            group.bench_function(BenchmarkId::new(&case.name, method), |b| {
                b.iter(|| solve::implicit(&flow, &case.theta, &x));
            });
        }
    }
    group.finish();
}

criterion_group!(benches, solve);
criterion_main!(benches);
