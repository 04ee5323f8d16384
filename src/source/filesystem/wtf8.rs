//! Names in UTF-16, which need not be well-formed, as WTF-8: UTF-8 in which a surrogate
//! without its other half has the three bytes that its number would have, so that the
//! stored name can be had back from them.

/// UTF-16 as WTF-8.
pub(super) fn wtf8(utf16: &[u8]) -> Vec<u8> {
    let units = utf16.chunks_exact(2).map(|unit| u16::from_le_bytes(unit.try_into().unwrap_or_default()));
    let mut bytes = Vec::with_capacity(utf16.len());
    for decoded in char::decode_utf16(units) {
        match decoded {
            Ok(character) => bytes.extend_from_slice(character.encode_utf8(&mut [0; 4]).as_bytes()),
            Err(alone) => {
                let [high, low] = alone.unpaired_surrogate().to_be_bytes();
                // 1110xxxx 10xxxxxx 10xxxxxx
                bytes.extend([0xe0 | high >> 4, 0x80 | (high & 15) << 2 | low >> 6, 0x80 | low & 0x3f]);
            }
        }
    }
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    fn utf16(units: &[u16]) -> Vec<u8> {
        units.iter().flat_map(|unit| unit.to_le_bytes()).collect()
    }

    #[test]
    fn halves_of_pairs_stay_apart() {
        let text = "aü日😀";
        assert_eq!(wtf8(&utf16(&text.encode_utf16().collect::<Vec<_>>())), text.as_bytes());
        assert_eq!(wtf8(&utf16(&[0x61, 0xd83d, 0x62])), b"a\xed\xa0\xbdb");
        assert_eq!(wtf8(&utf16(&[0xde00, 0xd83d])), b"\xed\xb8\x80\xed\xa0\xbd");
    }
}
