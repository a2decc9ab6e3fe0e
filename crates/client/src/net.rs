//! Sockets for media: one UDP socket for every address of every interface, so that each packet
//! leaves from the address that its candidate names (RFC 8445, section 5.1.1.1). STUN and TURN will
//! move in here.

use std::{
    io,
    net::{IpAddr, SocketAddr},
};

use tokio::{
    net::UdpSocket,
    sync::mpsc,
    task::{AbortHandle, JoinSet},
};

/// The largest datagram that is read. Media packets stay below 1,200 bytes.
const MAX_DATAGRAM: usize = 2_000;
/// Datagrams that wait for the call; the oldest are the kernel's to keep.
const QUEUE: usize = 512;

/// A datagram that came in.
#[derive(Debug)]
pub(crate) struct Datagram {
    /// Who sent it.
    pub(crate) source: SocketAddr,
    /// Which of our addresses it came to.
    pub(crate) destination: SocketAddr,
    /// What it holds.
    pub(crate) contents: Vec<u8>,
}

/// The bound sockets of one call, not yet read from.
#[derive(Debug)]
pub(crate) struct Bound(Vec<(SocketAddr, std::net::UdpSocket)>);

/// The sockets of one call. Dropping it closes them.
#[derive(Debug)]
pub(crate) struct Net {
    sockets: Vec<Socket>,
    sender: mpsc::Sender<Datagram>,
    incoming: mpsc::Receiver<Datagram>,
    readers: JoinSet<()>,
}

#[derive(Debug)]
struct Socket {
    address: SocketAddr,
    /// To send from: needs no runtime's leave.
    socket: std::net::UdpSocket,
    reader: AbortHandle,
}

/// What became of the addresses of this computer.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Change {
    /// Sockets that are new.
    pub(crate) added: Vec<SocketAddr>,
    /// Sockets that are closed: their address is gone.
    pub(crate) removed: Vec<SocketAddr>,
}

impl Bound {
    /// Opens a socket on every usable address.
    ///
    /// # Errors
    /// When not a single socket can be opened.
    pub(crate) fn open() -> io::Result<Self> {
        let mut sockets = Vec::new();
        let mut last_error = None;
        for ip in present()? {
            let socket = match bind(ip) {
                Ok(socket) => socket,
                Err(error) => {
                    tracing::debug!(%error, "an interface address cannot be used");
                    last_error = Some(error);
                    continue;
                }
            };
            let local = socket.local_addr()?;
            sockets.push((local, socket));
        }
        if sockets.is_empty() {
            return Err(last_error.unwrap_or_else(|| {
                io::Error::new(
                    io::ErrorKind::AddrNotAvailable,
                    "no network interface is up",
                )
            }));
        }
        Ok(Self(sockets))
    }

    /// The host candidates' addresses.
    pub(crate) fn addresses(&self) -> impl Iterator<Item = SocketAddr> + '_ {
        self.0.iter().map(|(address, _)| *address)
    }
}

impl Net {
    /// Starts to listen, in the runtime that this is called in.
    ///
    /// # Errors
    /// When the runtime cannot wait for a socket.
    pub(crate) fn listen(Bound(sockets): Bound) -> io::Result<Self> {
        let (sender, incoming) = mpsc::channel(QUEUE);
        let mut net = Self {
            sockets: Vec::new(),
            sender,
            incoming,
            readers: JoinSet::new(),
        };
        for (address, socket) in sockets {
            net.take(address, socket)?;
        }
        Ok(net)
    }

    fn take(&mut self, address: SocketAddr, socket: std::net::UdpSocket) -> io::Result<()> {
        let reader = UdpSocket::from_std(socket.try_clone()?)?;
        let reader = self
            .readers
            .spawn(read(reader, address, self.sender.clone()));
        self.sockets.push(Socket {
            address,
            socket,
            reader,
        });
        Ok(())
    }

    /// Opens sockets on addresses that came, and closes those whose address went: a laptop changes
    /// its network. `ips` are those of [`present`]. Without a network nothing changes: one that is away
    /// for a moment often comes back with the same address.
    pub(crate) fn follow(&mut self, ips: &[IpAddr]) -> Change {
        let mut change = Change::default();
        let was_outside = self
            .sockets
            .iter()
            .any(|socket| !socket.address.ip().is_loopback());
        if was_outside && ips.iter().all(IpAddr::is_loopback) {
            return change;
        }
        self.sockets.retain(|socket| {
            let stays = ips.contains(&socket.address.ip());
            if !stays {
                socket.reader.abort();
                change.removed.push(socket.address);
            }
            stays
        });
        for ip in ips {
            if self.sockets.iter().any(|socket| socket.address.ip() == *ip) {
                continue;
            }
            let opened = bind(*ip).and_then(|socket| {
                let address = socket.local_addr()?;
                self.take(address, socket)?;
                Ok(address)
            });
            match opened {
                Ok(address) => change.added.push(address),
                Err(error) => tracing::debug!(%error, "a new address cannot be used"),
            }
        }
        change
    }

    /// Sends from the socket bound to `source`. A full or failing socket loses the packet, as the
    /// network would.
    pub(crate) fn send(&self, source: SocketAddr, destination: SocketAddr, contents: &[u8]) {
        let Some(from) = self.sockets.iter().find(|from| from.address == source) else {
            return;
        };
        if let Err(error) = from.socket.send_to(contents, destination) {
            tracing::trace!(%error, "a datagram was not sent");
        }
    }

    /// The next datagram. Cancel safe.
    pub(crate) async fn receive(&mut self) -> Option<Datagram> {
        self.incoming.recv().await
    }
}

/// The addresses of this computer that serve for media.
///
/// # Errors
/// When the system does not tell.
pub(crate) fn present() -> io::Result<Vec<IpAddr>> {
    let interfaces = if_addrs::get_if_addrs()?;
    Ok(usable(
        interfaces.into_iter().map(|interface| interface.ip()),
    ))
}

fn bind(ip: IpAddr) -> io::Result<std::net::UdpSocket> {
    let socket = std::net::UdpSocket::bind(SocketAddr::new(ip, 0))?;
    socket.set_nonblocking(true)?;
    Ok(socket)
}

/// Loopback serves only where there is nothing else: two copies on a computer without a network.
/// Link-local IPv6 needs a zone that candidates cannot carry.
fn usable(addresses: impl Iterator<Item = IpAddr>) -> Vec<IpAddr> {
    let (loopback, mut outside): (Vec<_>, Vec<_>) = addresses
        .filter(|ip| match ip {
            IpAddr::V4(ip) => !ip.is_link_local() && !ip.is_unspecified(),
            IpAddr::V6(ip) => !ip.is_unicast_link_local() && !ip.is_unspecified(),
        })
        .partition(IpAddr::is_loopback);
    if outside.is_empty() {
        return loopback;
    }
    outside.sort_unstable();
    outside.dedup();
    outside
}

async fn read(socket: UdpSocket, local: SocketAddr, sender: mpsc::Sender<Datagram>) {
    let mut buffer = vec![0; MAX_DATAGRAM];
    loop {
        match socket.recv_from(&mut buffer).await {
            Ok((length, source)) => {
                let datagram = Datagram {
                    source,
                    destination: local,
                    contents: buffer[..length].to_vec(),
                };
                if sender.send(datagram).await.is_err() {
                    return;
                }
            }
            // An ICMP "port unreachable" for an earlier packet: the next read is fine.
            Err(error)
                if error.kind() == io::ErrorKind::ConnectionRefused
                    || error.kind() == io::ErrorKind::ConnectionReset => {}
            Err(error) => {
                tracing::warn!(%error, "a media socket is gone");
                return;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ips(texts: &[&str]) -> Vec<IpAddr> {
        texts.iter().map(|text| text.parse().unwrap()).collect()
    }

    #[test]
    fn loopback_only_without_a_network() {
        let alone = ips(&["127.0.0.1", "::1", "fe80::1"]);
        assert_eq!(usable(alone.into_iter()), ips(&["127.0.0.1", "::1"]));
        let connected = ips(&[
            "127.0.0.1",
            "192.0.2.7",
            "2001:db8::7",
            "fe80::1",
            "169.254.3.4",
        ]);
        assert_eq!(
            usable(connected.into_iter()),
            ips(&["192.0.2.7", "2001:db8::7"])
        );
    }

    #[tokio::test]
    async fn sockets_follow_the_addresses() {
        let mut net = Net::listen(Bound(Vec::new())).unwrap();
        let first = net.follow(&ips(&["127.0.0.1"]));
        assert_eq!((first.added.len(), first.removed.len()), (1, 0));
        assert_eq!(net.follow(&ips(&["127.0.0.1"])), Change::default());
        let second = net.follow(&ips(&["127.0.0.2", "192.0.2.77"]));
        assert_eq!(second.removed, first.added);
        assert_eq!(second.added.len(), 1, "what cannot be bound is left out");

        let outside = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
        outside.send_to(b"hello", second.added[0]).unwrap();
        let datagram = net.receive().await.unwrap();
        assert_eq!(datagram.destination, second.added[0]);
        net.send(first.added[0], outside.local_addr().unwrap(), b"lost");
        net.send(second.added[0], outside.local_addr().unwrap(), b"back");
        let mut answer = [0; 4];
        outside.recv(&mut answer).unwrap();
        assert_eq!(&answer, b"back");
    }

    #[tokio::test]
    async fn a_network_that_is_away_for_a_moment_keeps_its_sockets() {
        let outside = present().unwrap();
        if outside.iter().all(IpAddr::is_loopback) {
            // Without a network there is none to lose.
            return;
        }
        let mut net = Net::listen(Bound::open().unwrap()).unwrap();
        let alone = ips(&["127.0.0.1", "::1"]);
        assert_eq!(net.follow(&alone), Change::default());
        assert_eq!(net.follow(&outside), Change::default());
    }

    #[tokio::test]
    async fn a_datagram_arrives_with_both_addresses() {
        let (left, right) = (Bound::open().unwrap(), Bound::open().unwrap());
        let to = left.addresses().next().unwrap();
        let from = right
            .addresses()
            .find(|address| address.is_ipv4() == to.is_ipv4())
            .unwrap();
        let mut left = Net::listen(left).unwrap();
        Net::listen(right).unwrap().send(from, to, b"hello");
        let datagram = left.receive().await.unwrap();
        assert_eq!((datagram.source, datagram.destination), (from, to));
        assert_eq!(datagram.contents, b"hello");
    }
}
