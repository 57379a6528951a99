//! Criterion: gradient and Hessian of psi, by packs and by nested duals.

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use ircpm_ad::Isa;
use ircpm_benches::case::Case;
use ircpm_benches::hessian;

/// Number of samples.
const BATCH: usize = 256;

fn hessian(c: &mut Criterion) {
    let mut group = c.benchmark_group("hessian");
    group.throughput(Throughput::Elements(BATCH as u64)).sample_size(20);
    for case in [Case::torus(2, 32), Case::sphere(128, 1)] {
        let points = case.points(BATCH);
        for isa in Isa::available() {
            group.bench_function(BenchmarkId::new(&case.name, isa.name()), |b| {
                b.iter(|| hessian::in_lanes::<2>(&case, isa, &points));
            });
        }
        group.bench_function(BenchmarkId::new(&case.name, "nested"), |b| {
            b.iter(|| hessian::nested::<2>(&case, &points));
        });
    }
    group.finish();
}

criterion_group!(benches, hessian);
criterion_main!(benches);
