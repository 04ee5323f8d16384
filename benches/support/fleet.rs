//! Made-up fleets for measuring: scans in the form of `docs/wire.md`, an inventory, and
//! vulnerabilities. The same numbers give the same files.
//!
//! As a real fleet has it, few keys are accepted by very many machines: twenty deploy keys
//! by 60 to 10 machines in a hundred, held by one in five hundred; one key for each fifty
//! machines by 1 to 200 of them; and stale lines of keys that lie nowhere. One machine in
//! twenty is exposed, one in five vulnerable, one in a hundred critical. One secret in
//! three opens one of the resources, of which there is one for each twenty machines.

use std::fmt::Write as _;
use std::path::Path;

/// How large it is to be.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Size {
    pub(crate) machines: u64,
    /// Secrets that are no keys, for each machine.
    pub(crate) findings: u64,
    /// Lines of keys that lie nowhere, for each machine.
    pub(crate) stale: u64,
}

/// SplitMix64.
struct Chance(u64);

impl Chance {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    fn below(&mut self, bound: u64) -> u64 {
        self.next() % bound.max(1)
    }

    fn in_thousand(&mut self, share: u64) -> bool {
        self.below(1000) < share
    }
}

const TYPES: [&str; 10] = [
    "AWS access key",
    "Azure storage account connection string",
    "Azure SQL connection string",
    "GitHub personal access token",
    "user login credentials",
    "JSON Web Token",
    "Slack token",
    "npm access token",
    "PostgreSQL connection string",
    "GitLab access token",
];

/// A machine's scan.
struct Scan<'f> {
    text: &'f mut String,
    machine: u64,
}

impl Scan<'_> {
    fn location(&self, path: &str, line: u64) -> String {
        format!(
            "{{\"path\":\"{path}\",\"line\":{line},\"column\":1,\"offset\":0,\
             \"provenance\":[{{\"kind\":\"directory\",\"name\":\"/mnt\"}}]}}"
        )
    }

    fn file(owner: &str, mode: &str) -> String {
        format!(
            "{{\"size\":400,\"mode\":\"{mode}\",\"uid\":0,\"gid\":0,\"owner\":\"{owner}\",\"inode\":7,\"links\":1,\
             \"atime\":\"2025-11-03T00:00:00Z\",\"mtime\":\"2025-02-01T00:00:00Z\"}}"
        )
    }

    fn key(&mut self, number: u64, role: &str, rest: &str, path: &str, line: u64, encrypted: bool) {
        let location = self.location(path, line);
        let file = Self::file("app", "0600");
        writeln!(
            self.text,
            "{{\"type\":\"key\",\"fingerprint\":\"SHA256:{number:043}\",\"private\":{},\"role\":\"{role}\",{rest}\
             \"algorithm\":\"ed25519\",\"bits\":256,\"format\":\"openssh\",\"comment\":\"user{number}\",\
             \"encrypted\":{encrypted},\"location\":{location},\"file\":{file}}}",
            role == "private"
        )
        .expect("memory");
    }

    fn finding(&mut self, id: u64, secret_type: &str, secret: &str, path: &str, line: u64, rest: &str) {
        let location = self.location(path, line);
        let file = Self::file("app", if id.is_multiple_of(3) { "0644" } else { "0600" });
        let machine = self.machine;
        writeln!(
            self.text,
            "{{\"type\":\"finding\",\"id\":\"{machine:016x}{id:016x}\",\"rule_id\":\"{}\",\"secret_type\":\"{secret_type}\",\
             \"provider\":\"\",\"category\":\"\",\"severity\":\"high\",\"confidence\":\"high\",\"secret\":{{\"preview\":\"…\",\
             \"length\":40,\"fingerprint\":\"{secret}\"}},\"location\":{location},\"file\":{file},\
             \"remediation\":\"Replace it, and look where it was used.\"{rest}}}",
            secret_type.to_lowercase().replace(' ', "-")
        )
        .expect("memory");
    }

    fn holds(&mut self, number: u64, path: &str, encrypted: bool) {
        self.key(number, "private", "", path, 1, encrypted);
        let secret = format!("blake3:key{number:029}");
        let rest = format!(",\"key_fingerprint\":\"SHA256:{number:043}\"");
        self.finding(1 << 32 | number, "insecure SSH private key", &secret, path, 1, &rest);
    }
}

fn scan(text: &mut String, size: Size, machine: u64, chance: &mut Chance) {
    writeln!(
        text,
        "{{\"type\":\"scan\",\"schema\":\"snapsift/1\",\"scan_id\":\"{machine:032x}\",\"engine_version\":\"0\",\
         \"rules_blake3\":\"\",\"rules\":0,\"targets\":[\"/mnt\"],\"started_at\":\"2026-01-01T00:00:00Z\",\
         \"fingerprints_keyed\":false}}\n{{\"type\":\"machine\",\"provenance\":[{{\"kind\":\"directory\",\
         \"name\":\"/mnt\"}}],\"identities\":[{{\"kind\":\"cloud_instance\",\"value\":\"i-{machine:016x}\",\
         \"path\":\"/var/lib/cloud/data/instance-id\"}}],\"hostname\":\"node-{machine:05}\",\"accounts\":[\
         {{\"name\":\"root\",\"uid\":0,\"groups\":[\"root\"],\"home\":\"/root\"}},\
         {{\"name\":\"app\",\"uid\":1000,\"groups\":[\"app\"],\"home\":\"/home/app\"}}]}}"
    )
    .expect("memory");
    let mut scan = Scan { text, machine };
    let accepted = "\"account\":\"app\",\"verdict\":{\"state\":\"accepted\"},";
    let path = "/home/app/.ssh/authorized_keys";
    let mut line = 0;
    for deploy in 0..20 {
        if chance.in_thousand(600 - deploy * 26) {
            line += 1;
            scan.key(deploy, "authorized", accepted, path, line, false);
        }
        if chance.in_thousand(2) {
            scan.holds(deploy, &format!("/home/app/.ssh/deploy{deploy}"), chance.in_thousand(330));
        }
    }
    let teams = size.machines / 50 + 1;
    for _ in 0..4 {
        // Squared, so that the first are many times as common as the last.
        let (one, other) = (chance.below(teams), chance.below(teams));
        line += 1;
        scan.key(100 + one * other / teams, "authorized", accepted, path, line, false);
    }
    if chance.in_thousand(40) {
        let team = chance.below(teams);
        scan.holds(100 + team, "/home/app/.ssh/id_ed25519", chance.in_thousand(330));
    }
    for _ in 0..size.stale {
        line += 1;
        let number = 1_000_000 + chance.below(size.machines * 40);
        scan.key(number, "authorized", accepted, path, line, false);
    }
    let resources = size.machines / 20 + 1;
    for number in 0..size.findings {
        let secret_type = TYPES.get(usize::try_from(chance.below(10)).expect("small")).expect("ten");
        let secret = format!("blake3:{:032x}", chance.below(size.machines * size.findings / 2));
        let target = if chance.in_thousand(333) {
            let resource = chance.below(resources);
            format!(
                ",\"target\":{{\"kind\":\"host\",\"id\":\"store-{resource}.example\",\"exists\":\"unknown\",\
                 \"determined_by\":\"form\"}},\"attributes\":{{\"user\":\"app\"}}"
            )
        } else {
            String::new()
        };
        scan.finding(
            number,
            secret_type,
            &secret,
            &format!("/srv/app{number}/config/settings.env"),
            3,
            &target,
        );
    }
    writeln!(
        text,
        "{{\"type\":\"summary\",\"scan_id\":\"{machine:032x}\",\"complete\":true,\"interrupted\":false,\
         \"coverage\":{{\"directories\":1,\"files_seen\":0,\"files_scanned\":0,\"bytes_seen\":0,\
         \"bytes_scanned\":0,\"left_out\":{{}}}},\"findings\":{{}},\"keys\":0,\"problems\":0,\
         \"finished_at\":\"2026-01-01T00:00:09Z\",\"elapsed_seconds\":9.0}}"
    )
    .expect("memory");
}

/// Writes `scans/`, `assets.csv` and `vulnerabilities.csv` into a folder.
pub(crate) fn write(folder: &Path, size: Size) {
    let scans = folder.join("scans");
    std::fs::create_dir_all(&scans).expect("a folder");
    let mut chance = Chance(1);
    let mut assets =
        "id,kind,type,provider,name,instance_id,region,exposed,open_ports,criticality,sensitivity,owner,endpoint\n"
            .to_owned();
    let mut vulnerabilities = "subject,vulnerability,severity,package,installed,fixed\n".to_owned();
    let mut text = String::new();
    for machine in 0..size.machines {
        text.clear();
        scan(&mut text, size, machine, &mut chance);
        std::fs::write(scans.join(format!("{machine:07}.jsonl")), &text).expect("written");
        let provider = ["azure", "aws", "gcp"][usize::try_from(machine % 3).expect("small")];
        let exposed = if chance.in_thousand(50) { "yes,443" } else { "no," };
        let criticality = if chance.in_thousand(10) { "very_high" } else { "low" };
        writeln!(
            assets,
            "vm-{machine},machine,vm,{provider},node-{machine:05},i-{machine:016x},region-{},{exposed},{criticality},,team-{},",
            machine % 7,
            machine % 40
        )
        .expect("memory");
        if chance.in_thousand(200) {
            for _ in 0..6 {
                let number = chance.below(9000);
                writeln!(vulnerabilities, "vm-{machine},CVE-2025-{number:05},high,package-{number},1.0,1.1")
                    .expect("memory");
            }
        }
    }
    for resource in 0..=size.machines / 20 {
        let kind = ["storage", "database"][usize::try_from(resource % 2).expect("small")];
        let provider = ["azure", "aws", "gcp"][usize::try_from(resource % 3).expect("small")];
        let sensitivity = if resource % 5 == 0 { "high" } else { "low" };
        writeln!(
            assets,
            "store-{resource},{kind},{kind},{provider},store-{resource},,region-1,no,,,{sensitivity},,store-{resource}.example"
        )
        .expect("memory");
    }
    std::fs::write(folder.join("assets.csv"), assets).expect("written");
    std::fs::write(folder.join("vulnerabilities.csv"), vulnerabilities).expect("written");
}
