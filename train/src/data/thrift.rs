//! Structures of Thrift's compact protocol, in which Parquet writes the headers of pages.
//!
//! The protocol is that of thrift-compact-protocol.md in the documentation of Apache Thrift: a field is a byte of its
//! type and of the step of its number, integers are zigzag numbers of seven bits per byte, and a zero ends a structure.

/// Structures inside each other; those of Parquet have at most four.
const DEPTH: usize = 8;

/// What a field holds; text, lists and floating-point numbers are passed over.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Value {
    Integer(i64),
    Structure(Structure),
    Other,
}

/// Fields with their numbers.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Structure(Vec<(i16, Value)>);

impl Structure {
    /// The integer of a field, or whether its flag is set.
    pub(super) fn integer(&self, number: i16) -> Option<i64> {
        self.0.iter().find_map(|(own, value)| match value {
            Value::Integer(integer) if *own == number => Some(*integer),
            _ => None,
        })
    }

    /// The integer of a field as a size.
    pub(super) fn size(&self, number: i16) -> Option<usize> {
        self.integer(number).and_then(|size| usize::try_from(size).ok())
    }

    /// The structure of a field.
    pub(super) fn structure(&self, number: i16) -> Option<&Self> {
        self.0.iter().find_map(|(own, value)| match value {
            Value::Structure(structure) if *own == number => Some(structure),
            _ => None,
        })
    }
}

/// Reads the structure at the beginning of the bytes, which are moved on behind it; none if there is no whole one.
pub(super) fn structure(bytes: &mut &[u8]) -> Option<Structure> {
    fields(bytes, DEPTH)
}

fn fields(bytes: &mut &[u8], depth: usize) -> Option<Structure> {
    let depth = depth.checked_sub(1)?;
    let (mut found, mut number) = (Vec::new(), 0_i16);
    loop {
        let [head] = take(bytes)?;
        if head == 0 {
            return Some(Structure(found));
        }
        number = match head >> 4 {
            0 => i16::try_from(integer(bytes)?).ok()?,
            step => number.checked_add(i16::from(step))?,
        };
        let value = match head & 15 {
            // The type of a flag is its value.
            kind @ (1 | 2) => Value::Integer(i64::from(kind == 1)),
            kind => value(kind, bytes, depth)?,
        };
        found.push((number, value));
    }
}

/// A value of a type, as it stands in a list.
fn value(kind: u8, bytes: &mut &[u8], depth: usize) -> Option<Value> {
    match kind {
        1..=3 => drop(take::<1>(bytes)?),
        4..=6 => return integer(bytes).map(Value::Integer),
        7 => drop(take::<8>(bytes)?),
        8 => {
            let length = usize::try_from(varint(bytes)?).ok()?;
            *bytes = bytes.get(length..)?;
        }
        9 | 10 => {
            let [head] = take(bytes)?;
            let length = if head >> 4 == 15 { varint(bytes)? } else { u64::from(head >> 4) };
            let depth = depth.checked_sub(1)?;
            // Every element has a byte or more, so that the end of the bytes ends a loop of any length.
            (0..length).try_for_each(|_| value(head & 15, bytes, depth).map(drop))?;
        }
        12 => return fields(bytes, depth).map(Value::Structure),
        // Headers of pages have no maps.
        _ => return None,
    }
    Some(Value::Other)
}

fn take<const N: usize>(bytes: &mut &[u8]) -> Option<[u8; N]> {
    let (first, rest) = bytes.split_first_chunk::<N>()?;
    *bytes = rest;
    Some(*first)
}

/// A number of seven bits per byte, the lowest first.
pub(super) fn varint(bytes: &mut &[u8]) -> Option<u64> {
    let mut number = 0;
    for place in 0..10 {
        let [byte] = take(bytes)?;
        number |= u64::from(byte & 127).checked_shl(7 * place)?;
        if byte < 128 {
            return Some(number);
        }
    }
    None
}

/// A number whose sign is its lowest bit.
pub(super) fn integer(bytes: &mut &[u8]) -> Option<i64> {
    let number = varint(bytes)?;
    Some((number >> 1) as i64 ^ -((number & 1) as i64))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn structures_are_read_to_their_end() {
        // 1: 7, 2: true, 3: "ab", 5: { 1: -3 }, 20: [4, 5], and a byte behind.
        let bytes = [0x15, 14, 0x11, 0x18, 2, b'a', b'b', 0x2c, 0x15, 5, 0, 0x09, 40, 0x25, 8, 10, 0, 99];
        let mut rest = &bytes[..];
        let read = structure(&mut rest).expect("a structure");
        assert_eq!(rest, [99]);
        assert_eq!((read.integer(1), read.integer(2), read.integer(3)), (Some(7), Some(1), None));
        assert_eq!(read.structure(5).map(|inner| (inner.integer(1), inner.size(1))), Some((Some(-3), None)));
        assert_eq!((read.structure(4), read.integer(20)), (None, None));
        for end in 0..bytes.len() - 1 {
            assert_eq!(structure(&mut &bytes[..end]), None, "{end}");
        }
    }

    #[test]
    fn hostile_structures_end() {
        // A list of 2^63 structures, and structures without an end.
        let long = [0x19, 0xfc, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x00, 0, 0, 0];
        assert_eq!(structure(&mut &long[..]), None);
        assert_eq!(structure(&mut &[0x1c; 1 << 16][..]), None);
        assert_eq!(structure(&mut &[0xff; 64][..]), None);
    }
}
