//! Made-up records for the tests of the sinks. No value here has the shape of a
//! real secret.

use std::collections::BTreeMap;

use crate::finding::{
    Confidence, Coverage, FileFacts, Finding, KeyRecord, KeyRole, Location, Marks, ProblemRecord,
    ProvenanceStep, Reason, Record, SCHEMA, ScanRecord, SecretFacts, Severity, SummaryRecord, Target,
    TargetExists, Timestamp, Validity,
};

pub(crate) fn time(text: &str) -> Timestamp {
    Timestamp::parse(text).expect("a time")
}

pub(crate) fn header() -> Record {
    Record::Scan(ScanRecord {
        schema: SCHEMA.into(),
        scan_id: "000102030405060708090a0b0c0d0e0f".into(),
        engine_version: "0.1.0".into(),
        rules_blake3: "ab".repeat(32),
        rule_ids: vec!["a-rule".into()],
        rules: 37,
        targets: vec!["/mnt/snapshot".into()],
        started_at: time("2026-11-24T22:08:57Z"),
        fingerprints_keyed: false,
    })
}

pub(crate) fn location(path: &str, line: u64) -> Location {
    Location {
        path: path.into(),
        path_hex: None,
        line,
        column: 14,
        offset: line * 100,
        encodings: Vec::new(),
        provenance: vec![
            ProvenanceStep { kind: "directory".into(), name: "/mnt/snapshot".into() },
            ProvenanceStep { kind: "file".into(), name: path.into() },
        ],
        deleted: false,
    }
}

fn file(owner: &str, mode: &str) -> FileFacts {
    FileFacts {
        size: 812,
        mode: mode.into(),
        uid: 1000,
        gid: 1000,
        owner: (!owner.is_empty()).then(|| owner.into()),
        group: (!owner.is_empty()).then(|| owner.into()),
        atime: Some(time("2026-11-20T08:11:30.25Z")),
        mtime: Some(time("2024-10-02T09:30:00Z")),
        ctime: Some(time("2024-10-02T09:30:00Z")),
        btime: None,
        inode: 77,
        links: 1,
        member: None,
    }
}

pub(crate) fn finding(path: &str, line: u64) -> Finding {
    Finding {
        id: format!("f{line:031}"),
        rule_id: "github-pat".into(),
        secret_type: "GitHub personal access token".into(),
        provider: "GitHub".into(),
        category: "source-control".into(),
        severity: Severity::Critical,
        confidence: Confidence::High,
        secret: SecretFacts {
            preview: "ghp_…x9Qd".into(),
            length: 40,
            fingerprint: "blake3:00112233445566778899aabbccddeeff".into(),
            raw: None,
        },
        location: location(path, line),
        file: Some(file("app", "0640")),
        attributes: BTreeMap::new(),
        validity: None,
        target: None,
        key_fingerprint: None,
        accounts: Vec::new(),
        key_uses: Vec::new(),
        known: None,
        vendor: None,
        git: None,
        ignored: None,
        baseline: None,
        remediation:
            "Revoke the token under Settings, Developer settings, Personal access tokens. Then look \
                      through the audit log for what it was used for since this file was changed."
                .into(),
    }
}

fn sas(path: &str, line: u64) -> Finding {
    Finding {
        rule_id: "azure-storage-sas".into(),
        secret_type: "Azure Storage shared access signature".into(),
        provider: "Azure".into(),
        category: "cloud".into(),
        severity: Severity::High,
        confidence: Confidence::Medium,
        secret: SecretFacts {
            preview: "sv=2024…%3D".into(),
            length: 133,
            fingerprint: "blake3:11112233445566778899aabbccddeeff".into(),
            raw: None,
        },
        file: Some(file("", "0644")),
        attributes: BTreeMap::from([
            ("account".into(), "contosoprod".into()),
            ("signed_permissions".into(), "racwdl".into()),
        ]),
        validity: Some(Validity {
            issued_at: None,
            not_before: Some(time("2024-01-01T00:00:00Z")),
            expires_at: Some(time("2026-12-02T00:00:00Z")),
            expired: Some(false),
        }),
        target: Some(Target {
            kind: "azure_storage_account".into(),
            id: "contosoprod.blob.core.windows.net".into(),
            exists: TargetExists::Unknown,
            determined_by: "no inventory was given".into(),
        }),
        remediation: "Rotate the account key that signed it.".into(),
        ..finding(path, line)
    }
}

/// In the order in which a scan gives them: by path.
pub(crate) fn findings() -> Vec<Finding> {
    let mut again = finding("/var/backups/.env", 3);
    again.file = Some(file("root", "0644"));
    let mut old = sas("/opt/job/run.sh", 12);
    old.secret.fingerprint = "blake3:22222233445566778899aabbccddeeff".into();
    old.severity = Severity::Low;
    old.validity = Some(Validity {
        expires_at: Some(time("2025-03-01T12:00:00Z")),
        expired: Some(true),
        ..Validity::default()
    });
    vec![sas("/etc/app/settings.json", 40), old, finding("/srv/app/.env", 3), again]
}

pub(crate) fn scan() -> Vec<Record> {
    let mut list = findings();
    // The header test of the CSV reads the first row: the most telling one first.
    list.rotate_left(2);
    records(list, false)
}

/// A scan of these findings.
pub(crate) fn records(findings: Vec<Finding>, interrupted: bool) -> Vec<Record> {
    let mut coverage = Coverage { directories: 4_210, ..Coverage::default() };
    coverage.files_seen = 48_113;
    coverage.files_scanned = 48_113;
    coverage.bytes_seen = 5_149_000_000;
    coverage.bytes_scanned = 5_149_000_000;
    for _ in 0..2_104 {
        coverage.leave_out_file(Reason::SymbolicLink, 0);
    }
    coverage.leave_out_file(Reason::TestContent, 12_100_000);
    coverage.leave_out_file(Reason::SpecialFile, 0);
    coverage.leave_out_bytes(Reason::Hole, 16_000_000_000);
    coverage.leave_out_file(Reason::Unreadable, 4_096);
    if interrupted {
        coverage.leave_out_file(Reason::Interrupted, 100);
    }
    let mut by_severity = BTreeMap::new();
    for finding in &findings {
        *by_severity.entry(finding.severity).or_insert(0) += 1;
    }
    let mut out = vec![header()];
    out.extend(findings.into_iter().map(|finding| Record::Finding(Box::new(finding))));
    out.push(Record::Key(Box::new(KeyRecord {
        fingerprint: Some("SHA256:made-up".into()),
        fingerprint_md5: None,
        private: true,
        role: KeyRole::Private,
        account: None,
        verdict: None,
        algorithm: Some("ed25519".into()),
        bits: Some(256),
        public_key: None,
        fingerprint_ec2_created: None,
        fingerprint_ec2_imported: None,
        format: "openssh".into(),
        damage: None,
        comment: None,
        encrypted: true,
        cipher: Some("aes256-ctr".into()),
        kdf: Some("bcrypt".into()),
        rounds: Some(24),
        weaknesses: Vec::new(),
        hosts: None,
        certificate: None,
        public_beside: None,
        last_use: None,
        location: location("/root/.ssh/id_ed25519", 1),
        file: None,
        finding_id: None,
    })));
    out.push(Record::Problem(ProblemRecord {
        path: "/var/lib/broken.db".into(),
        path_hex: None,
        provenance: vec![ProvenanceStep { kind: "directory".into(), name: "/mnt/snapshot".into() }],
        reason: Reason::Unreadable,
        offset: Some(8_192),
        message: "input/output error: the disk could not read this block".into(),
    }));
    out.push(Record::Summary(Box::new(SummaryRecord {
        scan_id: "000102030405060708090a0b0c0d0e0f".into(),
        complete: false,
        interrupted,
        coverage,
        findings: by_severity,
        findings_not_listed: 0,
        marks: Marks::default(),
        keys: 1,
        problems: 1,
        problems_not_listed: 0,
        access_times_not_kept: 0,
        finished_at: time("2026-11-24T22:08:59Z"),
        elapsed_seconds: 1.4,
    })));
    out
}
