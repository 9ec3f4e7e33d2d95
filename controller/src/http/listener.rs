//! Opens a port for both IPv4 and IPv6.

use std::{
    io,
    net::{Ipv4Addr, Ipv6Addr, SocketAddr},
};

use socket2::SockRef;
use tokio::net::{TcpListener, TcpSocket};

/// Connections that the kernel holds until they are accepted, as in the standard library.
const BACKLOG: u32 = 128;

/// Listens on an address. `[::]` means all addresses of both families, or those of IPv4 if the
/// kernel has no IPv6.
pub(super) fn listen(address: SocketAddr) -> io::Result<TcpListener> {
    let opened = open(address);
    let opened = opened.or_else(|error| open(without_ipv6(address, &error).ok_or(error)?));
    opened.map_err(|error| io::Error::new(error.kind(), format!("{address}: {error}")))
}

fn open(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = if address.is_ipv6() { TcpSocket::new_v6()? } else { TcpSocket::new_v4()? };
    if address.ip() == Ipv6Addr::UNSPECIFIED {
        // The default depends on the kernel's setting `net.ipv6.bindv6only`.
        SockRef::from(&socket).set_only_v6(false)?;
    }
    // A restart need not wait for the connections of the previous process.
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    socket.listen(BACKLOG)
}

/// The same port of IPv4, if the error shows that the kernel has no IPv6.
fn without_ipv6(address: SocketAddr, error: &io::Error) -> Option<SocketAddr> {
    use rustix::io::Errno;
    let missing = [Errno::AFNOSUPPORT, Errno::ADDRNOTAVAIL].map(|errno| Some(errno.raw_os_error()));
    let is_fallback =
        address.ip() == Ipv6Addr::UNSPECIFIED && missing.contains(&error.raw_os_error());
    is_fallback.then(|| (Ipv4Addr::UNSPECIFIED, address.port()).into())
}

#[cfg(test)]
mod tests {
    use tokio::net::TcpStream;

    use super::*;

    #[tokio::test]
    async fn all_addresses_are_those_of_both_families() {
        let listener = listen("[::]:0".parse().unwrap()).unwrap();
        let address = listener.local_addr().unwrap();
        TcpStream::connect((Ipv4Addr::LOCALHOST, address.port())).await.unwrap();
        if address.is_ipv6() {
            TcpStream::connect((Ipv6Addr::LOCALHOST, address.port())).await.unwrap();
        }
    }

    #[tokio::test]
    async fn error_names_the_address() {
        // For documentation: no machine has this address.
        let error = listen("192.0.2.1:8080".parse().unwrap()).unwrap_err();
        assert!(error.to_string().starts_with("192.0.2.1:8080: "), "{error}");
    }

    #[tokio::test]
    async fn one_address_is_no_other() {
        let listener = listen((Ipv4Addr::LOCALHOST, 0).into()).unwrap();
        let address = listener.local_addr().unwrap();
        assert!(address.ip().is_loopback());
        assert!(TcpStream::connect((Ipv6Addr::LOCALHOST, address.port())).await.is_err());
    }

    #[test]
    fn kernel_without_ipv6_listens_on_ipv4() {
        use rustix::io::Errno;
        let fallback = |address: &str, errno: Errno| {
            without_ipv6(address.parse().unwrap(), &errno.into()).map(|found| found.to_string())
        };
        let ipv4 = Some("0.0.0.0:8080".to_owned());
        assert_eq!(fallback("[::]:8080", Errno::AFNOSUPPORT), ipv4);
        assert_eq!(fallback("[::]:8080", Errno::ADDRNOTAVAIL), ipv4);
        assert_eq!(fallback("[::]:8080", Errno::ADDRINUSE), None);
        assert_eq!(fallback("[::1]:8080", Errno::ADDRNOTAVAIL), None);
    }
}
