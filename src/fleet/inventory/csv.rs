//! Our own CSV: of assets, and of vulnerabilities (`docs/inventory.md` has the columns).
//!
//! RFC 4180 with a header. Lists are separated by `;`, tags are `name=value`.

use super::Import;
use super::model::{Asset, Batch, Vulnerability};
use super::stream::Input;
use super::tags;
use super::trivy::severity;

const ASSETS: &str = "csv";
const VULNERABILITIES: &str = "csv_vulnerabilities";
const KINDS: [&str; 8] =
    ["machine", "storage", "database", "vault", "identity", "network", "account", "other"];
const COLUMNS: [&str; 26] = [
    "id",
    "kind",
    "type",
    "provider",
    "name",
    "hostname",
    "account",
    "region",
    "private_ips",
    "public_ips",
    "exposed",
    "open_ports",
    "vulnerable",
    "criticality",
    "sensitivity",
    "identity",
    "owner",
    "tags",
    "vm_id",
    "instance_id",
    "machine_id",
    "endpoint",
    "disks",
    "state",
    "ssh_keys",
    "usable",
];
const VULNERABILITY_COLUMNS: [&str; 10] = [
    "subject",
    "vulnerability",
    "severity",
    "package",
    "installed",
    "fixed",
    "remote_code",
    "exploited",
    "epss",
    "purl",
];

/// A line by the names of its columns.
struct Line<'l> {
    header: &'l csv::StringRecord,
    record: &'l csv::StringRecord,
}

impl<'l> Line<'l> {
    fn get(&self, column: &str) -> &'l str {
        let at = self.header.iter().position(|name| name == column);
        at.and_then(|at| self.record.get(at)).unwrap_or_default().trim()
    }

    fn list(&self, column: &str) -> impl Iterator<Item = &'l str> {
        self.get(column).split(';').map(str::trim).filter(|part| !part.is_empty())
    }

    fn need(&self, column: &str) -> Result<&'l str, String> {
        Some(self.get(column)).filter(|value| !value.is_empty()).ok_or_else(|| format!("it has no {column}"))
    }

    /// yes, no, or nothing.
    fn answer(&self, column: &str) -> Result<Option<bool>, String> {
        match self.get(column).to_lowercase().as_str() {
            "yes" | "true" | "1" => Ok(Some(true)),
            "no" | "false" | "0" => Ok(Some(false)),
            "" | "unknown" => Ok(None),
            _ => Err(format!("{column} is none of yes, no, unknown")),
        }
    }
}

/// Reads the file. An error ends the reading.
pub(super) fn read(input: &mut Input, import: &mut Import<'_>) -> Result<(), String> {
    let budget = input.budget();
    let mut reader = csv::ReaderBuilder::new().flexible(true).from_reader(input.reader());
    let mut header = csv::StringRecord::new();
    for name in reader.headers().map_err(|error| error.to_string())? {
        header.push_field(&name.trim().to_lowercase());
    }
    let has = |name: &str| header.iter().any(|column| column == name);
    let (shape, columns): (_, &[&str]) = if has("id") && has("kind") {
        (ASSETS, &COLUMNS)
    } else if has("subject") && has("vulnerability") && has("severity") {
        (VULNERABILITIES, &VULNERABILITY_COLUMNS)
    } else {
        return Err("it is neither JSON nor CSV with a header `id,kind,…` or \
                    `subject,vulnerability,severity,…`"
            .to_owned());
    };
    import.shape = Some(shape);
    let known = header.iter().filter(|name| columns.contains(name)).map(str::to_owned);
    import.used.fields.borrow_mut().extend(known);
    let unknown = header.iter().filter(|name| !columns.contains(name) && !name.is_empty()).count();
    if unknown > 0 {
        import.problem(0, format!("columns of other names than the documented: {unknown}, not read"));
    }
    let mut record = csv::ByteRecord::new();
    loop {
        budget.set(0);
        let more = reader.read_byte_record(&mut record).map_err(|error| error.to_string())?;
        if !more {
            return Ok(());
        }
        import.numbered = import.numbered.saturating_add(1);
        let mut batch = Batch::default();
        let result = match csv::StringRecord::from_byte_record(record.clone()) {
            Ok(_) if record.len() != header.len() => {
                Err("it has not as many fields as the header".to_owned())
            }
            Ok(record) if record.iter().any(|field| field.len() > 16 << 10) => {
                Err("a field is too long".to_owned())
            }
            Ok(record) => {
                let line = Line { header: &header, record: &record };
                if shape == ASSETS { asset(&line, &mut batch) } else { vulnerability(&line, &mut batch) }
            }
            Err(_) => Err("it is no UTF-8".to_owned()),
        };
        import.keep(result, batch)?;
    }
}

fn asset(line: &Line<'_>, batch: &mut Batch) -> Result<(), String> {
    let kind = line.need("kind")?.to_lowercase();
    let kind = KINDS.iter().find(|known| **known == kind);
    let kind = kind.ok_or_else(|| format!("kind is none of {}", KINDS.join(", ")))?;
    let provider = line.get("provider").to_lowercase();
    let mut id = line.need("id")?.to_owned();
    if provider == "azure" {
        id = id.to_lowercase();
    }
    let mut asset = Asset::new(id, kind, &provider, line.get("type"));
    let columns = [
        ("name", "name"),
        ("hostname", "hostname"),
        ("vm_id", "vm_id"),
        ("instance_id", "instance_id"),
        ("machine_id", "machine_id"),
    ];
    for (column, name) in columns {
        asset.named(name, Some(line.get(column)));
    }
    let lists = [
        ("private_ips", "private_ip"),
        ("public_ips", "public_ip"),
        ("endpoint", "endpoint"),
        ("disks", "disk"),
    ];
    for (column, name) in lists {
        line.list(column).for_each(|one| asset.named(name, Some(one)));
    }
    asset.name = [line.get("name"), line.get("hostname")]
        .into_iter()
        .find(|name| !name.is_empty())
        .unwrap_or_default()
        .to_owned();
    asset.account = line.get("account").to_owned();
    asset.region = line.get("region").to_owned();
    asset.state = line.get("state").to_owned();
    asset.owner = line.get("owner").to_owned();
    asset.public(line.answer("exposed")?, "the inventory says so");
    asset.exposed_ports = line.list("open_ports").collect::<Vec<_>>().join(",");
    if line.answer("usable")? == Some(false) {
        asset.unusable("the inventory says so");
    }
    asset.criticality = tags::level(line.get("criticality"));
    asset.sensitivity = tags::sensitivity_level(line.get("sensitivity"));
    for identity in line.list("identity") {
        asset.edge("can_authenticate_as", identity, "the inventory says so");
    }
    for tag in line.list("tags") {
        let (name, value) = tag.split_once('=').unwrap_or((tag, ""));
        asset.tag(name.trim(), value.trim());
    }
    // `account=key`, or the key alone.
    for key in line.list("ssh_keys") {
        let (account, public) = match key.split_once('=') {
            Some((account, public)) if !account.contains(' ') => (account, public),
            _ => ("", key),
        };
        if !asset.grant(account, public, "the inventory says so") {
            batch.remarks.push("one of ssh_keys is no public key".to_owned());
        }
    }
    match line.get("vulnerable").to_lowercase().as_str() {
        "" | "no" | "false" | "0" | "unknown" => {}
        answer => batch.vulnerabilities.push(Vulnerability {
            subject: asset.id.clone(),
            id: String::new(),
            severity: match severity(answer) {
                "unknown" => "high",
                severity => severity,
            },
            ..Vulnerability::default()
        }),
    }
    batch.assets.push(asset);
    Ok(())
}

fn vulnerability(line: &Line<'_>, batch: &mut Batch) -> Result<(), String> {
    let epss = Some(line.get("epss")).filter(|epss| !epss.is_empty());
    if epss.is_some_and(|epss| epss.parse::<f64>().is_err()) {
        return Err("epss is no number".to_owned());
    }
    let exploited = line.answer("exploited")? == Some(true);
    batch.vulnerabilities.push(Vulnerability {
        subject: line.need("subject")?.to_owned(),
        id: line.need("vulnerability")?.to_owned(),
        severity: severity(line.need("severity")?),
        package: line.get("package").to_owned(),
        installed: line.get("installed").to_owned(),
        fixed: line.get("fixed").to_owned(),
        remote_code: exploited || line.answer("remote_code")? == Some(true),
        exploited,
        epss: epss.map(str::to_owned),
        purl: line.get("purl").to_owned(),
    });
    Ok(())
}
