//! Points to learn from, and points that are held out.

/// Points to learn from, and every `1/share`-th one held out: no seed, and files sorted by anything are split evenly.
pub(crate) fn split(points: &[f64], ambient: usize, share: f64) -> (Vec<f64>, Vec<f64>) {
    let (mut train, mut held_out) = (Vec::new(), Vec::new());
    for (i, point) in points.chunks_exact(ambient).enumerate() {
        let taken = ((i + 1) as f64 * share).floor() > (i as f64 * share).floor();
        if taken { held_out.extend(point) } else { train.extend(point) }
    }
    (train, held_out)
}
