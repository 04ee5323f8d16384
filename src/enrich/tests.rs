//! Findings from matches that are put together by hand.

use super::*;
use crate::finding::{Confidence, ProvenanceStep, Secret};
use crate::rules::Literal;

/// An Ed25519 key in PKCS#8 (RFC 8410 section 7 has this structure) whose seed is
/// 32 bytes of 0x11, and one whose handle is for a token.
fn pkcs8(label: &str) -> String {
    use base64::Engine as _;
    let mut der = vec![0x30, 0x2e, 2, 1, 0, 0x30, 5, 6, 3, 0x2b, 0x65, 0x70, 4, 0x22, 4, 0x20];
    der.extend([0x11; 32]);
    let body = base64::engine::general_purpose::STANDARD.encode(der);
    format!("-----BEGIN {label}-----\n{body}\n-----END {label}-----")
}

fn rule(id: &str, checks: Vec<Check>, target: Option<(&str, &str)>) -> Rule {
    let literal = Literal { bytes: b"abc"[..].into(), fold: false, min_offset: 0, max_offset: 0 };
    Rule {
        secret_type: "Type".into(),
        severity: Severity::High,
        confidence: Confidence::High,
        remediation: "\nDo this.\n".into(),
        public_prefix: 4,
        checks,
        target: target.map(|(kind, id)| TargetTemplate { kind: kind.into(), id: id.into() }),
        validity: ValidityFields {
            issued_at: None,
            not_before: Some("from".into()),
            expires_at: Some("until".into()),
        },
        provider: "Provider".into(),
        ..Rule::new(id, "abc", vec![literal])
    }
}

fn location(target: &str, offset: u64) -> Location {
    let step = |kind: &str, name: &str| ProvenanceStep { kind: kind.into(), name: name.into() };
    Location {
        path: "/etc/app.conf".into(),
        path_hex: None,
        line: 3,
        column: 9,
        offset,
        encodings: Vec::new(),
        provenance: vec![step("directory", target), step("file", "/etc/app.conf")],
        deleted: false,
    }
}

fn found(rule: usize, secret: &str, attributes: &[(&str, &str)]) -> Match {
    Match {
        rule,
        start: 0,
        end: 10,
        secret_start: 0,
        secret: Secret::new(secret.as_bytes()),
        encodings: Vec::new(),
        attributes: attributes.iter().map(|(name, value)| ((*name).into(), (*value).into())).collect(),
    }
}

fn enricher(fingerprinter: Fingerprinter, reveal: bool) -> Enricher {
    let rules = vec![
        rule("token", Vec::new(), Some(("kind", "{account}.blob.{suffix}"))),
        rule(
            "key",
            vec![Check::PrivateKey { used: crate::rules::KeyUse::Any, damaged: false }],
            Some(("ssh_key", "{fingerprint}")),
        ),
    ];
    let now = Timestamp::parse("2026-06-01T00:00:00Z").expect("a time");
    Enricher::new(RuleSet::new(rules, String::new()), fingerprinter, reveal, now)
}

#[test]
fn fields_come_from_rule_attributes_and_place() {
    let enricher = enricher(Fingerprinter::unkeyed(), false);
    let attributes = [("account", "acme"), ("suffix", "core.windows.net"), ("until", "2027-01-01T00:00:00Z")];
    let secret = "tok_kT9vQ2mXr7Lp4WzB8nYcD3sE";
    let enriched =
        enricher.enrich(&found(0, secret, &attributes), location("/mnt/a", 5), None).expect("a rule");
    let finding = enriched.finding.expect("a finding");
    assert!(enriched.key.is_none());
    assert_eq!(finding.severity, Severity::High);
    assert_eq!(finding.secret.preview, "tok_…D3sE");
    assert_eq!(finding.secret.length, 28);
    assert_eq!(finding.secret.raw, None);
    assert_eq!(finding.remediation, "Do this.");
    let target = finding.target.expect("a target");
    assert_eq!((target.kind.as_str(), target.id.as_str()), ("kind", "acme.blob.core.windows.net"));
    let validity = finding.validity.expect("validity");
    assert_eq!((validity.expired, validity.not_before), (Some(false), None));
    assert!(enricher.enrich(&found(9, secret, &[]), location("/mnt/a", 5), None).is_none());
}

#[test]
fn expired_is_low_at_most_and_missing_attributes_leave_fields_out() {
    let enricher = enricher(Fingerprinter::unkeyed(), true);
    let attributes = [("account", "acme"), ("until", "2026-06-01T00:00:00Z")];
    let finding = enricher
        .enrich(&found(0, "secret", &attributes), location("/m", 5), None)
        .expect("rule")
        .finding
        .expect("a finding");
    assert_eq!(finding.severity, Severity::Low);
    assert_eq!(finding.validity.expect("validity").expired, Some(true));
    assert_eq!(finding.target, None);
    assert_eq!(finding.secret.raw.expect("asked for").as_str(), "secret");
    let finding = enricher
        .enrich(&found(0, "secret", &[]), location("/m", 5), None)
        .expect("rule")
        .finding
        .expect("a finding");
    assert_eq!(finding.validity, None);
}

#[test]
fn guessable_passwords_are_low_and_told_in_live_configurations_only() {
    let enricher = enricher(Fingerprinter::unkeyed(), false);
    let at = |path: &str, strength: &str| {
        let location = Location { path: path.to_owned(), ..location("/mnt/a", 7) };
        let found = found(0, "Passw0rd!2", &[("strength", strength)]);
        enricher.enrich(&found, location, None).expect("the rule").finding.map(|finding| finding.severity)
    };
    assert_eq!(at("/etc/app.conf", "guessable"), Some(Severity::Low));
    assert_eq!(at("/usr/share/app/app.conf", "guessable"), None);
    assert_eq!(at("/usr/share/app/app.conf", "weak"), at("/etc/app.conf", ""));
}

#[test]
fn ids_follow_rule_secret_and_place_and_not_the_targets_name() {
    let enricher_plain = enricher(Fingerprinter::unkeyed(), false);
    let id = |enricher: &Enricher, rule, secret: &str, target: &str, offset| {
        enricher
            .enrich(&found(rule, secret, &[]), location(target, offset), None)
            .expect("rule")
            .finding
            .expect("a finding")
            .id
    };
    let first = id(&enricher_plain, 0, "secret", "/mnt/a", 5);
    assert_eq!(first.len(), 32);
    assert_eq!(first, id(&enricher_plain, 0, "secret", "/mnt/b", 5));
    assert_ne!(first, id(&enricher_plain, 1, "secret", "/mnt/a", 5));
    assert_ne!(first, id(&enricher_plain, 0, "Secret", "/mnt/a", 5));
    assert_ne!(first, id(&enricher_plain, 0, "secret", "/mnt/a", 6));
    assert_ne!(first, id(&enricher(Fingerprinter::keyed(&[1; 32]), false), 0, "secret", "/mnt/a", 5));
}

#[test]
fn keys_have_a_record_that_names_its_finding() {
    let enricher = enricher(Fingerprinter::unkeyed(), false);
    let text = pkcs8(concat!("PRIVATE", " KEY"));
    let enriched = enricher.enrich(&found(1, &text, &[]), location("/m", 5), None).expect("rule");
    let key = enriched.key.expect("a key");
    let finding = enriched.finding.expect("a finding");
    assert_eq!(key.finding_id.as_deref(), Some(finding.id.as_str()));
    assert_eq!(key.fingerprint, finding.key_fingerprint);
    assert_eq!(
        (key.format.as_str(), key.algorithm.as_deref(), key.bits),
        ("pkcs8", Some("ed25519"), Some(256))
    );
    assert!(key.private && !key.encrypted);
    assert_eq!(finding.severity, Severity::High);
    assert!(finding.secret.preview.starts_with(concat!("-----BEGIN PRIVATE", " KEY-----…")));
}

#[test]
fn an_encrypted_key_is_one_step_lower_and_what_is_left_of_one_too() {
    let mut key = PrivateKey::parse(pkcs8(concat!("PRIVATE", " KEY")).as_bytes()).expect("a key");
    assert_eq!(severity(Severity::High, Some(&key), None), Severity::High);
    key.encrypted = true;
    assert_eq!(severity(Severity::High, Some(&key), None), Severity::Medium);
    assert_eq!(severity(Severity::Info, Some(&key), None), Severity::Info);
    key.encrypted = false;
    for (state, expected) in [
        (KeyState::Cut, Severity::High),
        (KeyState::Inconsistent, Severity::Medium),
        (KeyState::PublicHalf, Severity::Low),
    ] {
        key.state = state;
        assert_eq!(severity(Severity::High, Some(&key), None), expected);
    }
}

/// What a bare key is reported as: the rule that the text gives, what that is told
/// by, and the path → the type.
#[test]
fn paths_tell_keys_of_ssh_and_tls_apart() {
    let rules = RuleSet::builtin().expect("the built-in packs load");
    let number = |id: &str| rules.rules().iter().position(|rule| rule.id == id).expect("a rule");
    let (ssh, other) = (number("private-key-pem"), number("private-key-certificate"));
    let places = places::Places::new(&rules);
    let told = |told_by: &str| BTreeMap::from([("use_told_by".to_owned(), told_by.to_owned())]);
    for path in [
        "/root/.ssh/id_rsa",
        "/home/ana/.ssh/deploy",
        "/etc/ssh/ssh_host_rsa_key",
        "/srv/backup/id_ecdsa.old",
        "/srv/app/deploy_key",
        "/srv/app/my-ssh-key.pem",
        "/srv/backup/github_rsa",
        "/home/ana/sshkeys/prod.key",
        "/etc/ssl/private/id_rsa",
    ] {
        assert_eq!(places.rule(ssh, path, &told("form")), ssh, "{path}");
        assert_eq!(places.rule(other, path, &told("form")), ssh, "{path}");
        // A name or a certificate in the text weighs more, and the kind of the key.
        for told_by in ["name", "certificate", "algorithm"] {
            assert_eq!(places.rule(other, path, &told(told_by)), other, "{path}");
        }
    }
    for path in [
        "/etc/ssl/private/ssl-cert-snakeoil.key",
        "/etc/ssl/private/old.pem",
        "/etc/nginx/site.pem",
        "/etc/letsencrypt/live/acme.io/privkey.pem",
        "/etc/letsencrypt/archive/acme.io/privkey1.pem",
        "/etc/kubernetes/pki/ca.key",
        "/etc/kubernetes/admin.conf",
        "/srv/app/server.key",
        "/srv/app/TLS.KEY",
        "/srv/app/client-key.pem",
        "/srv/app/key.pem",
        "/srv/app/cert1.pem",
        "/srv/app/certs/app.pem",
        "/home/ana/.kube/config",
        "/etc/postfix/mail.pem",
    ] {
        assert_eq!(places.rule(ssh, path, &told("form")), other, "{path}");
        assert_eq!(places.rule(other, path, &told("form")), other, "{path}");
        for told_by in ["name", "container"] {
            assert_eq!(places.rule(ssh, path, &told(told_by)), ssh, "{path}");
        }
    }
    // The form decides: what EC2 gives out, and names that hold the words by chance.
    for path in
        ["/home/ana/ec2.pem", "/srv/app/config.yaml", "/srv/concert/stage.pem", "/srv/crosshair/a.pem"]
    {
        assert_eq!(places.rule(ssh, path, &told("form")), ssh, "{path}");
        assert_eq!(places.rule(other, path, &told("form")), other, "{path}");
    }
}

#[test]
fn a_place_gives_the_finding_all_of_the_other_rule() {
    let place = |path: &str, reported_as: &str| crate::rules::Place {
        path: path.into(),
        reported_as: reported_as.into(),
        attributes: BTreeMap::new(),
    };
    let mut first = rule("first", Vec::new(), None);
    first.places = vec![place("/no/such", "first"), place("/unknown|conf", "none"), place("/etc/", "second")];
    let mut second = rule("second", Vec::new(), Some(("kind", "{account}")));
    (second.secret_type, second.severity) = ("Other".into(), Severity::Low);
    let rules = RuleSet::new(vec![first, second], String::new());
    let now = Timestamp::parse("2026-06-01T00:00:00Z").expect("a time");
    let enricher = Enricher::new(rules, Fingerprinter::unkeyed(), false, now);
    let finding = enricher
        .enrich(&found(0, "secret", &[("account", "acme")]), location("/m", 5), None)
        .expect("a rule")
        .finding
        .expect("a finding");
    assert_eq!((finding.rule_id.as_str(), finding.secret_type.as_str()), ("second", "Other"));
    assert_eq!(finding.severity, Severity::Low);
    assert_eq!(finding.target.expect("a target").id, "acme");
}

/// `PROTOCOL.u2f` of OpenSSH: a handle, put together by hand.
#[test]
fn a_token_handle_is_a_key_and_no_finding() {
    use base64::Engine as _;
    let string =
        |bytes: &[u8]| [&u32::try_from(bytes.len()).expect("short").to_be_bytes()[..], bytes].concat();
    let public = [string(b"sk-ssh-ed25519@openssh.com"), string(&[7; 32]), string(b"ssh:")].concat();
    let private =
        [&[1, 2, 3, 4, 1, 2, 3, 4][..], &public, &[1], &string(&[9; 64]), &string(b""), &string(b"me")];
    let mut private = private.concat();
    private.extend((1..8).take(private.len().next_multiple_of(8) - private.len()));
    let none = string(b"none");
    let head = [b"openssh-key-v1\0", &none[..], &none, &string(b""), &[0, 0, 0, 1]].concat();
    let body = [head, string(&public), string(&private)].concat();
    let code = base64::engine::general_purpose::STANDARD.encode(body);
    let label = concat!("OPENSSH PRIVATE", " KEY");
    let text = format!("-----BEGIN {label}-----\n{code}\n-----END {label}-----");
    let enricher = enricher(Fingerprinter::unkeyed(), false);
    let enriched = enricher.enrich(&found(1, &text, &[]), location("/m", 5), None).expect("rule");
    assert!(enriched.finding.is_none());
    let key = enriched.key.expect("a key");
    assert_eq!((key.algorithm.as_deref(), key.finding_id), (Some("ed25519-sk"), None));
}
