//! Keeps requests to strangers' URLs out of private networks.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use url::{Host, Url};

/// The target is no public address of the internet.
#[derive(Debug, thiserror::Error)]
#[error("the target is not a public address")]
pub(crate) struct NotPublic;

/// Whether the URL names an address that is not public, literally. Names are checked when they are
/// resolved, by [`PublicOnly`].
pub(crate) fn is_literally_private(url: &Url) -> bool {
    match url.host() {
        Some(Host::Ipv4(ip)) => !is_public(ip.into()),
        Some(Host::Ipv6(ip)) => !is_public(ip.into()),
        Some(Host::Domain(_)) => false,
        None => true,
    }
}

/// Resolves names to their public addresses only. As the connection uses exactly these, a name
/// cannot change its mind between check and use.
pub(crate) struct PublicOnly;

impl Resolve for PublicOnly {
    fn resolve(&self, name: Name) -> Resolving {
        Box::pin(async move {
            let found = tokio::net::lookup_host((name.as_str(), 0)).await?;
            let public: Vec<SocketAddr> = found.filter(|found| is_public(found.ip())).collect();
            if public.is_empty() {
                return Err(NotPublic.into());
            }
            Ok(Box::new(public.into_iter()) as Addrs)
        })
    }
}

/// Whether the address can belong to a host on the public internet.
///
/// Source: the IANA special-purpose address registries (RFC 6890 and successors).
fn is_public(ip: IpAddr) -> bool {
    match ip {
        IpAddr::V4(ip) => is_public_v4(ip),
        IpAddr::V6(ip) => match embedded_v4(ip) {
            Some(embedded) => is_public_v4(embedded),
            None => is_public_v6(ip),
        },
    }
}

fn is_public_v4(ip: Ipv4Addr) -> bool {
    let special = match ip.octets() {
        // This network, shared by carriers, protocol assignments, benchmarks, multicast, reserved.
        [0, ..] | [192, 0, 0, _] | [198, 18..=19, ..] | [224..=255, ..] => true,
        [100, 64..=127, ..] => true,
        _ => ip.is_private() || ip.is_loopback() || ip.is_link_local() || ip.is_documentation(),
    };
    !special
}

fn is_public_v6(ip: Ipv6Addr) -> bool {
    // Only 2000::/3 is given out; of it, 2001::/23 is for protocols and 2001:db8::/32 and 3fff::/20
    // are for documents.
    match ip.segments() {
        [0x2001, 0..=0x01ff | 0x0db8, ..] | [0x3fff, 0..=0x0fff, ..] => false,
        [first, ..] => (0x2000..=0x3fff).contains(&first),
    }
}

/// The IPv4 address that a mapped, NAT64 or 6to4 address leads to.
fn embedded_v4(ip: Ipv6Addr) -> Option<Ipv4Addr> {
    let from = |high: u16, low: u16| Ipv4Addr::from((u32::from(high) << 16) | u32::from(low));
    match ip.segments() {
        [0, 0, 0, 0, 0, 0xffff, high, low] => Some(from(high, low)),
        [0x64, 0xff9b, 0, 0, 0, 0, high, low] => Some(from(high, low)),
        [0x2002, high, low, ..] => Some(from(high, low)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::{is_literally_private, is_public};

    #[test]
    fn public_addresses_are_public() {
        for ip in ["8.8.8.8", "100.128.0.1", "172.32.0.1", "2a00:1450::1", "64:ff9b::808:808"] {
            assert!(is_public(ip.parse().unwrap()), "{ip}");
        }
    }

    #[test]
    fn special_addresses_are_not() {
        for ip in [
            "0.0.0.0",
            "10.1.2.3",
            "100.64.0.1",
            "127.0.0.1",
            "169.254.169.254",
            "172.16.0.1",
            "192.0.0.8",
            "192.168.1.1",
            "198.18.0.1",
            "203.0.113.1",
            "224.0.0.1",
            "255.255.255.255",
            "::",
            "::1",
            "::ffff:127.0.0.1",
            "::7f00:1",
            "64:ff9b::a00:1",
            "2001::1",
            "2001:db8::1",
            "2002:7f00:1::",
            "fc00::1",
            "fe80::1",
            "ff02::1",
        ] {
            assert!(!is_public(ip.parse().unwrap()), "{ip}");
        }
    }

    #[test]
    fn disguised_literals_are_seen_through() {
        for url in ["http://127.1/", "http://0x7f000001/", "http://2130706433/", "http://[::1]/"] {
            assert!(is_literally_private(&url.parse().unwrap()), "{url}");
        }
        assert!(!is_literally_private(&"https://example.com/".parse().unwrap()));
    }
}
