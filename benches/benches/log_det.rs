//! Criterion: log-determinants at given images, without and with their gradient.

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use ircpm_benches::case::Case;
use ircpm_benches::log_det;

/// Number of samples.
const BATCH: usize = 4096;

fn log_det(c: &mut Criterion) {
    let mut group = c.benchmark_group("log_det");
    group.throughput(Throughput::Elements(BATCH as u64)).sample_size(20);
    for case in [Case::torus(2, 32), Case::sphere(128, 1), Case::torus(8, 48)] {
        let y = case.points(BATCH);
        group.bench_function(BenchmarkId::new(&case.name, "value"), |b| {
            b.iter(|| log_det::implicit(&case, &y));
        });
        group.bench_function(BenchmarkId::new(&case.name, "gradient"), |b| {
            b.iter(|| log_det::implicit_gradient(&case, &y));
        });
    }
    group.finish();
}

criterion_group!(benches, log_det);
criterion_main!(benches);
