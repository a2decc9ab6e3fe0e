//! How passwords are proved (OPAQUE, RFC 9807), for both ends.
//!
//! The suite, in the words of `opaque-ke` 4.0:
//!
//! ```text
//! impl CipherSuite for Suite {
//!     type OprfCs = opaque_ke::Ristretto255;
//!     type KeyExchange = opaque_ke::TripleDh<opaque_ke::Ristretto255, sha2::Sha512>;
//!     type Ksf = argon2::Argon2<'static>;   // the client; the server never stretches: `ksf::Identity`
//! }
//! ```
//!
//! * Both ends leave the OPAQUE identifiers and the context empty (`Default` parameters).
//! * The password is NFKC-normalised UTF-8, [`PASSWORD_CHARS`] long, and never leaves the client.
//! * The client stretches with Argon2id, version 0x13, [`ARGON2_MEMORY_KIB`], [`ARGON2_PASSES`] and
//!   [`ARGON2_LANES`], and hands it to `ClientRegistrationFinishParameters::new` and
//!   `ClientLoginFinishParameters::new` at sign-up and at sign-in alike. With other parameters a
//!   right password is a wrong one.
//! * `RegistrationRequest`, `RegistrationResponse`, `RegistrationRecord` (upload), `KE1`, `KE2` and
//!   `KE3` travel as `serialize()` writes them.
//! * The export key (64 bytes) stays on the client and wraps [`crate::Identity::wrapped_seed`]. An
//!   unknown address gets a dummy `KE2`: the client then sees a wrong password and says so without
//!   asking the server again.

/// Argon2id memory cost (RFC 9106, section 3.1), in KiB.
pub const ARGON2_MEMORY_KIB: u32 = 64 * 1024;
/// Argon2id number of passes.
pub const ARGON2_PASSES: u32 = 3;
/// Argon2id degree of parallelism.
pub const ARGON2_LANES: u32 = 1;
/// How many characters (Unicode scalar values after NFKC) a password may have.
pub const PASSWORD_CHARS: std::ops::RangeInclusive<usize> = 10..=256;
