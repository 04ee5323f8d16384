//! The names and addresses under which other machines may know this one, by its own
//! files: what known hosts and client configurations of others are held against.
//!
//! Sources: hosts(5), interfaces(5), netplan(5), systemd.network(5), `ifcfg` files,
//! keyfiles of NetworkManager, dhclient.leases(5). An address that a lease gave may be
//! another's by now: it is a hint, as all of these are.

use std::net::IpAddr;

use super::reader::Reader;
use super::sshd::config::glob;

/// The most bytes of a file.
const MAX_FILE: usize = 1 << 20;
/// The most names that are kept.
const MAX_NAMES: usize = 256;

/// Where addresses are set or kept.
const PATTERNS: [&str; 10] = [
    "etc/network/interfaces",
    "etc/network/interfaces.d/*",
    "etc/netplan/*.yaml",
    "etc/sysconfig/network-scripts/ifcfg-*",
    "etc/NetworkManager/system-connections/*",
    "etc/systemd/network/*.network",
    "var/lib/dhcp/dhclient*.lease*",
    "var/lib/dhclient/*.lease*",
    "var/lib/NetworkManager/*.lease",
    "var/lib/dhcpcd/*.lease",
];

/// The names and addresses, in order, each once; the host name itself left out.
pub(super) fn names(reader: &mut Reader<'_>, hostname: Option<&str>) -> Vec<String> {
    let mut names: Vec<String> = Vec::new();
    let mut add = |name: &str| {
        let name = name.to_ascii_lowercase();
        let is_host = hostname.is_some_and(|hostname| hostname.eq_ignore_ascii_case(&name));
        if !is_host && names.len() < MAX_NAMES && !names.contains(&name) {
            names.push(name);
        }
    };
    if let (Some(hostname), Some(bytes)) = (hostname, reader.file(b"etc/hosts", MAX_FILE).bytes()) {
        let text = String::from_utf8_lossy(&bytes);
        for line in text.lines() {
            let mut words = line.split('#').next().unwrap_or_default().split_ascii_whitespace();
            let address = words.next().and_then(|word| word.parse().ok());
            let on_line: Vec<&str> = words.take(64).collect();
            let short = |name: &str| name.split('.').next().unwrap_or_default().to_ascii_lowercase();
            if !on_line.iter().any(|name| short(name) == short(hostname) && short(name) != "localhost") {
                continue;
            }
            on_line
                .iter()
                .filter(|name| name.len() <= 253 && short(name) != "localhost")
                .for_each(|name| add(name));
            if let Some(address) = address.filter(is_of_machine) {
                add(&address.to_string());
            }
        }
    }
    for pattern in PATTERNS {
        for path in glob(reader, pattern.as_bytes()) {
            let Some(bytes) = reader.file(&path, MAX_FILE).bytes() else { continue };
            for address in String::from_utf8_lossy(&bytes).lines().filter_map(address) {
                add(&address.to_string());
            }
        }
    }
    names
}

/// The address of the machine that a line of any of these files sets. Addresses of
/// gateways, name servers and routes stand behind other words, or name a network.
fn address(line: &str) -> Option<IpAddr> {
    let line = line.split('#').next().unwrap_or_default().trim();
    let lower = line.to_ascii_lowercase();
    let key: String =
        lower.chars().take_while(|letter| letter.is_ascii_alphabetic() || *letter == '-').collect();
    let in_list = lower.starts_with('-') || lower.starts_with("addresses");
    if !in_list && !matches!(key.as_str(), "address" | "ipaddr" | "ipv" | "fixed-address") {
        return None;
    }
    let word = |letter: char| !letter.is_ascii_hexdigit() && !matches!(letter, '.' | ':' | '/');
    lower.split(word).find_map(|word| {
        let (address, prefix) = match word.split_once('/') {
            Some((address, prefix)) => (address, Some(prefix.parse().ok()?)),
            // Without one, a word in a list may be a name server.
            None if in_list => return None,
            None => (word, None),
        };
        let address = address.trim_matches(':').parse().or_else(|_| address.parse()).ok()?;
        (is_of_machine(&address) && prefix.is_none_or(|prefix| !is_network(address, prefix)))
            .then_some(address)
    })
}

/// Not every machine's, and not none's.
pub(super) fn is_of_machine(address: &IpAddr) -> bool {
    !address.is_loopback() && !address.is_unspecified() && !address.is_multicast()
}

/// Whether nothing but zeros follows the prefix.
fn is_network(address: IpAddr, prefix: u32) -> bool {
    match address {
        IpAddr::V4(address) => prefix < 31 && address.to_bits().checked_shl(prefix).unwrap_or(0) == 0,
        IpAddr::V6(address) => prefix < 127 && address.to_bits().checked_shl(prefix).unwrap_or(0) == 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_that_lines_set() {
        for (line, expected) in [
            ("    address 192.0.2.7", Some("192.0.2.7")),
            ("address 192.0.2.7/24", Some("192.0.2.7")),
            ("    gateway 192.0.2.1", None),
            ("      addresses: [192.0.2.8/24, \"2001:db8::8/64\"]", Some("192.0.2.8")),
            ("        - 192.0.2.9/24", Some("192.0.2.9")),
            ("        - \"2001:db8::9/64\"", Some("2001:db8::9")),
            ("        - to: 10.0.0.0/8", None),
            ("        - 9.9.9.9", None),
            ("IPADDR=192.0.2.10", Some("192.0.2.10")),
            ("IPADDR0=\"192.0.2.11\"", Some("192.0.2.11")),
            ("IPV6ADDR=2001:db8::12/64", Some("2001:db8::12")),
            ("DNS1=192.0.2.1", None),
            ("address1=192.0.2.13/24,192.0.2.1", Some("192.0.2.13")),
            ("Address=192.0.2.14/24", Some("192.0.2.14")),
            ("  fixed-address 192.0.2.15;", Some("192.0.2.15")),
            ("ADDRESS=192.0.2.16", Some("192.0.2.16")),
            ("address 127.0.0.1", None),
            ("address", None),
        ] {
            assert_eq!(address(line).map(|address| address.to_string()).as_deref(), expected, "{line}");
        }
    }
}
