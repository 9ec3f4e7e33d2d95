//! The caller of a request: the address of the connection, or the one that a trusted proxy reports.
//!
//! Each client may send a header `X-Forwarded-For`. The API server's service proxy appends the address
//! of its client to it. So only the last address counts, and only in requests from a proxy that the
//! administrator lists.

use std::{
    net::{IpAddr, Ipv6Addr},
    str::FromStr,
};

use axum::http::{Extensions, HeaderMap};

const FORWARDED_FOR: &str = "x-forwarded-for";
/// The bits before an IPv4 address in an IPv6 address such as `::ffff:10.0.0.1`.
const MAPPED_PREFIX: u32 = 96;

/// The address of the client of a connection, as an extension of its requests.
#[derive(Clone, Copy, Debug)]
pub(super) struct Client(pub(super) IpAddr);

/// The unit by which rate limits and limits of requests and connections count. [`Caller::of`] makes it of each address.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub(super) enum Caller {
    Address(IpAddr),
    /// All callers beyond the limit of memory.
    Others,
}

/// A network in CIDR notation, or one address.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Network {
    address: IpAddr,
    prefix: u32,
}

impl Caller {
    /// One host often has all addresses of an IPv6 network with a prefix of 64 bits.
    pub(super) fn of(address: IpAddr) -> Self {
        Self::Address(match address.to_canonical() {
            IpAddr::V4(address) => address.into(),
            IpAddr::V6(address) => {
                let [a, b, c, d, ..] = address.segments();
                Ipv6Addr::new(a, b, c, d, 0, 0, 0, 0).into()
            }
        })
    }

    pub(super) fn of_request(
        extensions: &Extensions,
        headers: &HeaderMap,
        trusted_proxies: &[Network],
    ) -> Self {
        let Some(Client(client)) = extensions.get::<Client>() else { return Self::Others };
        let is_trusted = trusted_proxies.iter().any(|network| network.contains(*client));
        let forwarded = is_trusted.then(|| last_forwarded(headers)).flatten();
        Self::of(forwarded.unwrap_or(*client))
    }
}

fn last_forwarded(headers: &HeaderMap) -> Option<IpAddr> {
    let last = headers.get_all(FORWARDED_FOR).iter().next_back()?.to_str().ok()?;
    last.rsplit(',').next()?.trim().parse().ok()
}

impl Network {
    fn contains(self, address: IpAddr) -> bool {
        match (self.address, address.to_canonical()) {
            (IpAddr::V4(own), IpAddr::V4(other)) => {
                self.mask(32) & u128::from(own.to_bits() ^ other.to_bits()) == 0
            }
            (IpAddr::V6(own), IpAddr::V6(other)) => {
                self.mask(128) & (own.to_bits() ^ other.to_bits()) == 0
            }
            _ => false,
        }
    }

    /// The bits that an address of this length shares with the network.
    fn mask(self, bits: u32) -> u128 {
        u128::MAX.checked_shl(bits - self.prefix).unwrap_or_default()
    }
}

impl FromStr for Network {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        const INVALID: &str = "not an address or a network such as 10.0.0.0/8 or fd00::/8";
        const MAPPED: &str = "contains IPv4 addresses and others: write the IPv4 network";
        let (address, prefix) = text.split_once('/').map_or((text, None), |(a, p)| (a, Some(p)));
        let address: IpAddr = address.trim().parse().map_err(|_| INVALID)?;
        let bits = if address.is_ipv4() { 32 } else { 128 };
        let prefix =
            prefix.map_or(Ok(bits), |prefix| prefix.trim().parse().map_err(|_| INVALID))?;
        if prefix > bits {
            return Err(INVALID);
        }
        // Addresses of callers are canonical too.
        let canonical = address.to_canonical();
        let mapped = if canonical == address { 0 } else { MAPPED_PREFIX };
        let prefix = u32::checked_sub(prefix, mapped).ok_or(MAPPED)?;
        Ok(Self { address: canonical, prefix })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn caller(client: &str, forwarded: &[&str], trusted: &[&str]) -> Caller {
        let mut extensions = Extensions::new();
        extensions.insert(Client(client.parse().unwrap()));
        let mut headers = HeaderMap::new();
        for value in forwarded {
            headers.append(FORWARDED_FOR, value.parse().unwrap());
        }
        let trusted: Vec<_> = trusted.iter().map(|network| network.parse().unwrap()).collect();
        Caller::of_request(&extensions, &headers, &trusted)
    }

    fn address(text: &str) -> Caller {
        Caller::Address(text.parse().unwrap())
    }

    #[test]
    fn header_of_an_unknown_client_is_ignored() {
        assert_eq!(caller("10.0.0.9", &["1.2.3.4"], &[]), address("10.0.0.9"));
        assert_eq!(caller("10.0.0.9", &["1.2.3.4"], &["10.1.0.0/16"]), address("10.0.0.9"));
    }

    #[test]
    fn only_the_address_that_the_proxy_appended_counts() {
        let trusted = ["10.0.0.0/8", "fd00::/8"];
        assert_eq!(caller("10.0.0.9", &["6.6.6.6, 1.2.3.4"], &trusted), address("1.2.3.4"));
        assert_eq!(
            caller("::ffff:10.0.0.9", &["6.6.6.6", "1.2.3.4"], &trusted),
            address("1.2.3.4")
        );
        assert_eq!(caller("fd00::1", &["1.2.3.4"], &trusted), address("1.2.3.4"));
        for invalid in ["", "nobody", "1.2.3.4, x"] {
            assert_eq!(caller("10.0.0.9", &[invalid], &trusted), address("10.0.0.9"));
        }
    }

    #[test]
    fn one_host_cannot_change_its_ipv6_address() {
        let callers = ["2001:db8::1", "2001:db8::ffff:1"].map(|client| caller(client, &[], &[]));
        assert_eq!(callers[0], callers[1]);
        assert_ne!(callers[0], caller("2001:db8:0:1::1", &[], &[]));
    }

    /// A listener of both families reports IPv4 peers as `::ffff:10.0.0.9`, and proxies may send that form.
    #[test]
    fn ipv4_address_in_an_ipv6_address_is_the_ipv4_address() {
        for proxy in ["10.0.0.9", "::ffff:10.0.0.9"] {
            for trusted in ["10.0.0.9", "::ffff:10.0.0.9", "::ffff:10.0.0.0/104", "10.0.0.0/8"] {
                for client in ["1.2.3.4", "::ffff:1.2.3.4"] {
                    let caller = caller(proxy, &[client], &[trusted]);
                    assert_eq!(caller, address("1.2.3.4"), "{proxy} {trusted} {client}");
                }
            }
            assert_eq!(caller(proxy, &["1.2.3.4"], &["::ffff:11.0.0.0/104"]), address("10.0.0.9"));
        }
        let wide = "::ffff:0:0/95".parse::<Network>();
        assert!(wide.unwrap_err().contains("write the IPv4 network"));
    }

    #[test]
    fn network_contains_the_addresses_of_its_prefix() {
        let contains = |network: &str, address: &str| {
            network.parse::<Network>().unwrap().contains(address.parse().unwrap())
        };
        assert!(
            contains("10.96.0.0/12", "10.111.255.255") && !contains("10.96.0.0/12", "10.112.0.0")
        );
        assert!(contains("0.0.0.0/0", "1.2.3.4") && !contains("0.0.0.0/0", "::1"));
        assert!(contains("10.0.0.1", "10.0.0.1") && !contains("10.0.0.1", "10.0.0.2"));
        assert!(contains("fd00::/8", "fdff::1") && !contains("fd00::/8", "fe00::1"));
        for invalid in ["", "x", "10.0.0.0/33", "10.0.0/8", "::/129", "10.0.0.0/", "10.0.0.0/-1"] {
            assert!(invalid.parse::<Network>().is_err(), "{invalid}");
        }
    }
}
