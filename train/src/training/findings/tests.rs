//! Faults planted in points, each found by its name, and points without a fault.

use std::f64::consts::TAU;

use super::*;
use crate::points::{Generator, Sequence, Spread, base_points};

fn manifold(name: &str) -> AnyManifold {
    name.parse().expect("a manifold")
}

/// Points of the base density, 200 of them: no fault.
fn sound(name: &str) -> Vec<f64> {
    let m = manifold(name);
    let sequence = Sequence::new(Spread::Random, 200, m.cube_dim());
    base_points(&m, &sequence, &mut Generator::from_seed(31))
}

/// Sound points of which each row is changed.
fn changed(name: &str, change: impl Fn(&mut [f64])) -> Vec<f64> {
    let mut points = sound(name);
    points.chunks_exact_mut(manifold(name).ambient()).for_each(change);
    points
}

#[test]
fn sound_points_have_no_finding() {
    for name in ["T1", "T2", "S1", "S2", "S3", "R1", "R2", "T2xR1", "S2xS2", "T1xS2"] {
        assert_eq!(examine(&manifold(name), &sound(name)), Ok(Vec::new()), "{name}");
    }
}

#[test]
fn points_without_a_density_are_refused_with_their_columns() {
    for (name, points, words) in [
        ("T2", changed("T2", |p| p[1] = p[0]), "column 2 equals column 1, so that no density exists on T2"),
        ("T2", changed("T2", |p| p[1] = (p[0] + 2.0).rem_euclid(TAU)), "column 2 is column 1 plus 2"),
        ("T2", changed("T2", |p| p[1] = (1.0 - p[0]).rem_euclid(TAU)), "minus column 1"),
        ("T2", changed("T2", |p| p[0] = 1.5), "column 1 has the value 1.5 in every row"),
        ("T1xR1", changed("T1xR1", |p| p[1] = p[0]), "column 2 equals column 1"),
        ("R3", changed("R3", |p| p[2] = p[0] - 2.0 * p[1] + 4.0), "columns 1, 2 and 3 lie in one hyperplane"),
        ("R3", changed("R3", |p| p[2] = 1e6 * p[0] + 4.0), "columns 1 and 3 lie in one hyperplane"),
        ("R3", changed("R3", |p| p[2] = 7.0), "remove column 3"),
        (
            "S2",
            changed("S2", |p| {
                p.copy_from_slice(&circle(p, 0.0));
            }),
            "lie in one hyperplane",
        ),
        (
            "S2",
            changed("S2", |p| {
                p.copy_from_slice(&circle(p, 0.6));
            }),
            "lie in one hyperplane",
        ),
        ("S2xS2", changed("S2xS2", |p| p.copy_within(0..3, 3)), "column 4 equals column 1"),
        ("T2", [1.0, 2.0].repeat(50), "50 rows hold 1 different points"),
        ("R1", Vec::new(), "0 rows hold 0 different points"),
    ] {
        let refusal = examine(&manifold(name), &points).expect_err(words).to_string();
        assert!(refusal.contains(words), "{name}: {refusal}");
    }
}

/// A point on a circle of S² around the axis (1, 2, 2)/3 at this height, from the azimuth of `p`.
fn circle(p: &[f64], height: f64) -> [f64; 3] {
    let (sin, cos) = p[1].atan2(p[0]).sin_cos();
    let radius = f64::sqrt(1.0 - height * height) / 3.0;
    // An orthonormal basis with the axis: (2, 1, −2)/3 and (2, −2, 1)/3.
    [
        height / 3.0 + radius * (2.0 * cos + 2.0 * sin),
        2.0 * height / 3.0 + radius * (cos - 2.0 * sin),
        2.0 * height / 3.0 + radius * (sin - 2.0 * cos),
    ]
}

#[test]
fn faults_that_leave_a_density_are_found() {
    let mut generator = Generator::from_seed(32);
    let mut noise = |size: f64| size * generator.normal();
    let cauchy: Vec<f64> = (0..500).map(|_| noise(1.0) / noise(1.0)).collect();
    let mut outlier = sound("R1");
    outlier[7] = 60.0;
    let mut near = sound("T2");
    near.chunks_exact_mut(2).for_each(|p| p[1] = p[0] + noise(1e-6));
    let mut thin = changed("S2", |p| p.copy_from_slice(&circle(p, 0.0)));
    thin.chunks_exact_mut(3).for_each(|p| {
        p[0] += noise(1e-6);
        let norm = p.iter().map(|x| x * x).sum::<f64>().sqrt();
        p.iter_mut().for_each(|x| *x /= norm);
    });
    let mut twice = sound("T2");
    twice.extend_from_within(..20);
    twice.extend_from_within(..10);
    for (name, points, words) in [
        ("R1", cauchy, "column 1 has heavy tails"),
        ("R1", outlier, "robust standard deviations"),
        ("T2", near, "column 2 equals column 1 but for"),
        ("S2", thin, "columns 1, 2 and 3 lie in one hyperplane but for"),
        ("T2", twice, "15 of 215 rows repeat an earlier one, the most frequent point 3 times"),
        ("T1", changed("T1", |p| p[0] = p[0].round()), "has only 7 distinct values in 200 rows"),
        ("T3", sound("T3")[..60].to_vec(), "20 different points in 3 dimensions"),
        ("R2", changed("R2", |p| p[0] *= 40.0), "columns are on different scales"),
        (
            "R1",
            {
                let mut far = sound("R1");
                far[7] = 1e300;
                far
            },
            "robust standard deviations",
        ),
    ] {
        let findings = examine(&manifold(name), &points).expect(words);
        let lines: Vec<String> = findings.iter().map(ToString::to_string).collect();
        assert!(lines.iter().any(|line| line.contains(words)), "{name}, {words}: {lines:?}");
        assert!(lines.iter().all(|line| !line.contains('\n') && line.len() < 300), "{lines:?}");
    }
    // A number is not compared with an angle.
    let mixed = changed("R1xT1", |p| p[0] *= 40.0);
    assert_eq!(examine(&manifold("R1xT1"), &mixed), Ok(vec![]));
}

#[test]
fn few_points_are_not_taken_for_a_hyperplane() {
    for (name, rows) in [("S2", 3), ("R3", 3), ("R2", 2), ("T2", 2)] {
        let points = &sound(name)[..rows * manifold(name).ambient()];
        let findings = examine(&manifold(name), points).expect(name);
        assert!(
            findings.iter().all(|f| matches!(f, Finding::FewRows { .. } | Finding::Scales { .. })),
            "{findings:?}"
        );
    }
}

#[test]
fn held_out_rows_that_are_learned_from_are_counted() {
    let train = [1.0, 2.0, 3.0, 4.0, 0.0, 6.0];
    assert_eq!(repeated(2, &train, &[1.0, 4.0, 2.0, 3.0]), None);
    let found = repeated(2, &train, &[3.0, 4.0, -0.0, 6.0, 7.0, 8.0]).expect("a finding");
    assert_eq!(found, Finding::InBoth { held_out: 3, repeated: 2 });
    assert!(
        found.to_string().starts_with("2 of 3 held-out rows are among the rows to learn from"),
        "{found}"
    );
}
