//! What streams and datagrams consist of: all of it follows from a key, which comes first. A byte
//! that belongs to another stream, or to another place, is found out.

use crate::rng::mix;

/// The bytes of the key itself.
pub const KEY: usize = 8;

/// Writes what stands from `offset` on.
pub fn fill(key: u64, offset: u64, buffer: &mut [u8]) {
    let mut at = offset;
    let mut rest = buffer;
    while !rest.is_empty() {
        let (word, skip) = (word(key, at / 8).to_be_bytes(), (at % 8) as usize);
        let n = (8 - skip).min(rest.len());
        let (part, after) = rest.split_at_mut(n);
        part.copy_from_slice(&word[skip..skip + n]);
        (rest, at) = (after, at + n as u64);
    }
}

/// Where the first byte is that should not be there.
pub fn mismatch(key: u64, offset: u64, data: &[u8]) -> Option<u64> {
    let mut expected = [0; 256];
    let mut at = offset;
    for part in data.chunks(expected.len()) {
        let expected = &mut expected[..part.len()];
        fill(key, at, expected);
        if expected != part {
            let wrong = expected.iter().zip(part).take_while(|(a, b)| a == b).count();
            return Some(at + wrong as u64);
        }
        at += part.len() as u64;
    }
    None
}

/// The key of what begins with these bytes, if there are enough of them.
pub fn key_of(data: &[u8]) -> Option<u64> {
    data.first_chunk().map(|key| u64::from_be_bytes(*key))
}

fn word(key: u64, index: u64) -> u64 {
    if index == 0 { key } else { mix(key ^ mix(index)) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_filled_in_parts_is_what_is_filled_at_once() {
        let mut whole = [0; 1_000];
        fill(7, 0, &mut whole);
        let mut part = [0; 333];
        fill(7, 61, &mut part);
        assert_eq!(part, whole[61..394]);
        assert_eq!(key_of(&whole), Some(7));
    }

    #[test]
    fn another_byte_another_place_and_another_key_are_found_out() {
        let mut data = [0; 1_000];
        fill(7, 20, &mut data);
        assert_eq!(mismatch(7, 20, &data), None);
        assert!(mismatch(7, 21, &data).is_some());
        assert!(mismatch(8, 20, &data).is_some());
        data[700] ^= 1;
        assert_eq!(mismatch(7, 20, &data), Some(720));
    }
}
