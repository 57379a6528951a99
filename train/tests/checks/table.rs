//! What must hold of any bytes given as a file of points; replayed from `tests/regressions/table`, and fuzzed.

use ircpm_train::data::{Options, Unit, decode, encode};

/// Manifolds, endings and options, of which the first byte chooses.
const MANIFOLDS: [&str; 5] = ["T2", "S2", "R1", "T1xS2", "R2xT1"];
const ENDINGS: [&str; 4] = ["x.csv", "x.npy", "x.npz", "x.txt"];

/// Reads `bytes` after the first, which chooses how. What is read are points, the same when they are written and read
/// again; an error says something on one line.
pub(crate) fn reads_or_explains(bytes: &[u8]) {
    let Some((&choice, bytes)) = bytes.split_first() else { return };
    let choice = usize::from(choice);
    let manifold = MANIFOLDS[choice % 5].parse().expect("a manifold");
    let has_angles = MANIFOLDS[choice % 5].contains('T');
    let options = Options {
        unit: (has_angles && choice & 32 > 0).then_some(Unit::Degrees),
        lat_lon: choice & 64 > 0 && choice % 5 % 2 == 1,
        drop_missing: choice & 128 > 0,
        ..Options::default()
    };
    let name = ENDINGS[choice / 5 % 4];
    match decode(bytes, name.as_ref(), &manifold, &options) {
        Ok(read) => {
            let n = manifold.ambient();
            assert!(read.points.len() >= n && read.points.len().is_multiple_of(n));
            read.points.chunks_exact(n).for_each(|point| manifold.check_point(point).expect("a point"));
            let copy = decode(&encode(&read.points, n), "x.npy".as_ref(), &manifold, &Options::default());
            assert_eq!(copy.expect("points that were written").points, read.points);
        }
        Err(error) => {
            let text = error.to_string();
            assert!(!text.is_empty() && text.lines().count() == 1, "{error:?}");
        }
    }
}
