use std::fmt;

use reqwest::Url;
use url::Host;

use crate::{Failure, FailureCode};

/// A server's address: `http://` on this machine, `https://` elsewhere.
#[derive(Clone, PartialEq, Eq)]
pub struct ServerUrl {
    /// Always ends with a slash, so that joining keeps a folder.
    base: Url,
}

impl ServerUrl {
    /// Understands what people type: `localhost:8420`, `chat.example.org`, `https://example.org/`.
    ///
    /// # Errors
    /// [`FailureCode::Invalid`] or [`FailureCode::InsecureServer`], about the field `url`.
    pub fn parse(typed: &str) -> Result<Self, Failure> {
        let typed = typed.trim();
        let mut base = if typed.contains("://") {
            Url::parse(typed)
        } else {
            // The host decides about the scheme; `http` also parses every port.
            Url::parse(&format!("http://{typed}")).and_then(|url| {
                let scheme = if is_loopback(&url) { "http" } else { "https" };
                Url::parse(&format!("{scheme}://{typed}"))
            })
        }
        .map_err(|error| refused(FailureCode::Invalid, &format!("not an address: {error}")))?;
        if !matches!(base.scheme(), "http" | "https") {
            return Err(refused(
                FailureCode::Invalid,
                "an address starts with https://",
            ));
        }
        if !base.username().is_empty() || base.password().is_some() {
            return Err(refused(
                FailureCode::Invalid,
                "a server address holds no user name",
            ));
        }
        if base.query().is_some() || base.fragment().is_some() {
            return Err(refused(
                FailureCode::Invalid,
                "a server address has no ? and no #",
            ));
        }
        if base.scheme() == "http" && !is_loopback(&base) {
            let detail = "without https:// only this machine can be used";
            return Err(refused(FailureCode::InsecureServer, detail));
        }
        let folder = format!("{}/", base.path().trim_end_matches('/'));
        base.set_path(&folder);
        Ok(Self { base })
    }

    /// The address, without a slash at the end.
    pub fn as_str(&self) -> &str {
        self.base.as_str().trim_end_matches('/')
    }

    /// Whether connections are encrypted.
    pub fn is_encrypted(&self) -> bool {
        self.base.scheme() == "https"
    }

    /// Whether the server is on this machine.
    pub fn is_loopback(&self) -> bool {
        is_loopback(&self.base)
    }

    pub(crate) fn at(&self, path: &str) -> String {
        format!("{}{}", self.as_str(), path)
    }

    /// The same server with `ws` for `http`.
    pub(crate) fn socket_at(&self, path: &str) -> String {
        self.at(path).replacen("http", "ws", 1)
    }

    /// Host and port to connect to.
    pub(crate) fn authority(&self) -> (String, u16) {
        let host = match self.base.host() {
            Some(Host::Domain(name)) => name.to_owned(),
            Some(Host::Ipv4(ip)) => ip.to_string(),
            Some(Host::Ipv6(ip)) => ip.to_string(),
            None => String::new(),
        };
        (host, self.base.port_or_known_default().unwrap_or(443))
    }
}

impl fmt::Display for ServerUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Debug for ServerUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => {
            let name = name.trim_end_matches('.');
            name == "localhost" || name.ends_with(".localhost")
        }
        Some(Host::Ipv4(ip)) => ip.is_loopback(),
        Some(Host::Ipv6(ip)) => ip.is_loopback(),
        None => false,
    }
}

fn refused(code: FailureCode, detail: &str) -> Failure {
    Failure {
        code,
        detail: detail.to_owned(),
        field: Some("url".to_owned()),
        retry_after_ms: None,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_people_type_is_understood() {
        for (typed, meant) in [
            ("localhost:8420", "http://localhost:8420"),
            (" 127.0.0.1:8420/ ", "http://127.0.0.1:8420"),
            ("[::1]:8420", "http://[::1]:8420"),
            ("http://localhost", "http://localhost"),
            ("chat.example.org", "https://chat.example.org"),
            ("chat.example.org:8443", "https://chat.example.org:8443"),
            ("https://Chat.Example.org/", "https://chat.example.org"),
            ("HTTPS://chat.example.org//", "https://chat.example.org"),
            (
                "chat.example.org/jasmin/",
                "https://chat.example.org/jasmin",
            ),
            ("münchen.example", "https://xn--mnchen-3ya.example"),
        ] {
            let server = ServerUrl::parse(typed).unwrap_or_else(|error| panic!("{typed}: {error}"));
            assert_eq!(server.as_str(), meant, "{typed}");
            assert_eq!(
                ServerUrl::parse(server.as_str()).unwrap(),
                server,
                "twice is the same"
            );
        }
    }

    #[test]
    fn plain_http_is_for_this_machine_only() {
        for typed in [
            "http://chat.example.org",
            "http://192.168.1.2:8420",
            "http://localhost.evil.org",
        ] {
            let failure = ServerUrl::parse(typed).unwrap_err();
            assert_eq!(failure.code, FailureCode::InsecureServer, "{typed}");
            assert_eq!(failure.field.as_deref(), Some("url"));
        }
        assert!(ServerUrl::parse("192.168.1.2:8420").unwrap().is_encrypted());
    }

    #[test]
    fn nonsense_is_refused_with_the_field() {
        for typed in [
            "",
            "   ",
            "http://",
            "https://",
            "ftp://example.org",
            "file:///etc/passwd",
            "a b",
            "https://user:pw@example.org",
            "https://example.org/?a=1",
            "https://example.org/#a",
            "https://example.org:99999",
            "https://[::1",
            "javascript://x",
            "://",
            "host:port",
        ] {
            let failure = ServerUrl::parse(typed).expect_err(typed);
            assert_eq!(failure.code, FailureCode::Invalid, "{typed}");
            assert_eq!(failure.field.as_deref(), Some("url"), "{typed}");
        }
    }

    #[test]
    fn paths_are_joined_below_a_folder() {
        let server = ServerUrl::parse("https://example.org/jasmin").unwrap();
        assert_eq!(server.at("/v1/meta"), "https://example.org/jasmin/v1/meta");
        assert_eq!(server.socket_at("/v1/ws"), "wss://example.org/jasmin/v1/ws");
        let local = ServerUrl::parse("[::1]:8420").unwrap();
        assert_eq!(local.socket_at("/v1/ws"), "ws://[::1]:8420/v1/ws");
        assert_eq!(local.authority(), ("::1".to_owned(), 8420));
    }

    proptest! {
        #[test]
        fn no_text_panics_and_no_plain_http_leaves_the_machine(typed in "\\PC{0,40}") {
            if let Ok(server) = ServerUrl::parse(&typed) {
                prop_assert!(server.is_encrypted() || server.is_loopback());
            }
        }
    }
}
