//! What lies on the made-up machines, and what their clouds say of them.
//!
//! A shop: somebody can come in at `shop-web`, whose deploy key opens `shop-app`, whose
//! backup key opens the database machine. `ci-build` leads to a database of another cloud.
//! `old-files` is in no inventory, and refuses.

use std::fs::{self, FileTimes};
use std::io;
use std::os::unix::fs::{PermissionsExt as _, chown};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use snapsift::finding::Timestamp;

use super::made::{self, SshKey};

pub(super) const SHOP: &str = "shop-web";
pub(super) const BUILD: &str = "ci-build";
const APP: &str = "shop-app";
const DATABASE: &str = "shop-db";
const OLD: &str = "old-files";

const DAY: u64 = 86_400;

/// The root of one machine. All keys are of one account, since who makes it may own files
/// as nobody else.
struct Root {
    path: PathBuf,
    account: &'static str,
    /// Whoever makes it, or another where that is the superuser.
    ids: (u32, u32),
}

impl Root {
    fn new(folder: &Path, host: &'static str, account: &'static str, groups: &str) -> io::Result<Self> {
        let (uid, gid) = (rustix::process::getuid().as_raw(), rustix::process::getgid().as_raw());
        let ids = if uid == 0 { (1000, 1000) } else { (uid, gid) };
        let root = Self { path: folder.join("machines").join(host), account, ids };
        let (uid, gid) = ids;
        root.file("etc/hostname", 0o644, &format!("{host}\n"))?;
        root.file("etc/machine-id", 0o644, &format!("{}\n", made::text(b"0123456789abcdef", 32)?))?;
        root.file(
            "etc/os-release",
            0o644,
            "ID=debian\nVERSION_ID=\"12\"\nPRETTY_NAME=\"Debian GNU/Linux 12\"\n",
        )?;
        root.file(
            "etc/passwd",
            0o644,
            &format!("root:x:0:0:root:/root:/bin/sh\n{account}:x:{uid}:{gid}::/home/{account}:/bin/sh\n"),
        )?;
        root.file("etc/group", 0o644, &format!("root:x:0:\n{account}:x:{gid}:\n{groups}"))?;
        root.file(
            "etc/shadow",
            0o640,
            &format!("root:*:20000:0:99999:7:::\n{account}:*:20000:0:99999:7:::\n"),
        )?;
        // What stands for a shell, a server, and what starts it.
        root.file("bin/sh", 0o755, "#!/bin/sh\n")?;
        root.file("usr/sbin/sshd", 0o755, "OpenSSH_9.2p1\0")?;
        root.file("etc/systemd/system/multi-user.target.wants/ssh.service", 0o644, "[Service]\n")?;
        root.file("etc/ssh/sshd_config", 0o644, "UsePAM no\nPermitRootLogin prohibit-password\n")?;
        root.own(&root.path.join("home").join(account), 0o755)?;
        root.own(&root.path.join("home").join(account).join(".ssh"), 0o700)?;
        Ok(root)
    }

    fn own(&self, folder: &Path, mode: u32) -> io::Result<()> {
        fs::create_dir_all(folder)?;
        fs::set_permissions(folder, fs::Permissions::from_mode(mode))?;
        self.give(folder)
    }

    /// To the account, where whoever makes it is not the account.
    fn give(&self, path: &Path) -> io::Result<()> {
        if rustix::process::getuid().is_root() {
            chown(path, Some(self.ids.0), Some(self.ids.1))?;
        }
        Ok(())
    }

    fn file(&self, name: &str, mode: u32, content: &str) -> io::Result<()> {
        let path = self.path.join(name);
        if let Some(parent) = path.parent() {
            fs::create_dir_all(parent)?;
        }
        fs::write(&path, content)?;
        fs::set_permissions(&path, fs::Permissions::from_mode(mode))
    }

    /// A file of the account, last changed so many days ago.
    fn owned(&self, name: &str, mode: u32, days: u64, content: &str) -> io::Result<()> {
        self.file(name, mode, content)?;
        let path = self.path.join(name);
        self.give(&path)?;
        let then = |days: u64| SystemTime::now().checked_sub(Duration::from_secs(days.saturating_mul(DAY)));
        let (Some(changed), Some(read)) = (then(days), then(days / 9)) else { return Ok(()) };
        fs::File::options()
            .write(true)
            .open(&path)?
            .set_times(FileTimes::new().set_modified(changed).set_accessed(read))
    }

    fn key(&self, key: &SshKey, days: u64, locked: bool) -> io::Result<()> {
        self.owned(&format!("home/{}/.ssh/id_ed25519", self.account), 0o600, days, &key.file(locked)?)
    }

    fn accepts(&self, lines: &[String]) -> io::Result<()> {
        let name = format!("home/{}/.ssh/authorized_keys", self.account);
        self.owned(&name, 0o600, 400, &(lines.join("\n") + "\n"))
    }
}

/// Makes them in `folder`; gives their names.
pub(super) fn make(folder: &Path) -> io::Result<[&'static str; 5]> {
    let deploy = SshKey::new("deploy@shop-web")?;
    let backup = SshKey::new("backup@shop-app")?;
    let build = SshKey::new("build@ci-build")?;
    let (web_id, app_id, database_id) = (made::uuid()?, made::uuid()?, made::uuid()?);
    let build_id = format!("i-{}", made::text(b"0123456789abcdef", 17)?);

    let web = Root::new(folder, SHOP, "deploy", "")?;
    web.file("var/lib/cloud/data/instance-id", 0o644, &format!("{web_id}\n"))?;
    web.key(&deploy, 610, false)?;
    web.owned(
        "srv/shop/.env",
        0o644,
        290,
        &format!(
            "MODE=live\nMEDIA=\"DefaultEndpointsProtocol=https;AccountName=shopmedia;AccountKey={};\
             EndpointSuffix=core.windows.net\"\n",
            made::storage_key()?
        ),
    )?;

    let app = Root::new(folder, APP, "deploy", "sudo:x:27:deploy\n")?;
    app.file("var/lib/cloud/data/instance-id", 0o644, &format!("{app_id}\n"))?;
    app.accepts(&[deploy.line()])?;
    app.key(&backup, 420, false)?;
    app.file("var/log/auth.log", 0o644, &logins(&deploy.fingerprint())?)?;
    app.owned(
        "srv/shop/appsettings.json",
        0o640,
        150,
        &format!(
            "{{\"ConnectionStrings\": {{\"Orders\": \"Server=tcp:shop-orders.database.windows.net,1433;\
             Database=orders;User ID=shopapp;Password={};Encrypt=True\"}}}}\n",
            made::password()?
        ),
    )?;

    let database = Root::new(folder, DATABASE, "backup", "")?;
    database.file("var/lib/cloud/data/instance-id", 0o644, &format!("{database_id}\n"))?;
    database.accepts(&[format!("from=\"10.20.0.0/24\",restrict {}", backup.line())])?;
    database.owned(
        "home/backup/.pgpass",
        0o600,
        380,
        &format!("localhost:5432:orders:orders:{}\n", made::password()?),
    )?;

    let ci = Root::new(folder, BUILD, "build", "")?;
    ci.file("var/lib/cloud/data/instance-id", 0o644, &format!("{build_id}\n"))?;
    ci.key(&build, 95, true)?;
    ci.owned(
        "home/build/.netrc",
        0o600,
        60,
        &format!("machine github.com login ci password {}\n", made::github_token()?),
    )?;
    ci.owned(
        "srv/ci/deploy.env",
        0o644,
        33,
        &format!(
            "DATABASE_URL=postgres://ledger:{}@ledger.c9akciq32abc.eu-central-1.rds.amazonaws.com:5432/ledger\n",
            made::password()?
        ),
    )?;

    let old = Root::new(folder, OLD, "files", "")?;
    old.file("etc/ssh/sshd_config", 0o644, "UsePAM no\nPermitRootLogin no\nDenyUsers files\n")?;
    old.accepts(&[deploy.line()])?;
    old.owned(
        "srv/files/sync.sh",
        0o755,
        900,
        &format!(
            "#!/bin/sh\nexec azcopy sync /srv/files 'https://shoparchive.blob.core.windows.net/files?sv=2022-11-02&sr=c\
             &sp=rwl&se=2025-06-30T00:00:00Z&sig={}'\n",
            made::storage_signature()?
        ),
    )?;

    inventory(&folder.join("inventory"), &[&web_id, &app_id, &database_id, &build_id], &backup)?;
    Ok([SHOP, APP, DATABASE, BUILD, OLD])
}

/// Lines of a log that say when the key was used, in the last days.
fn logins(fingerprint: &str) -> io::Result<String> {
    let mut log = String::new();
    for days in [9, 5, 2] {
        let time = Timestamp::now().plus_seconds(-86_400 * days).ok_or(io::ErrorKind::InvalidData)?;
        log.push_str(&format!(
            "{time} shop-app sshd[811]: Accepted publickey for deploy from 10.20.0.4 port 50122 ssh2: ED25519 \
             {fingerprint}\n"
        ));
    }
    Ok(log)
}

fn inventory(folder: &Path, ids: &[&str; 4], backup: &SshKey) -> io::Result<()> {
    fs::create_dir_all(folder)?;
    let [web, app, database, build] = ids;
    let granted = backup.line();
    let rows = [
        "id,kind,provider,type,name,hostname,account,region,vm_id,instance_id,exposed,open_ports,criticality,sensitivity,owner,endpoint,ssh_keys".to_owned(),
        format!("vm-shop-web,machine,azure,vm,shop-web,shop-web,shop,westeurope,{web},,yes,443,medium,,web team,,"),
        format!("vm-shop-app,machine,azure,vm,shop-app,shop-app,shop,westeurope,{app},,no,,medium,,web team,,"),
        format!("vm-shop-db,machine,azure,vm,shop-db,shop-db,shop,westeurope,{database},,no,,very_high,,data team,,"),
        format!("vm-shop-batch,machine,azure,vm,shop-batch,shop-batch,shop,northeurope,,,no,,low,,data team,,batch={granted}"),
        format!("{build},machine,aws,ec2 instance,ci-build,ci-build,210987654321,eu-central-1,,{build},yes,22;8080,medium,,platform team,,"),
        "shopmedia,storage,azure,microsoft.storage/storageaccounts,shopmedia,,shop,westeurope,,,,,,high,web team,shopmedia.blob.core.windows.net,".to_owned(),
        "shop-orders,database,azure,microsoft.sql/servers,shop-orders,,shop,westeurope,,,,,,very_high,data team,shop-orders.database.windows.net,".to_owned(),
        "ledger,database,aws,aws::rds::dbinstance,ledger,,210987654321,eu-central-1,,,,,,high,finance,ledger.c9akciq32abc.eu-central-1.rds.amazonaws.com,".to_owned(),
    ];
    fs::write(folder.join("assets.csv"), rows.join("\n") + "\n")?;
    for (host, package, id, severity) in [
        (SHOP, "openssh-server", "CVE-2024-6387", "HIGH"),
        (BUILD, "org.apache.logging.log4j:log4j-core", "CVE-2021-44228", "CRITICAL"),
    ] {
        let report = serde_json::json!({"SchemaVersion": 2, "ArtifactName": host, "ArtifactType": "filesystem",
            "Results": [{"Target": host, "Class": "os-pkgs", "Vulnerabilities": [{"VulnerabilityID": id, "PkgName": package,
            "InstalledVersion": "1", "FixedVersion": "2", "Severity": severity}]}]});
        fs::write(folder.join(format!("trivy-{host}.json")), format!("{report:#}\n"))?;
    }
    Ok(())
}
