use std::{
    fmt,
    sync::{Arc, OnceLock},
    time::{Duration, Instant},
};

use dimpl::{Config, Dtls, crypto::rust_crypto};
use str0m::{
    config::{DtlsCert, DtlsVersion},
    crypto::{
        CryptoError,
        dtls::{DtlsImplError, DtlsInstance, DtlsOutput, DtlsProvider, ProtocolVersion},
    },
};

/// Makes DTLS endpoints (RFC 6347).
#[derive(Debug)]
pub(super) struct DtlsFactory;

impl DtlsProvider for DtlsFactory {
    // A certificate needs entropy, which comes with the session's config.
    fn generate_certificate(&self) -> Option<DtlsCert> {
        None
    }

    fn new_dtls(
        &self,
        cert: &DtlsCert,
        now: Instant,
        version: DtlsVersion,
        _mtu: Option<usize>,
    ) -> Result<Box<dyn DtlsInstance>, CryptoError> {
        let config = config()?;
        let dtls = match version {
            DtlsVersion::Dtls12 => Dtls::new_12(config, cert.clone(), now),
            DtlsVersion::Dtls13 => Dtls::new_13(config, cert.clone(), now),
            DtlsVersion::Auto => Dtls::new_auto(config, cert.clone(), now),
            other => return Err(CryptoError::Other(format!("no such DTLS version: {other}"))),
        };
        Ok(Box::new(Endpoint(dtls)))
    }
}

// Making one checks the whole back-end against known answers: once is enough.
fn config() -> Result<Arc<Config>, CryptoError> {
    static CONFIG: OnceLock<Result<Arc<Config>, String>> = OnceLock::new();
    CONFIG
        .get_or_init(|| {
            Config::builder()
                .with_crypto_provider(rust_crypto::default_provider())
                .require_client_certificate(true)
                // The cookie proves the source address, which ICE has done already.
                .use_server_cookie(false)
                // A lost handshake packet is a visible wait: str0m's and RFC 6347's 1 s is for the
                // open internet without ICE.
                .flight_start_rto(Duration::from_millis(250))
                .flight_retries(7)
                .handshake_timeout(Duration::from_secs(30))
                .build()
                .map(Arc::new)
                .map_err(|error| error.to_string())
        })
        .clone()
        .map_err(CryptoError::Other)
}

struct Endpoint(Dtls);

impl DtlsInstance for Endpoint {
    fn set_active(&mut self, active: bool) {
        self.0.set_active(active);
    }

    fn handle_packet(&mut self, packet: &[u8]) -> Result<(), DtlsImplError> {
        self.0.handle_packet(packet)
    }

    fn poll_output<'a>(&mut self, buf: &'a mut [u8]) -> DtlsOutput<'a> {
        self.0.poll_output(buf)
    }

    fn handle_timeout(&mut self, now: Instant) -> Result<(), DtlsImplError> {
        self.0.handle_timeout(now)
    }

    fn send_application_data(&mut self, data: &[u8]) -> Result<usize, DtlsImplError> {
        self.0.send_application_data(data)
    }

    fn is_active(&self) -> bool {
        self.0.is_active()
    }

    fn protocol_version(&self) -> Option<ProtocolVersion> {
        self.0.protocol_version()
    }

    fn is_closing(&self) -> bool {
        self.0.is_closing()
    }

    fn is_closed(&self) -> bool {
        self.0.is_closed()
    }

    fn close(&mut self) -> Result<(), DtlsImplError> {
        self.0.close()
    }
}

impl fmt::Debug for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}
