//! `fleet report` in a browser: clicked through, with texts that would be markup, and
//! against the answers of `fleet query`. Needs Chromium and chromedriver.
#![allow(clippy::expect_used, clippy::panic, reason = "a test stops where it cannot go on")]

#[path = "../benches/support/fleet.rs"]
mod made;
#[allow(dead_code, reason = "it uses a part of it")]
#[path = "fleet/stream.rs"]
mod stream;
mod support;

use std::collections::{BTreeSet, VecDeque};
use std::io::Write as _;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};
use stream::Scan;
use support::browser::Browser;
use support::program::{code, snapsift, stderr, stdout};

/// Would set a mark if anything took it for markup, in whichever place.
const HOSTILE: &str = "\"'><script>window.mark=1</script><img src=x onerror=\"window.mark=2\"></script>\
    <svg onload=window.mark=3>javascript:window.mark=4 &lt;b&gt; \u{202e}txt\u{2028}\u{7}";

fn browser(dark: bool) -> Option<Browser> {
    let browser = Browser::start(dark);
    if browser.is_none() {
        assert!(std::env::var_os("CI").is_none(), "chromedriver is not there");
        let _ = writeln!(std::io::stderr(), "\nSKIPPED: the report in a browser: there is no chromedriver");
    }
    browser
}

fn run(arguments: &[&str]) -> String {
    let output = snapsift().args(arguments).output().expect("runs");
    assert_eq!(code(&output), 0, "{arguments:?}: {}", stderr(&output));
    stdout(&output)
}

/// A folder with a store and its report.
struct Fleet {
    folder: tempfile::TempDir,
}

impl Fleet {
    fn new(scans: &[String], assets: &str, vulnerabilities: &str) -> Self {
        let fleet = Self { folder: tempfile::tempdir().expect("a folder") };
        let mut words = vec!["fleet".to_owned(), "add".to_owned(), fleet.path("fleet.db")];
        for (number, text) in scans.iter().enumerate() {
            let name = fleet.path(&format!("{number}.jsonl"));
            std::fs::write(&name, text).expect("written");
            words.push(name);
        }
        run(&words.iter().map(String::as_str).collect::<Vec<_>>());
        for (name, text) in [("assets.csv", assets), ("vulnerabilities.csv", vulnerabilities)] {
            if !text.is_empty() {
                std::fs::write(fleet.path(name), text).expect("written");
                run(&["fleet", "assets", &fleet.path("fleet.db"), &fleet.path(name)]);
            }
        }
        fleet
    }

    fn path(&self, name: &str) -> String {
        self.folder.path().join(name).to_str().expect("UTF-8").to_owned()
    }

    fn report(&self) -> PathBuf {
        let report = self.path("report.html");
        run(&["fleet", "report", &self.path("fleet.db"), "--output", &report]);
        report.into()
    }

    fn ask(&self, question: &str) -> Vec<Value> {
        let text = run(&["fleet", "query", &self.path("fleet.db"), question, "--format", "jsonl"]);
        text.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect()
    }
}

fn scan(host: &str) -> Scan {
    Scan::new(&format!("scan-of-{host}"), host, "2026-01-01T00:00:00Z")
}

const HEADER: &str = "id,kind,provider,name,instance_id,exposed,open_ports,vulnerable,criticality,sensitivity,owner,endpoint\n";

/// web, exposed and vulnerable, opens app, whose key opens the critical db; and a store.
fn shop() -> Fleet {
    let accepted = json!({"state": "accepted"});
    let [mut web, mut app, mut db] = ["web", "app", "db"].map(scan);
    web.holds("SHA256:first", "app", false);
    web.finding("S", "a connection string", "/srv/web/.env", json!({"target": {"kind": "storage",
        "id": "store.example", "exists": "unknown", "determined_by": "form"}, "attributes": {"user": "shopper"}}));
    app.accepts("SHA256:first", "app", &accepted);
    app.holds("SHA256:second", "root", false);
    db.accepts("SHA256:second", "root", &accepted);
    db.accepts("SHA256:first", "root", &json!({"state": "refused", "reason": "deny_users"}));
    let assets = format!(
        "{HEADER}web,machine,azure,web,i-web,yes,443,critical,low,,web team,\napp,machine,azure,app,i-app,no,,no,low,,,\n\
         db,machine,azure,db,i-db,no,,,very_high,,,\nidle,machine,aws,idle,i-idle,no,,,low,,,\n\
         store,storage,azure,the store,,no,,,,high,,store.example\n"
    );
    let vulnerabilities =
        "subject,vulnerability,severity,package,installed,fixed\nweb,CVE-2024-6387,high,openssh,9.2,9.8\n";
    Fleet::new(&[web.text(), app.text(), db.text()], &assets, vulnerabilities)
}

fn title(browser: &Browser) -> String {
    browser.text("h1")
}

/// Nothing went wrong, and nothing but the file was asked for.
fn assert_quiet(browser: &Browser, report: &Path) {
    let console = browser.console();
    assert!(console.is_empty(), "{console:?}");
    let file = format!("file://{}", report.display());
    for request in browser.requests() {
        assert!(request.split('#').next() == Some(&*file), "{request}");
    }
}

#[test]
fn a_person_clicks_through_it() {
    let fleet = shop();
    let report = fleet.report();
    let Some(browser) = browser(false) else { return };
    browser.open(&report, "");
    assert_eq!(title(&browser), "Overview");
    let tiles = browser.script("return [...document.querySelectorAll('.tile b')].map((x) => x.innerText)");
    let paths = fleet.ask("attack-paths");
    let both = &fleet.ask("why-no-paths")[0]["exposed_and_vulnerable"];
    let found = fleet.ask("inventory");
    let risky = found.iter().filter(|row| row["risk"] == "critical" || row["risk"] == "high").count();
    assert_eq!(
        tiles,
        json!([paths.len().to_string(), risky.to_string(), both.to_string(), "4", "2"]),
        "paths, risky findings, exposed and vulnerable, machines, keys"
    );
    assert!(browser.text(".checks").contains("1 machine of the inventory was never scanned"));

    // Recommendation → machine → path → key, by links alone.
    browser.click_link("Recommendations");
    browser.see("h1", "Recommendations");
    let rows = fleet.ask("recommendations").len();
    assert_eq!(browser.script("return document.querySelectorAll('tbody tr').length"), json!(rows));
    assert!(browser.text("main").contains("Machines should have secrets findings resolved"));
    browser.click_link("web");
    browser.see("h1", "web");
    assert!(browser.text("main").contains("exposed") && browser.text(".facts").contains("web team"));
    browser.click("[data-tab=vulnerabilities]");
    browser.see("tbody", "CVE-2024-6387");
    browser.click("[data-tab=out]");
    browser.see("[data-tab][aria-current]", "Paths from here");
    assert_eq!(browser.script("return document.querySelectorAll('tbody tr').length"), json!(paths.len()));
    browser
        .click_link("Exposed vulnerable machine leads over several SSH private keys to a critical machine");
    browser.see("main", "Step by step");
    assert!(browser.address().starts_with("#/path/MH1"), "{}", browser.address());
    let nodes =
        browser.script("return [...document.querySelectorAll('.node .title')].map((x) => x.textContent)");
    assert_eq!(nodes, json!(["Internet", "web", "SSH private key", "app", "SSH private key", "db"]));
    let steps = browser.text(".steps");
    for part in [
        "Come in at web",
        "/home/app/SHA256:first",
        "Log in to app",
        "as app",
        "needs the superuser",
        "Log in to db",
    ] {
        assert!(steps.contains(part), "no {part} in {steps}");
    }
    browser.script("document.querySelectorAll('.node.secret')[0].closest('a').focus()");
    browser.press("\u{e007}");
    browser.see(".lead", "Lies on 1 machine, opens accounts of 1 machine");
    assert_eq!(browser.address(), "#/secret/SHA256%3Afirst");
    browser.click("[data-tab=refused]");
    browser.see("tbody", "deny users");
    browser.back();
    browser.see("[data-tab][aria-current]", "Accepted by");
    browser.back();
    browser.see("main", "Step by step");
    assert!(browser.address().starts_with("#/path/MH1"));
    assert_quiet(&browser, &report);
}

#[test]
fn search_filters_and_colours() {
    let fleet = shop();
    let report = fleet.report();
    let Some(browser) = browser(true) else { return };
    browser.open(&report, "#/paths");
    let ground = |browser: &Browser| browser.script("return getComputedStyle(document.body).backgroundColor");
    let dark = ground(&browser);
    assert_eq!(dark, "rgb(16, 21, 28)", "as the system has it");
    browser.click("#theme");
    assert_eq!(ground(&browser), "rgb(245, 246, 248)", "light");
    browser.click("#theme");
    assert_eq!(ground(&browser), dark);

    let rows = |browser: &Browser| {
        browser.script("return [...document.querySelectorAll('tbody tr:not(.empty)')].map((row) => row.cells[0].innerText)")
    };
    let paths = fleet.ask("attack-paths");
    assert_eq!(rows(&browser).as_array().map(Vec::len), Some(paths.len()));
    browser.script(
        "const select = document.querySelector('[data-filter=level]'); select.value = 'critical';
         select.dispatchEvent(new Event('change'))",
    );
    let critical = paths.iter().filter(|row| row["level"] == "critical").count();
    assert_eq!(rows(&browser), json!(vec!["Critical"; critical]));
    assert_eq!(browser.address(), "#/paths?level=critical", "a link shows the same");
    browser.type_into("[data-filter=q]", "the store");
    assert_eq!(rows(&browser).as_array().map(Vec::len), Some(1));
    browser.type_into("[data-filter=q]", "xyz");
    assert!(browser.text("tbody").contains("No path fits"));

    // The other way round by the head of a column.
    browser.open(&report, "#/machines");
    browser.click("thead th:nth-child(2) button");
    let names = "[...document.querySelectorAll('tbody a')].map((x) => x.innerText)";
    assert_eq!(browser.script(&format!("return {names}")), json!(["app", "db", "idle", "web"]));
    browser.click("thead th:nth-child(2) button");
    assert_eq!(browser.script(&format!("return {names}")), json!(["web", "idle", "db", "app"]));
    browser.script("document.querySelector('tbody a').focus()");
    browser.press("\u{e015}");
    assert_eq!(browser.script("return document.activeElement.innerText"), "idle", "the arrow leads down");

    browser.script("document.activeElement.blur()");
    browser.press("/");
    browser.press("second");
    browser.wait(
        "the results",
        "document.querySelector('h1').innerText === 'Search' && document.querySelector('.results')",
    );
    assert!(browser.text(".results").contains("SHA256:second"));
    assert_quiet(&browser, &report);
}

#[test]
fn texts_from_disks_are_never_markup() {
    let accepted = json!({"state": "accepted"});
    let host = format!("web {HOSTILE}");
    let key = format!("SHA256:{HOSTILE}");
    let (mut web, mut db) =
        (Scan::new(&format!("scan {HOSTILE}"), &host, "2026-01-01T00:00:00Z"), scan("db"));
    web.holds(&key, HOSTILE, false);
    web.finding(
        "S",
        &format!("type {HOSTILE}"),
        &format!("/srv/{HOSTILE}"),
        json!({
        "target": {"kind": HOSTILE, "id": HOSTILE, "exists": "unknown", "determined_by": HOSTILE},
        "attributes": {HOSTILE: HOSTILE}, "provider": HOSTILE, "rule_id": HOSTILE, "remediation": HOSTILE,
        "secret": {"preview": HOSTILE, "length": 9, "fingerprint": format!("blake3:{HOSTILE}")}}),
    );
    db.accepts(&key, HOSTILE, &accepted);
    db.accepts(&key, "root", &json!({"state": "refused", "reason": "deny_users", "detail": HOSTILE}));
    let quoted = format!("\"{}\"", HOSTILE.replace('"', "\"\""));
    let assets = format!(
        "{HEADER}w{quoted},machine,azure,w,i-web {quoted},yes,22,critical,low,,{quoted},\n\
         db,machine,azure,{quoted},i-db,no,,,very_high,,{quoted},\n\
         {quoted},storage,azure,{quoted},,no,,,,high,{quoted},{quoted}\n"
    )
    .replace(&format!("w{quoted},machine"), &format!("{quoted},machine").replacen('"', "\"w", 1))
    .replace(&format!("i-web {quoted}"), &quoted.replacen('"', "\"i-web ", 1));
    let vulnerabilities = format!(
        "subject,vulnerability,severity,package,installed,fixed\ni-db,{quoted},high,{quoted},{quoted},{quoted}\n"
    );
    let fleet = Fleet::new(&[web.text(), db.text()], &assets, &vulnerabilities);
    let rules: BTreeSet<String> =
        fleet.ask("attack-paths").iter().map(|row| row["rule"].to_string()).collect();
    assert!(rules.len() > 1, "there are paths to look at: {rules:?}");
    let report = fleet.report();
    let Some(browser) = browser(false) else { return };

    // Every page that anything links to.
    let (mut seen, mut waiting) = (BTreeSet::from(["#/".to_owned()]), VecDeque::from(["#/".to_owned()]));
    while let Some(page) = waiting.pop_front() {
        browser.open(&report, &page);
        let state = browser.script(
            "return {mark: window.mark ?? null,
               foreign: document.querySelectorAll('main script, main img, main iframe, main object, main style').length,
               handlers: [...document.querySelectorAll('*')].filter((x) => [...x.attributes].some((a) => a.name.startsWith('on'))).length,
               links: [...document.querySelectorAll('a')].map((x) => x.getAttribute('href')),
               title: document.querySelector('h1')?.textContent ?? '', text: document.body.innerText}",
        );
        assert_eq!(
            (&state["mark"], &state["foreign"], &state["handlers"]),
            (&Value::Null, &json!(0), &json!(0)),
            "{page}"
        );
        assert_ne!(state["title"], "Not in this report", "{page}");
        assert_ne!(state["title"], "", "{page}");
        let text = state["text"].as_str().unwrap_or_default();
        assert!(
            !text.contains('\u{202e}') && !text.contains('\u{2028}') && !text.contains('\u{7}'),
            "{page}"
        );
        for link in state["links"].as_array().expect("a list") {
            let link = link.as_str().expect("a text").to_owned();
            assert!(link.starts_with('#'), "{link}");
            if link != "#main" && seen.insert(link.clone()) {
                waiting.push_back(link);
            }
        }
    }
    for wanted in ["#/machine/", "#/secret/", "#/finding/", "#/path/", "#/type/", "#/resource/"] {
        assert!(seen.iter().any(|page| page.starts_with(wanted)), "{wanted} was not reached: {seen:?}");
    }
    browser.open(&report, "#/search?q=script");
    assert!(browser.text("main").contains("<script>window.mark=1</script>"), "it is shown as it is");
    assert_eq!(browser.script("return window.mark ?? null"), Value::Null);
    assert_quiet(&browser, &report);

    // Were the text taken for markup, this test would see it, and the policy would still
    // let nothing of it run.
    let foreign = browser.script(&format!(
        "document.querySelector('main').innerHTML = {}; return document.querySelectorAll('main img').length",
        json!(HOSTILE)
    ));
    assert_eq!(foreign, json!(1));
    browser.wait("the image to be refused", "document.querySelector('main img').complete");
    assert_eq!(browser.script("return window.mark ?? null"), Value::Null);
    assert!(browser.console().iter().any(|line| line.contains("Content Security Policy")));
}

#[test]
fn equal_stores_give_equal_bytes_and_only_the_owner_reads_them() {
    use std::os::unix::fs::PermissionsExt as _;
    let fleet = shop();
    let one = std::fs::read(fleet.report()).expect("a report");
    let report = fleet.report();
    assert_eq!(std::fs::read(&report).expect("a report"), one);
    assert_eq!(std::fs::metadata(&report).expect("a report").permissions().mode() & 0o777, 0o600);
    let output = snapsift().args(["fleet", "report", &fleet.path("nothing.db")]).output().expect("runs");
    assert_eq!(code(&output), 2);
    assert!(stderr(&output).contains("fleet add"), "{}", stderr(&output));
    assert!(!Path::new(&fleet.path("nothing.db")).exists());
}

#[test]
fn without_paths_it_says_why() {
    let mut web = scan("web");
    web.holds("SHA256:first", "app", false);
    let fleet = Fleet::new(&[web.text()], "", "");
    let report = fleet.report();
    let Some(browser) = browser(false) else { return };
    browser.open(&report, "");
    assert!(browser.text("#why").contains("No inventory has any of the machines"));
    assert!(browser.text(".legend").contains("Not evaluated 1"));
    browser.open(&report, "#/machine/nobody");
    assert_eq!(title(&browser), "Not in this report");
    assert_quiet(&browser, &report);
}

#[test]
fn a_large_fleet_is_drawn_as_far_as_it_is_seen() {
    let fleet = Fleet { folder: tempfile::tempdir().expect("a folder") };
    made::write(fleet.folder.path(), made::Size { machines: 300, findings: 4, stale: 3 });
    run(&["fleet", "add", &fleet.path("fleet.db"), &fleet.path("scans")]);
    run(&[
        "fleet",
        "assets",
        &fleet.path("fleet.db"),
        &fleet.path("assets.csv"),
        &fleet.path("vulnerabilities.csv"),
    ]);
    let report = fleet.report();
    let Some(browser) = browser(false) else { return };
    let shown = |page: &str| {
        browser.open(&report, page);
        browser.text("[role=status]").replace(',', "")
    };
    let machines = fleet.ask("coverage");
    let of =
        |rows: &[Value], column: &str, value: &str| rows.iter().filter(|row| row[column] == value).count();
    assert_eq!(shown("#/machines"), "300 rows");
    let exposed = of(&machines, "exposed", "yes");
    assert_eq!(shown("#/machines?exposed=yes"), format!("{exposed} rows of 300"));
    let found = fleet.ask("inventory");
    let all = found.len();
    assert_eq!(shown("#/recommendations?tab=findings"), format!("{all} rows"));
    for level in ["critical", "high", "medium", "low"] {
        let count = of(&found, "risk", level);
        let page = format!("#/recommendations?tab=findings&level={level}");
        assert_eq!(
            shown(&page),
            format!("{count} row{} of {all}", if count == 1 { "" } else { "s" }),
            "{level}"
        );
    }
    let host = |row: &Value| row["hostname"].as_str().unwrap_or_default().to_owned();
    let names =
        "return [...document.querySelectorAll('tbody tr:not(.spacer)')].map((row) => row.cells[2].innerText)";
    browser.open(&report, "#/recommendations?tab=findings");
    let first: Vec<String> = found.iter().take(3).map(host).collect();
    let drawn = browser.script(names);
    assert_eq!(drawn.as_array().expect("a list").iter().take(3).cloned().collect::<Vec<_>>(), first);
    assert!(drawn.as_array().map_or(0, Vec::len) < 60, "not all are drawn");
    browser.script("const box = document.querySelector('.grid'); box.scrollTop = box.scrollHeight");
    let last = found.last().map(host).expect("a finding");
    browser.wait(
        "the last row",
        &format!(
            "[...document.querySelectorAll('tbody tr:not(.spacer)')].at(-1)?.cells[2]?.innerText === {}",
            json!(last)
        ),
    );
    assert!(browser.script(names).as_array().map_or(0, Vec::len) < 60, "not all are drawn");
    assert_quiet(&browser, &report);
}
