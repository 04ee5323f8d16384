//! What the names in a template stand for: names of machines and people, keys and
//! tokens of the form that their vendors document.

use crate::keys;
use crate::page::Page;
use crate::sums::{
    BASE62, BASE64URL, DIGITS, HEX, LOWER, Rng, UPPER, annotated, annotated_redis, aws_id, base64, base64url,
    cask_tail, crc_tail, devops, entra_tail,
};
use crate::urls;

const ORGS: [&str; 14] = [
    "norrbrygg",
    "tessaline",
    "kaldera",
    "vindhaug",
    "orbelia",
    "mirafjord",
    "solventis",
    "brackwell",
    "lumarca",
    "pennafort",
    "quillmere",
    "havdalen",
    "castorum",
    "ysterloh",
];
const APPS: [&str; 16] = [
    "billing",
    "ledger",
    "orders",
    "inventory",
    "portal",
    "reports",
    "payments",
    "catalog",
    "shipping",
    "crm",
    "intake",
    "fleet",
    "claims",
    "pricing",
    "archive",
    "metrics",
];
const PEOPLE: [&str; 10] = [
    "m.lindqvist",
    "aroux",
    "t.okafor",
    "jvasquez",
    "hana.weiss",
    "pkowalski",
    "s.devries",
    "nbergmann",
    "lfontaine",
    "i.marchetti",
];
const REGIONS: [&str; 6] = ["westeurope", "northeurope", "eastus2", "swedencentral", "centralus", "uksouth"];
const AWS_REGIONS: [&str; 6] =
    ["eu-west-1", "us-east-1", "eu-central-1", "us-west-2", "ap-southeast-2", "eu-north-1"];
const SYLLABLES: [&str; 18] = [
    "kor", "vel", "nim", "dra", "lus", "tev", "gor", "mak", "sil", "bru", "fen", "jor", "pal", "riv", "zan",
    "wex", "hul", "cyn",
];

/// A value for a name.
pub(crate) fn make(page: &mut Page<'_>, name: &str) -> String {
    let base = name.split('_').next().unwrap_or(name);
    let (head, argument) = base.split_once('.').unwrap_or((base, ""));
    let count = || argument.parse().unwrap_or_else(|_| panic!("{name}: how many?"));
    if let Some(made) = keys::make(page, head, argument) {
        return made;
    }
    if let Some(made) = urls::make(page, name, head, argument) {
        return made;
    }
    if let Some(made) = token(page.rng, head, argument) {
        return made;
    }
    match head {
        "org" => page.rng.pick(&ORGS).to_owned(),
        "app" | "db" => page.rng.pick(&APPS).to_owned(),
        "server" => page.fill("«org»-«app»-«digits.3»"),
        "site" => page.fill("«app»-«org»-«stage»"),
        "stage" => page.rng.pick(&["prod", "prd", "stage", "live"]).to_owned(),
        "acct" => page.fill("«org»«app»«lower.3»").chars().take(22).collect(),
        "domain" => page.fill("«org»") + page.rng.pick(&[".net", ".se", ".io", ".eu"]),
        "host" => page.fill("«app»-«digits.2».int.«domain»"),
        "ip" => format!("10.{}.{}.{}", page.rng.below(250), page.rng.below(250), page.rng.between(2, 250)),
        "user" => page.rng.pick(&["svc_", "app_", "usr_"]).to_owned() + &page.fill("«app»"),
        "person" => page.rng.pick(&PEOPLE).to_owned(),
        "email" => page.fill("«person»@«domain»"),
        "region" => page.rng.pick(&REGIONS).to_owned(),
        "awsregion" => page.rng.pick(&AWS_REGIONS).to_owned(),
        "guid" => guid(page.rng),
        "hex" => page.rng.text(HEX, count()),
        "HEX" => page.rng.text(HEX, count()).to_uppercase(),
        "lower" => page.rng.text(LOWER, count()),
        "upper" => page.rng.text(UPPER, count()),
        "digits" => page.rng.text("23456789", 1) + &page.rng.text(DIGITS, count() - 1),
        "alnum" => page.rng.text(BASE62, count()),
        "b32" => page.rng.text("abcdefghijklmnopqrstuvwxyz234567", count()),
        "url" => page.rng.text(BASE64URL, count()),
        "b64" => base64(&page.rng.bytes(count())),
        "b64url" => base64url(&page.rng.bytes(count())),
        // A password of anybody, and one with letters and digits only.
        "pw" => password(page.rng),
        "pwa" => alphanumeric(page.rng, 16),
        "words" => (0..4)
            .map(|_| [page.rng.pick(&SYLLABLES), page.rng.pick(&SYLLABLES)].concat())
            .collect::<Vec<_>>()
            .join("-"),
        _ => panic!("nothing is called {name}"),
    }
}

pub(crate) fn guid(rng: &mut Rng) -> String {
    let hex = rng.text(HEX, 32);
    let variant = rng.text("89ab", 1);
    format!("{}-{}-4{}-{variant}{}-{}", &hex[..8], &hex[8..12], &hex[13..16], &hex[17..20], &hex[20..])
}

fn password(rng: &mut Rng) -> String {
    if rng.below(2) == 0 {
        let count = rng.between(10, 18);
        let middle = rng.text(&format!("{BASE62}{BASE62}!#*+-_.^~@?"), count);
        let (digit, symbol) = (rng.text("2346789", 1), rng.text("!#*+-_.^~@?", 1));
        return format!("{}{middle}{digit}{symbol}{}", rng.text(UPPER, 1), rng.text(LOWER, 2));
    }
    let (one, two) = (rng.pick(&SYLLABLES), rng.pick(&SYLLABLES));
    let symbol = rng.text("!#-_.+*", 1);
    format!("{}{}{two}{symbol}{}", one[..1].to_uppercase(), &one[1..], rng.between(3400, 9800))
}

fn alphanumeric(rng: &mut Rng, count: usize) -> String {
    let (upper, lower) = (rng.text(UPPER, 1), rng.text(LOWER, 1));
    format!("{upper}{lower}{}{}", rng.text("23456789", 1), rng.text(BASE62, count - 3))
}

/// Tokens and keys.
fn token(rng: &mut Rng, head: &str, argument: &str) -> Option<String> {
    Some(match head {
        "his" => first_generation(rng, argument),
        "cask" => second_generation(rng, argument),
        "entra" => entra(rng, argument),
        "ado" => devops(&rng.bytes(28), argument == "application"),
        "gh" => {
            let body = rng.text(BASE62, if argument == "r" { 70 } else { 30 });
            format!("gh{argument}_{body}{}", crc_tail(&body))
        }
        "ghpat" => ["github", "_pat_"].concat() + "11" + &rng.text(BASE62, 20) + "_" + &rng.text(BASE62, 59),
        "npm" => {
            let body = rng.text(BASE62, 30);
            ["np", "m_"].concat() + &body + &crc_tail(&body)
        }
        "openai" => {
            let middle = ["T3Blbk", "FJ"].concat();
            let (prefix, half) = match argument {
                "legacy" => ("sk-", 20),
                "project" => ("sk-proj-", 74),
                "project58" => ("sk-proj-", 58),
                "service" => ("sk-svcacct-", 74),
                _ => ("sk-admin-", 58),
            };
            let alphabet = if half == 20 { BASE62 } else { BASE64URL };
            let (one, two) = (rng.text(alphabet, half), rng.text(alphabet, half - 1));
            let last = if half == 20 { rng.text(BASE62, 1) } else { "A".to_owned() };
            // Neither half begins or ends with a dash, where a word would end.
            format!("{prefix}{}{middle}{}{last}", one.replace('-', "k"), two.replace('-', "_"))
        }
        "slack" => slack(rng, argument),
        "travis" => rng.text(BASE62, 9) + &rng.text(BASE64URL, 12) + &rng.text(BASE62, 1),
        "gcp" => "AIza".to_owned() + "Sy" + &rng.text(BASE64URL, 32) + &rng.text(BASE62, 1),
        "mws" => ["amzn", ".mws."].concat() + &guid(rng),
        "dapi" => "dapi".to_owned() + &rng.text(HEX, 32) + argument,
        "awsid" => {
            let account = 100_000_000_000 + rng.next() % 899_999_999_999;
            let random = rng.next();
            aws_id(if argument.is_empty() { "AKIA" } else { argument }, account, random)
        }
        "awssecret" => base64(&rng.bytes(30)),
        "awssession" => "IQoJb3JpZ2luX2Vj".to_owned() + &base64(&rng.bytes(420)),
        "directline" => {
            let part = |rng: &mut Rng, count| rng.text(BASE64URL, count);
            if argument == "short" {
                format!("{}.{}", part(rng, 11), part(rng, 43))
            } else {
                format!("{}.{}.{}.{}", part(rng, 11), part(rng, 3), part(rng, 3), part(rng, 43))
            }
        }
        _ => return None,
    })
}

fn first_generation(rng: &mut Rng, family: &str) -> String {
    let (bytes, signature, seed) = match family {
        "storage" => (64, "+ASt", "Default0"),
        "cosmos" => (64, "ACDb", "MastRW00"),
        "cosmosread" => (64, "ACDb", "MastRO00"),
        "batch" => (64, "+ABa", "AbAcct00"),
        "ml" => (64, "+AMC", "Classic0"),
        "apim" => (64, "APIM", "IoTHub00"),
        "servicebus" => (32, "+ASb", "Manage00"),
        "servicebussend" => (32, "+ASb", "Send0000"),
        "eventhub" => (32, "+AEh", "Listen00"),
        "relay" => (32, "+ARm", "Manage00"),
        "iothub" => (32, "AIoT", "IoTHub00"),
        "dps" => (32, "AIoT", "DpsKey00"),
        "device" => (32, "AIoT", "Device00"),
        "eventgrid" => (32, "AZEG", "SendRecv"),
        "acr" => (39, "+ACR", "ACRDflt0"),
        "function" => (40, "AzFu", "Functi00"),
        "functionmaster" => (40, "AzFu", "Master00"),
        "functionsystem" => (40, "AzFu", "System00"),
        "redis" => return annotated_redis(&rng.bytes(32)),
        _ => panic!("no family {family}"),
    };
    annotated(&rng.bytes(bytes), signature, seed)
}

/// `SIGN`, or `SIGNlong` for the form with 88 characters.
fn second_generation(rng: &mut Rng, argument: &str) -> String {
    let (signature, long) = (&argument[..4], argument.len() > 4);
    let provider = match signature {
        "AZDO" => "AAAS",
        "ACOG" => rng.pick(&["AAAA", "AAAB", "AAAF", "AAAL", "AAAY"]),
        "AZAC" => "AAAC",
        "AZML" => "INFR",
        _ => "AAAA",
    };
    let base_62 = matches!(signature, "AZDO" | "AZML") || signature == "AZAC" && rng.below(2) == 0;
    let head = format!(
        "{}JQQJ99{}{}{}{provider}{signature}",
        rng.text(BASE62, 52),
        rng.text("ABC", 1),
        rng.text("ABCDEFGHIJKL", 1),
        rng.text(BASE62, 12),
    );
    let tail = cask_tail(&head, base_62, long);
    head + &tail
}

fn entra(rng: &mut Rng, argument: &str) -> String {
    let alphabet = format!("{BASE62}{BASE62}-_.~");
    match argument {
        "8" => {
            let head = format!("{}8Q~{}", rng.text(BASE62, 3), rng.text(&alphabet, 31));
            let tail = entra_tail(&head);
            head + &tail
        }
        "7" => format!("{}7Q~{}{}", rng.text(BASE62, 3), rng.text(&alphabet, 30), rng.text(BASE62, 1)),
        _ => rng.text(BASE62, 1) + &rng.text(&alphabet, 32) + &rng.text(BASE62, 1),
    }
}

fn slack(rng: &mut Rng, argument: &str) -> String {
    let mut number = |count: usize| rng.text("123456789", 1) + &rng.text(DIGITS, count - 1);
    let (team, user, third) = (number(12), number(13), number(13));
    match argument {
        "bot" => format!("xox{}-{team}-{user}-{}", 'b', rng.text(BASE62, 24)),
        "oldbot" => format!("xox{}-{team}-{}", 'b', rng.text(BASE62, 24)),
        "user" => format!("xox{}-{team}-{user}-{third}-{}", 'p', rng.text(HEX, 32)),
        "app" => format!(
            "xa{}-1-A{}-{user}-{}",
            "pp",
            rng.text("0123456789ABCDEFGHJKMNPQRSTVWXYZ", 10),
            rng.text(HEX, 64)
        ),
        "workspace" => {
            format!("xox{}-2-{team}-{user}-{third}-{}", 'a', rng.text(HEX, 32))
        }
        "rotated" | "refresh" => {
            let digest = rng.text(HEX, 64);
            let inner = if argument == "refresh" {
                format!("3-1-{team}-{user}-{digest}")
            } else {
                format!("2-2-{team}-{user}-{third}-{}-{digest}", rng.text(DIGITS, 13).replace('0', "1"))
            };
            let inner = base64(inner.as_bytes());
            let before = if argument == "refresh" {
                "xox".to_owned() + "e-1-"
            } else {
                "xoxe".to_owned() + ".xoxp-1-"
            };
            before + &inner
        }
        _ => {
            let id = |rng: &mut Rng| rng.text("0123456789ABCDEFGHJKMNPQRSTVWXYZ", 9);
            format!(
                "https://hooks.{}.com/services/T{}/B{}/{}",
                "slack",
                id(rng),
                id(rng),
                rng.text(BASE62, 24)
            )
        }
    }
}
