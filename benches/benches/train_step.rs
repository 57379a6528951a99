//! Criterion: a training step by the flow, and of one sample by unrolled backpropagation.

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use ircpm_benches::case::Case;
use ircpm_benches::train_step;

fn train_step(c: &mut Criterion) {
    let mut group = c.benchmark_group("train_step");
    group.sample_size(20);
    for case in [Case::torus(2, 32), Case::sphere(128, 1), Case::sphere(128, 3), Case::torus(8, 48)] {
        for batch in [256, 4096] {
            let x = case.points(batch);
            group.throughput(Throughput::Elements(batch as u64));
            group.bench_function(BenchmarkId::new(&case.name, batch), |b| {
                b.iter(|| train_step::implicit(&case, &x));
            });
        }
    }
    let case = Case::torus(2, 32);
    let x = case.points(1);
    group.throughput(Throughput::Elements(1)).sample_size(10);
    for steps in [50, 100] {
        group.bench_function(BenchmarkId::new("unrolled T2", steps), |b| {
            b.iter(|| train_step::unrolled::<2>(&case, &x, steps));
        });
    }
    group.finish();
}

criterion_group!(benches, train_step);
criterion_main!(benches);
