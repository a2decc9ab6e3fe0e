//! What `str0m` needs of cryptography, out of RustCrypto's crates and `dimpl`'s DTLS.
//!
//! `str0m` takes its back-end as an argument. The ready-made one on RustCrypto is not published for
//! this release of `str0m`, and the others bring a C library; this is the same thin glue.

mod certificate;
mod dtls;
mod hash;
mod srtp;

use std::sync::Arc;

use str0m::crypto::CryptoProvider;

pub(crate) use certificate::Certificate;
pub(crate) use hash::{derive, sha256};

/// Returns the back-end for `RtcConfig::set_crypto_provider`.
pub(crate) fn provider() -> Arc<CryptoProvider> {
    Arc::new(CryptoProvider {
        srtp_provider: &srtp::Srtp,
        sha1_hmac_provider: &hash::Hash,
        sha1_provider: &hash::Hash,
        sha256_provider: &hash::Hash,
        dtls_provider: &dtls::DtlsFactory,
    })
}
