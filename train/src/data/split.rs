//! Points to learn from, and points that are held out.

use crate::weights::Sample;

/// Points to learn from, and every `1/share`-th one held out: no seed, and files sorted by anything are split evenly.
pub(crate) fn split(sample: &Sample, ambient: usize, share: f64) -> [Sample; 2] {
    let (mut train, mut held_out) = (Vec::new(), Vec::new());
    for i in 0..sample.points.len() / ambient {
        let taken = ((i + 1) as f64 * share).floor() > (i as f64 * share).floor();
        if taken { held_out.push(i) } else { train.push(i) }
    }
    [train, held_out].map(|rows| sample.rows(ambient, &rows))
}
