//! Hosts of Azure resources: what they say of the resource. Source: Microsoft Learn,
//! "Azure Private Endpoint private DNS zone values", and the clouds of the Azure CLI.

use std::collections::BTreeMap;

use super::{Hit, Refusal, accept, entropy};

/// A label that stands before the suffix when a private endpoint is in use. It
/// names the same resource.
pub(super) const PRIVATE_LINK: &str = ".privatelink.";

/// What becomes of a host: see [`crate::rules::Check::AzureHost`].
pub(super) struct Names<'a> {
    pub(super) label: Option<&'a str>,
    pub(super) zone: Option<&'a str>,
    pub(super) replace: &'a BTreeMap<String, String>,
}

/// The attribute `host` ends in one of these, and is no sample.
pub(super) fn check(
    hit: &mut Hit<'_>,
    suffixes: &[String],
    names: &Names<'_>,
    optional: bool,
) -> Result<(), Refusal> {
    // The name may be known without a host.
    let named = names.label.and_then(|label| hit.attribute(label));
    let random = is_random(hit.secret_bytes());
    accept(random || !named.is_some_and(is_sample), "a sample resource")?;
    let place = hit.attributes.iter().position(|(name, _)| name == "host");
    let host = place.map(|place| hit.attributes.remove(place).1).unwrap_or_default();
    let host = host.to_ascii_lowercase().replace(PRIVATE_LINK, ".");
    let labels = suffixes.iter().find_map(|suffix| host.strip_suffix(suffix.as_str()));
    let Some(labels) = labels.filter(|labels| !labels.is_empty()) else {
        return accept(optional, "another kind of host");
    };
    // A template is no sample: what fills it in stands elsewhere, and the secret
    // is here.
    if !labels.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-._".contains(&byte)) {
        return Ok(());
    }
    let mut parts = labels.split('.');
    let (first, second) = (parts.next().unwrap_or_default(), parts.next());
    accept(random || !is_sample(first), "a sample host")?;
    let host =
        names.replace.iter().fold(host.clone(), |host, (part, with)| host.replace(part.as_str(), with));
    if let Some(label) = names.label {
        hit.add_attribute(label.to_owned(), first);
    }
    if let (Some(zone), Some(second)) = (names.zone, second) {
        hit.add_attribute(zone.to_owned(), region(second));
    }
    hit.add_attribute("cloud", cloud(&host));
    hit.add_attribute("host", host);
    Ok(())
}

/// A value that somebody's machine made, whatever the resource beside it is called:
/// people call their own `contoso` too, and published samples are known by digest.
pub(super) fn is_random(secret: &[u8]) -> bool {
    let classes = [
        secret.iter().any(u8::is_ascii_lowercase),
        secret.iter().any(u8::is_ascii_uppercase),
        secret.iter().any(u8::is_ascii_digit),
    ];
    let hex = secret.iter().all(u8::is_ascii_hexdigit);
    let least = if hex { 3.4 } else { 4.4 };
    let mixed = classes.iter().all(|class| *class) || hex && classes[2];
    secret.len() >= 32 && mixed && entropy(secret) >= least
}

/// A region without the number of its scale unit: `westeurope-1`.
fn region(label: &str) -> &str {
    match label.rsplit_once('-') {
        Some((region, unit)) if !region.is_empty() && unit.bytes().all(|byte| byte.is_ascii_digit()) => {
            region
        }
        _ => label,
    }
}

fn cloud(host: &str) -> &'static str {
    let ends = |ends: &[&str]| ends.iter().any(|end| host.ends_with(end));
    if ends(&[".us", ".usgovcloudapi.net"]) {
        "us_government"
    } else if ends(&[".cn"]) {
        "china"
    } else if ends(&[".de"]) {
        "germany"
    } else {
        "public"
    }
}

/// Names that the documentation and templates of Azure use.
pub(super) fn is_sample(name: &str) -> bool {
    const SAMPLES: [&str; 19] = [
        "account",
        "accountname",
        "appname",
        "endpoint",
        "example",
        "functionapp",
        "hubname",
        "myaccount",
        "myregistry",
        "mystorageaccount",
        "name",
        "namespace",
        "registryname",
        "resourcename",
        "server",
        "servicename",
        "storageaccount",
        "storagesample",
        "xxx",
    ];
    let letters: String =
        name.chars().filter(char::is_ascii_alphanumeric).map(|letter| letter.to_ascii_lowercase()).collect();
    letters.contains("contoso")
        || letters.contains("fabrikam")
        || letters.starts_with("your")
        || SAMPLES.contains(&letters.as_str())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(host: &str, suffix: &str, optional: bool) -> Result<BTreeMap<String, String>, Refusal> {
        let mut hit = Hit {
            text: b"",
            span: 0..0,
            secret: 0..0,
            value: None,
            claims: Vec::new(),
            more: Vec::new(),
            attributes: vec![("host".into(), host.to_owned())],
        };
        let replace = BTreeMap::from([(".mongo.cosmos.".to_owned(), ".documents.".to_owned())]);
        let names = Names { label: Some("name"), zone: Some("region"), replace: &replace };
        check(&mut hit, &[suffix.to_owned()], &names, optional)?;
        Ok(hit.attributes.into_iter().map(|(name, value)| (name.into_owned(), value)).collect())
    }

    #[test]
    fn what_a_host_says() {
        for (host, suffix, expected) in [
            ("Acme.batch.azure.com", ".batch.azure.com", [("name", "acme"), ("cloud", "public")]),
            ("acme.privatelink.azurecr.io", ".azurecr.io", [("name", "acme"), ("host", "acme.azurecr.io")]),
            (
                "t.westeurope-1.eventgrid.azure.us",
                ".eventgrid.azure.us",
                [("region", "westeurope"), ("cloud", "us_government")],
            ),
            (
                "acme.mongo.cosmos.azure.cn",
                ".mongo.cosmos.azure.cn",
                [("host", "acme.documents.azure.cn"), ("cloud", "china")],
            ),
        ] {
            let found = run(host, suffix, false).expect("a host");
            for (name, value) in expected {
                assert_eq!(found.get(name).map(String::as_str), Some(value), "{host}");
            }
        }
    }

    #[test]
    fn samples_and_others() {
        for sample in ["contoso-eu.azurecr.io", "your-registry.azurecr.io", "myregistry.azurecr.io"] {
            assert_eq!(run(sample, ".azurecr.io", true), Err(Refusal("a sample host")), "{sample}");
        }
        assert_eq!(run("acme.example.io", ".azurecr.io", false), Err(Refusal("another kind of host")));
        assert_eq!(run("acme.example.io", ".azurecr.io", true), Ok(BTreeMap::new()));
        assert_eq!(run("{name}.azurecr.io", ".azurecr.io", false), Ok(BTreeMap::new()));
        assert_eq!(run("", ".azurecr.io", false), Err(Refusal("another kind of host")));
    }
}
