//! HMAC (RFC 2104).

use sha2::Digest;

/// HMAC over a hash with blocks of 64 bytes, for keys that fit in one: of SHA-1 and
/// SHA-256.
pub(crate) fn hmac<D: Digest>(key: &[u8], message: &[u8]) -> Vec<u8> {
    let pad = |mask: u8| {
        let mut block = [mask; 64];
        block.iter_mut().zip(key).for_each(|(byte, key)| *byte ^= key);
        block
    };
    let inner = D::new().chain_update(pad(0x36)).chain_update(message).finalize();
    D::new().chain_update(pad(0x5c)).chain_update(inner).finalize().to_vec()
}

#[cfg(test)]
mod tests {
    use sha1::Sha1;
    use sha2::Sha256;

    use super::*;

    #[test]
    fn hmac_vectors_of_rfc_2202_and_4231() {
        let sha1 = hmac::<Sha1>(b"Jefe", b"what do ya want for nothing?");
        assert_eq!(sha1[..4], [0xef, 0xfc, 0xdf, 0x6a]);
        let sha256 = hmac::<Sha256>(b"Jefe", b"what do ya want for nothing?");
        assert_eq!(sha256[..4], [0x5b, 0xdc, 0xc1, 0x46]);
    }
}
