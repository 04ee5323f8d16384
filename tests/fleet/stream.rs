//! Streams of made-up scans, in the form of `docs/wire.md`.

use serde_json::{Value, json};

/// One scan of one machine.
pub(crate) struct Scan {
    id: String,
    host: String,
    lines: Vec<Value>,
}

impl Scan {
    pub(crate) fn new(id: &str, host: &str, started: &str) -> Self {
        let scan = json!({"type": "scan", "schema": "snapsift/1", "scan_id": id, "engine_version": "0",
            "rules_blake3": "", "rules": 0, "targets": [host], "started_at": started, "fingerprints_keyed": false});
        let account = |name: &str, uid: u32| json!({"name": name, "uid": uid, "groups": [name], "home": "/"});
        let machine = json!({"type": "machine", "provenance": [{"kind": "directory", "name": host}],
            "identities": [{"kind": "cloud_instance", "value": format!("i-{host}"), "path": "/i"}],
            "hostname": host, "accounts": [account("root", 0), account("app", 1000)]});
        Self { id: id.to_owned(), host: host.to_owned(), lines: vec![scan, machine] }
    }

    fn location(&self, path: &str) -> Value {
        json!({"path": path, "line": 1, "column": 1, "offset": 0,
            "provenance": [{"kind": "directory", "name": self.host}]})
    }

    fn file(owner: &str, mode: &str) -> Value {
        json!({"size": 1, "mode": mode, "uid": 0, "gid": 0, "owner": owner, "inode": 1, "links": 1})
    }

    /// A private key in a file of `owner`, with its finding.
    pub(crate) fn holds(&mut self, key: &str, owner: &str, encrypted: bool) {
        let path = format!("/home/{owner}/{key}");
        self.lines.push(json!({"type": "key", "fingerprint": key, "private": true, "role": "private",
            "algorithm": "ed25519", "format": "openssh", "encrypted": encrypted, "location": self.location(&path),
            "file": Self::file(owner, "0600")}));
        self.finding(
            &format!("ssh {key}"),
            "insecure SSH private key",
            &path,
            json!({"key_fingerprint": key}),
        );
    }

    /// What the user named, where that is not what lies in the records (`--machine`): all of its
    /// targets are images.
    pub(crate) fn of_images(&mut self, named: &str) {
        self.lines[0]["targets"] = json!([named]);
        for line in &mut self.lines[1..] {
            let location = if line["type"] == "machine" { &mut *line } else { &mut line["location"] };
            location["provenance"][0]["kind"] = json!("image");
        }
    }

    /// A finding on another target.
    pub(crate) fn finding_on(&mut self, target: &str, secret: &str, path: &str) {
        self.finding(secret, "a type", path, json!({}));
        if let Some(last) = self.lines.last_mut() {
            last["location"]["provenance"][0]["name"] = json!(target);
        }
    }

    /// What the records call the target of the system's root.
    pub(crate) fn root_target(&mut self, target: &str) {
        self.lines[1]["provenance"][0]["name"] = json!(target);
    }

    /// Without a system's root: what a data disk has.
    pub(crate) fn without_root(&mut self) {
        self.lines.remove(1);
    }

    /// The rules that the scan had.
    pub(crate) fn rules(&mut self, digest: &str, ids: &[&str]) {
        self.lines[0]["rules_blake3"] = json!(digest);
        self.lines[0]["rule_ids"] = json!(ids);
    }

    /// Other names and addresses of the machine.
    pub(crate) fn called(&mut self, names: &[&str]) {
        self.lines[1]["names"] = json!(names);
    }

    /// A line that lets a key in.
    pub(crate) fn accepts(&mut self, key: &str, account: &str, verdict: &Value) {
        let path = format!("/home/{account}/.ssh/authorized_keys");
        self.lines.push(json!({"type": "key", "fingerprint": key, "private": false, "role": "authorized",
            "account": account, "verdict": verdict, "algorithm": "ed25519", "format": "ssh", "encrypted": false,
            "location": self.location(&path)}));
    }

    /// A finding with more fields.
    pub(crate) fn finding(&mut self, secret: &str, secret_type: &str, path: &str, more: Value) {
        let mut finding = json!({"type": "finding", "id": format!("{}-{secret}", self.host), "rule_id": "a-rule",
            "secret_type": secret_type, "provider": "", "category": "", "severity": "high", "confidence": "high",
            "secret": {"preview": "…", "length": 9, "fingerprint": format!("blake3:{secret}")},
            "location": self.location(path), "file": Self::file("root", "0600"), "remediation": "Replace it."});
        if let (Some(finding), Value::Object(more)) = (finding.as_object_mut(), more) {
            finding.extend(more);
        }
        self.lines.push(finding);
    }

    /// The lines, with the end of a scan that read all.
    pub(crate) fn text(&self) -> String {
        let end = json!({"type": "summary", "scan_id": self.id, "complete": true, "interrupted": false,
            "coverage": {"directories": 1, "files_seen": 0, "files_scanned": 0, "bytes_seen": 0, "bytes_scanned": 0,
            "left_out": {}}, "findings": {}, "keys": 0, "problems": 0, "finished_at": "2026-01-01T00:00:09Z",
            "elapsed_seconds": 9.0});
        let lines = self.lines.iter().chain([&end]);
        lines.map(|line| line.to_string() + "\n").collect()
    }
}
