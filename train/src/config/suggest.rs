//! The nearest known spelling of an unknown name.

/// The name in `known` that is nearest to `given`, if it is near enough to be meant.
///
/// Near: at most a third of the letters differ (Levenshtein distance), or one name contains the other.
pub fn suggest<'a>(given: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let limit = given.chars().count().div_ceil(3);
    let distance = |name: &str| {
        let contained = given.len() >= 3 && (name.contains(given) || given.contains(name));
        if contained { 1 } else { levenshtein(given, name) }
    };
    known
        .into_iter()
        .map(|name| (distance(name), name))
        .filter(|&(d, _)| d <= limit)
        .min()
        .map(|(_, name)| name)
}

/// Number of letters to insert, delete or replace to turn `a` into `b`: the row-by-row dynamic programme.
fn levenshtein(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, &y) in b.iter().enumerate() {
            let replaced = diagonal + usize::from(x != y);
            diagonal = row[j + 1];
            row[j + 1] = replaced.min(row[j] + 1).min(diagonal + 1);
        }
    }
    row[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn levenshtein_counts_edits() {
        assert_eq!(levenshtein("kitten", "sitting"), 3);
        assert_eq!(levenshtein("", "abc"), 3);
        assert_eq!(levenshtein("abc", "abc"), 0);
    }

    #[test]
    fn suggestion_is_nearest_and_absent_when_nothing_is_near() {
        let known = ["steps", "batch", "learning_rate"];
        assert_eq!(suggest("stepss", known), Some("steps"));
        assert_eq!(suggest("learningrate", known), Some("learning_rate"));
        assert_eq!(suggest("zzz", known), None);
    }
}
