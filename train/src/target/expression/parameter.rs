//! Numbers that an energy's text refers to by name.

use std::collections::BTreeMap;
use std::fmt::{self, Formatter};

use serde::de::{Deserialize, Deserializer, Error, SeqAccess, Visitor};
use serde::{Serialize, Serializer};

/// Parameters by name.
pub type Parameters = BTreeMap<String, Parameter>;

/// A number, or a list of parameters: `4.18`, `[0.3, 1.2]`, `[[1, 0], [0, 1]]`.
#[derive(Clone, Debug, PartialEq)]
pub enum Parameter {
    /// A finite number.
    Number(f64),
    /// A list, whose entries are counted from 1 in the text.
    List(Vec<Parameter>),
}

impl Parameter {
    /// Levels of lists in lists, counted up to one more than `most`; no recursion, which a deep list could let overflow.
    pub(super) fn levels(&self, most: usize) -> usize {
        let mut level = vec![self];
        let mut levels = 0;
        while levels <= most {
            let lists = level.iter().filter_map(|parameter| match parameter {
                Self::List(list) => Some(list),
                Self::Number(_) => None,
            });
            let next: Vec<&Self> = lists.flatten().collect();
            if next.is_empty() {
                break;
            }
            (level, levels) = (next, levels + 1);
        }
        levels
    }
}

impl From<f64> for Parameter {
    fn from(x: f64) -> Self {
        Self::Number(x)
    }
}

impl<P: Into<Parameter>> From<Vec<P>> for Parameter {
    fn from(list: Vec<P>) -> Self {
        Self::List(list.into_iter().map(P::into).collect())
    }
}

impl<P: Into<Parameter>, const N: usize> From<[P; N]> for Parameter {
    fn from(list: [P; N]) -> Self {
        Self::List(list.into_iter().map(P::into).collect())
    }
}

impl Serialize for Parameter {
    fn serialize<S: Serializer>(&self, output: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Number(x) => output.serialize_f64(*x),
            Self::List(list) => output.collect_seq(list),
        }
    }
}

impl<'de> Deserialize<'de> for Parameter {
    fn deserialize<D: Deserializer<'de>>(input: D) -> Result<Self, D::Error> {
        struct NumberOrList;

        impl<'de> Visitor<'de> for NumberOrList {
            type Value = Parameter;

            fn expecting(&self, f: &mut Formatter<'_>) -> fmt::Result {
                f.write_str("a number, or a list of numbers such as [0.3, 1.2]")
            }
            fn visit_i64<E: Error>(self, n: i64) -> Result<Parameter, E> {
                Ok(Parameter::Number(n as f64))
            }
            fn visit_u64<E: Error>(self, n: u64) -> Result<Parameter, E> {
                Ok(Parameter::Number(n as f64))
            }
            fn visit_f64<E: Error>(self, x: f64) -> Result<Parameter, E> {
                if x.is_finite() {
                    Ok(Parameter::Number(x))
                } else {
                    Err(E::custom(format!("{x} is not a finite number")))
                }
            }
            fn visit_seq<A: SeqAccess<'de>>(self, mut entries: A) -> Result<Parameter, A::Error> {
                let mut list = Vec::new();
                while let Some(entry) = entries.next_element()? {
                    list.push(entry);
                }
                Ok(Parameter::List(list))
            }
        }

        input.deserialize_any(NumberOrList)
    }
}
