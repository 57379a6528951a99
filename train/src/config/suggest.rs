//! The nearest known spelling of an unknown name.

/// The name in `known` that is nearest to `given`, if it is near enough to be meant.
///
/// Near: at most a third of the letters differ (Levenshtein distance), or one name contains the other.
pub fn suggest<'a>(given: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let limit = given.chars().count().div_ceil(3);
    let distance = |name: &str| {
        let contained = given.len().min(name.len()) >= 3 && (name.contains(given) || given.contains(name));
        if contained { 1 } else { strsim::levenshtein(given, name) }
    };
    known
        .into_iter()
        .map(|name| (distance(name), name))
        .filter(|&(d, _)| d <= limit)
        .min()
        .map(|(_, name)| name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn suggestion_is_nearest_and_absent_when_nothing_is_near() {
        let known = ["steps", "batch", "learning_rate"];
        assert_eq!(suggest("stepss", known), Some("steps"));
        assert_eq!(suggest("learningrate", known), Some("learning_rate"));
        assert_eq!(suggest("zzz", known), None);
        // A short name is part of many words.
        assert_eq!(suggest("thta1", ["a", "theta1"]), Some("theta1"));
    }
}
