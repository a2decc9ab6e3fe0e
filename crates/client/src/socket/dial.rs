use std::{
    io,
    sync::{Arc, OnceLock},
    time::Duration,
};

use jasmin_protocol::SUBPROTOCOL;
use rustls::{ClientConfig, pki_types::ServerName};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::TcpStream,
};
use tokio_rustls::TlsConnector;
use tokio_tungstenite::{
    WebSocketStream, client_async_with_config,
    tungstenite::{
        ClientRequestBuilder, Error as WsError,
        error::{ProtocolError, UrlError},
        http::{Uri, header::RETRY_AFTER},
        protocol::WebSocketConfig,
    },
};

use crate::{api::ServerUrl, tls};

const PATH: &str = "/v1/ws";
/// The protocol's limit of 64 KiB, and room for what a newer server may add.
const MAX_MESSAGE_BYTES: usize = 128 * 1024;

/// Opens connections. The tests have one without a network.
pub(super) trait Dial: Send + Sync + 'static {
    fn dial(&self) -> impl Future<Output = Result<Wire, DialError>> + Send;
}

pub(super) type Wire = WebSocketStream<Box<dyn Io>>;

pub(super) trait Io: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Io for T {}

#[derive(Debug)]
pub(super) enum DialError {
    /// Not now.
    Failed {
        reason: String,
        retry_after: Option<Duration>,
    },
    /// The server speaks another protocol.
    OtherProtocol,
}

/// Opens connections to a server.
pub(super) struct ServerDial {
    server: ServerUrl,
    /// Kept from one connection to the next, for the server's session tickets.
    tls: OnceLock<Arc<ClientConfig>>,
}

impl ServerDial {
    pub(super) fn new(server: ServerUrl) -> Self {
        Self {
            server,
            tls: OnceLock::new(),
        }
    }

    async fn connect(&self) -> io::Result<Box<dyn Io>> {
        let (host, port) = self.server.authority();
        let tcp = TcpStream::connect((host.as_str(), port)).await?;
        tcp.set_nodelay(true)?;
        if !self.server.is_encrypted() {
            return Ok(Box::new(tcp));
        }
        let tls = TlsConnector::from(self.tls()?);
        let name = ServerName::try_from(host).map_err(io::Error::other)?;
        Ok(Box::new(tls.connect(name, tcp).await?))
    }
    fn tls(&self) -> io::Result<Arc<ClientConfig>> {
        if let Some(tls) = self.tls.get() {
            return Ok(tls.clone());
        }
        let tls = Arc::new(tls::system_roots().map_err(io::Error::other)?);
        Ok(self.tls.get_or_init(|| tls).clone())
    }
}

impl Dial for ServerDial {
    async fn dial(&self) -> Result<Wire, DialError> {
        let io = self.connect().await.map_err(|error| failed(&error))?;
        let uri: Uri = self
            .server
            .socket_at(PATH)
            .parse()
            .map_err(|error| failed(&error))?;
        handshake(uri, io).await
    }
}

/// The WebSocket handshake (RFC 6455, section 4.1) over a connection that stands.
pub(super) async fn handshake(uri: Uri, io: Box<dyn Io>) -> Result<Wire, DialError> {
    let request = ClientRequestBuilder::new(uri)
        .with_sub_protocol(SUBPROTOCOL)
        .with_header("user-agent", concat!("jasmin/", env!("CARGO_PKG_VERSION")));
    let config = WebSocketConfig::default()
        .read_buffer_size(8 * 1024)
        .write_buffer_size(0)
        .max_message_size(Some(MAX_MESSAGE_BYTES))
        .max_frame_size(Some(MAX_MESSAGE_BYTES));
    match client_async_with_config(request, io, Some(config)).await {
        Ok((wire, _)) => Ok(wire),
        Err(error) => Err(refused(error)),
    }
}

#[expect(
    clippy::wildcard_enum_match_arm,
    reason = "every other error of the library is a failure"
)]
fn refused(error: WsError) -> DialError {
    match error {
        WsError::Protocol(ProtocolError::SecWebSocketSubProtocolError(_)) => {
            DialError::OtherProtocol
        }
        WsError::Http(response) => {
            let seconds = response
                .headers()
                .get(RETRY_AFTER)
                .and_then(|value| value.to_str().ok());
            let retry_after = seconds.and_then(|seconds| seconds.parse().ok());
            DialError::Failed {
                reason: format!("the server answered {}", response.status().as_u16()),
                retry_after: retry_after.map(Duration::from_secs),
            }
        }
        WsError::Url(UrlError::NoHostName) => failed(&"the address has no host"),
        error => failed(&error),
    }
}

fn failed(error: &dyn std::fmt::Display) -> DialError {
    DialError::Failed {
        reason: error.to_string(),
        retry_after: None,
    }
}
