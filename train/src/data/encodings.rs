//! The encodings of numbers in pages of Parquet, as the documentation of the format (Encodings.md) has them.
//!
//! Bytes that are cut short or damaged give nothing.

use super::thrift::{integer, varint};

/// Values of `width` bits each in runs of equal values and groups of eight packed ones.
pub(super) fn hybrid(mut bytes: &[u8], width: usize, count: usize) -> Option<Vec<u32>> {
    if width == 0 {
        return Some(vec![0; count]);
    }
    let (mut values, mask) = (Vec::with_capacity(count), low_bits(width)?);
    while values.len() < count {
        let head = varint(&mut bytes)?;
        let left = count - values.len();
        let run = usize::try_from(head >> 1).ok()?;
        if head & 1 == 0 {
            let (value, rest) = bytes.split_at_checked(width.div_ceil(8))?;
            bytes = rest;
            let value = value.iter().rev().fold(0, |all, &byte| all << 8 | u64::from(byte));
            values.extend(std::iter::repeat_n((value & mask) as u32, run.min(left)));
        } else {
            let packed = run.checked_mul(8)?.min(left);
            for i in 0..packed {
                values.push(bits(bytes, i * width, width)? as u32);
            }
            bytes = bytes.get(run.checked_mul(width)?..).unwrap_or_default();
        }
    }
    Some(values)
}

/// Whole numbers as the packed differences between them, in blocks of a size that the beginning tells.
pub(super) fn deltas(mut bytes: &[u8], count: usize, is_short: bool) -> Option<Vec<i64>> {
    let size = |bytes: &mut &[u8]| usize::try_from(varint(bytes)?).ok();
    let (block, parts, total) = (size(&mut bytes)?, size(&mut bytes)?, size(&mut bytes)?);
    let first = integer(&mut bytes)?;
    let of_part = block.checked_div(parts).filter(|&of_part| of_part > 0 && of_part.is_multiple_of(8))?;
    if total < count {
        return None;
    }
    let wrap = |number: i64| if is_short { i64::from(number as i32) } else { number };
    let mut values = Vec::with_capacity(count);
    values.extend((count > 0).then(|| wrap(first)));
    while values.len() < count {
        let least = integer(&mut bytes)?;
        let (widths, mut rest) = bytes.split_at_checked(parts)?;
        for width in widths.iter().map(|&width| usize::from(width)) {
            let left = count - values.len();
            if left == 0 {
                break;
            }
            for i in 0..of_part.min(left) {
                let delta = least.wrapping_add(bits(rest, i.checked_mul(width)?, width)? as i64);
                values.push(wrap(values.last()?.wrapping_add(delta)));
            }
            rest = rest.get(of_part.checked_mul(width)? / 8..).unwrap_or_default();
        }
        bytes = rest;
    }
    Some(values)
}

/// Numbers of `N` bytes of which first all first bytes stand, then all second ones, and so on.
pub(super) fn split_streams<const N: usize>(bytes: &[u8], count: usize) -> Option<Vec<[u8; N]>> {
    let stride = bytes.len() / N;
    if stride < count || !bytes.len().is_multiple_of(N) {
        return None;
    }
    Some((0..count).map(|i| std::array::from_fn(|k| bytes[k * stride + i])).collect())
}

/// The `width` bits from the bit `start` on, the lowest first; none beyond the end.
fn bits(bytes: &[u8], start: usize, width: usize) -> Option<u64> {
    let mask = low_bits(width)?;
    if width == 0 {
        return Some(0);
    }
    let bytes = bytes.get(start / 8..(start + width).div_ceil(8))?;
    let word = bytes.iter().rev().fold(0, |all, &byte| all << 8 | u128::from(byte));
    Some((word >> (start % 8)) as u64 & mask)
}

/// So many bits that are set; none for more than 64.
fn low_bits(width: usize) -> Option<u64> {
    match width {
        64 => Some(u64::MAX),
        0..64 => Some((1 << width) - 1),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn runs_and_packed_groups_are_those_of_the_format() {
        // The example of Encodings.md: 0 to 7 in three bits each; and a run of 300 times 5.
        let packed = [0x03, 0b1000_1000, 0b1100_0110, 0b1111_1010];
        assert_eq!(hybrid(&packed, 3, 8), Some((0..8).collect()));
        assert_eq!(hybrid(&packed, 3, 9), None);
        let run = [0xd8, 0x04, 5];
        assert_eq!(hybrid(&run, 3, 300), Some(vec![5; 300]));
        assert_eq!(
            hybrid(&[run, packed[..3].try_into().expect("three")].concat(), 3, 302),
            Some([vec![5; 300], vec![0, 1]].concat())
        );
        assert_eq!(hybrid(&[], 0, 3), Some(vec![0; 3]));
    }

    #[test]
    fn deltas_are_those_of_the_format() {
        // The example of Encodings.md: 7, 5, 3, 1, 2, 3, 4, 5, whose deltas are at least -2 and take two bits.
        let bytes = [8, 1, 8, 14, 3, 2, 0b1100_0000, 0b0011_1111];
        assert_eq!(deltas(&bytes, 8, false), Some(vec![7, 5, 3, 1, 2, 3, 4, 5]));
        assert_eq!(deltas(&bytes[..7], 8, false), None);
        assert_eq!(deltas(&bytes, 9, false), None);
    }

    #[test]
    fn streams_are_joined() {
        assert_eq!(split_streams::<2>(&[1, 2, 3, 4, 5, 6], 3), Some(vec![[1, 4], [2, 5], [3, 6]]));
        assert_eq!(split_streams::<2>(&[1, 2, 3, 4], 3), None);
    }
}
