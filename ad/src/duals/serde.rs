//! Arrays of any length for serde, which knows them up to 32 only.

use std::fmt::{Formatter, Result as FmtResult};
use std::marker::PhantomData;

use serde::de::{Deserialize, Deserializer, Error, SeqAccess, Visitor};
use serde::ser::{Serialize, SerializeTuple, Serializer};

/// For `#[serde(with = …)]`: an array as a tuple.
pub(super) mod array {
    use super::*;

    pub(in super::super) fn serialize<T: Serialize, Z: Serializer, const N: usize>(
        x: &[T; N],
        serializer: Z,
    ) -> Result<Z::Ok, Z::Error> {
        let mut tuple = serializer.serialize_tuple(N)?;
        for x in x {
            tuple.serialize_element(x)?;
        }
        tuple.end()
    }

    pub(in super::super) fn deserialize<'de, T: Deserialize<'de>, Z: Deserializer<'de>, const N: usize>(
        deserializer: Z,
    ) -> Result<[T; N], Z::Error> {
        deserializer.deserialize_tuple(N, Elements(PhantomData))
    }
}

/// For `#[serde(with = …)]`: an array of arrays, row by row.
pub(super) mod matrix {
    use super::*;

    pub(in super::super) fn serialize<T: Serialize, Z: Serializer, const M: usize, const N: usize>(
        x: &[[T; N]; M],
        serializer: Z,
    ) -> Result<Z::Ok, Z::Error> {
        let mut tuple = serializer.serialize_tuple(M)?;
        for row in x {
            tuple.serialize_element(&Row(row))?;
        }
        tuple.end()
    }

    pub(in super::super) fn deserialize<
        'de,
        T: Deserialize<'de>,
        Z: Deserializer<'de>,
        const M: usize,
        const N: usize,
    >(
        deserializer: Z,
    ) -> Result<[[T; N]; M], Z::Error> {
        let rows: [OwnedRow<T, N>; M] = array::deserialize(deserializer)?;
        Ok(rows.map(|row| row.0))
    }
}

struct Row<'a, T, const N: usize>(&'a [T; N]);

impl<T: Serialize, const N: usize> Serialize for Row<'_, T, N> {
    fn serialize<Z: Serializer>(&self, serializer: Z) -> Result<Z::Ok, Z::Error> {
        array::serialize(self.0, serializer)
    }
}

struct OwnedRow<T, const N: usize>([T; N]);

impl<'de, T: Deserialize<'de>, const N: usize> Deserialize<'de> for OwnedRow<T, N> {
    fn deserialize<Z: Deserializer<'de>>(deserializer: Z) -> Result<Self, Z::Error> {
        array::deserialize(deserializer).map(OwnedRow)
    }
}

struct Elements<T, const N: usize>(PhantomData<T>);

impl<'de, T: Deserialize<'de>, const N: usize> Visitor<'de> for Elements<T, N> {
    type Value = [T; N];

    fn expecting(&self, f: &mut Formatter<'_>) -> FmtResult {
        write!(f, "an array of length {N}")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut sequence: A) -> Result<[T; N], A::Error> {
        let mut elements = Vec::with_capacity(N);
        while elements.len() < N {
            match sequence.next_element()? {
                Some(element) => elements.push(element),
                None => return Err(A::Error::invalid_length(elements.len(), &self)),
            }
        }
        elements.try_into().map_err(|more: Vec<T>| A::Error::invalid_length(more.len(), &self))
    }
}
