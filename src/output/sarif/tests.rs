//! One run as a whole, held against the official schema, and what hostile names do
//! to it.

use super::*;
use crate::finding::{IgnoreSummary, Ignored, IgnoredBy, Marks, Reason};
use crate::output::{escape, samples};
use crate::rules::Literal;

fn rules() -> RuleSet {
    let rule = |id: &str| {
        let literal = Literal { bytes: b"abc"[..].into(), fold: false, min_offset: 0, max_offset: 0 };
        Rule {
            name: "A token".into(),
            secret_type: "GitHub personal access token".into(),
            severity: Severity::High,
            description: "What it is.".into(),
            remediation: "What to do.".into(),
            references: vec!["https://docs.example/tokens".into()],
            category: "source-control".into(),
            provider: "GitHub".into(),
            ..Rule::new(id, "abc", vec![literal])
        }
    };
    RuleSet::new(vec![rule("other"), rule("github-pat")], String::new())
}

fn log(records: &[Record]) -> Value {
    let mut out = Vec::new();
    let mut sink = Sarif::new(&mut out, &rules());
    for record in records {
        sink.record(record).expect("a vector takes all");
    }
    let text = String::from_utf8(out).expect("UTF-8");
    assert!(!text.chars().any(|c| c != '\n' && escape::is_unsafe(c)), "{text:?}");
    serde_json::from_str(&text).unwrap_or_else(|error| panic!("{error}: {text}"))
}

#[test]
fn what_code_scanning_reads_is_there() {
    let log = log(&samples::scan());
    assert_eq!(log["version"], "2.1.0");
    let run = &log["runs"][0];
    let rule = &run["tool"]["driver"]["rules"][1];
    assert_eq!((&rule["id"], &rule["name"]), (&json!("github-pat"), &json!("GithubPat")));
    assert_eq!(rule["helpUri"], "https://docs.example/tokens");
    assert_eq!(rule["properties"]["security-severity"], "8.0");
    assert!(rule["properties"]["tags"].as_array().expect("tags").contains(&json!("security")));
    assert!(rule["help"]["markdown"].as_str().expect("text").contains("What to do."));
    let result = &run["results"][0];
    assert_eq!(
        (&result["ruleId"], &result["ruleIndex"], &result["level"]),
        (&json!("github-pat"), &json!(1), &json!("error"))
    );
    let place = &result["locations"][0]["physicalLocation"];
    assert_eq!(place["artifactLocation"], json!({"uri": "srv/app/.env", "uriBaseId": "TARGET"}));
    assert_eq!(
        place["region"],
        json!({"startLine": 3, "startColumn": 14, "byteOffset": 300, "byteLength": 40})
    );
    assert_eq!(result["suppressions"], json!([]));
    assert_eq!(run["originalUriBaseIds"]["TARGET"]["uri"], "file:///mnt/snapshot/");
    let invocation = &run["invocations"][0];
    assert_eq!(invocation["executionSuccessful"], false);
    let note = &invocation["toolExecutionNotifications"][0];
    assert_eq!(
        (&note["level"], note["locations"][0]["physicalLocation"]["region"]["byteOffset"].as_u64()),
        (&json!("error"), Some(8192))
    );
    // A rule that the scan had not is named all the same.
    assert!(
        run["results"].as_array().expect("results").iter().any(|result| result.get("ruleIndex").is_none())
    );
}

#[test]
fn fingerprints_do_not_depend_on_lines() {
    let prints = |line: u64| {
        let log = log(&samples::records(
            vec![
                samples::finding("/a", line),
                samples::finding("/a", line + 1),
                samples::finding("/b", line),
            ],
            false,
        ));
        let results = log["runs"][0]["results"].as_array().expect("results").clone();
        results
            .iter()
            .map(|result| result["partialFingerprints"]["primaryLocationLineHash"].clone())
            .collect::<Vec<_>>()
    };
    let first = prints(1);
    assert_eq!(first, prints(70));
    assert_ne!(first[0], first[1], "two places in one file are two results");
    assert_ne!(first[0], first[2]);
}

#[test]
fn marks_are_suppressions_and_states() {
    let mut ignored = samples::finding("/a", 1);
    ignored.ignored = Some(Ignored {
        reason: "a canary".into(),
        author: Some("ana".into()),
        expires: Some("2027-01-31".into()),
        by: IgnoredBy::RulePath,
        line: 7,
    });
    ignored.baseline = Some(BaselineState::Unchanged);
    let mut new = samples::finding("/b", 1);
    new.baseline = Some(BaselineState::New);
    let mut records = samples::records(vec![ignored, new], false);
    if let Some(Record::Summary(summary)) = records.last_mut() {
        let entry = IgnoreEntry {
            line: 9,
            rule: Some("x".into()),
            path: Some("/**".into()),
            reason: "y".into(),
            ..IgnoreEntry::default()
        };
        let ignore = IgnoreSummary { entries: 2, unused: vec![entry], expired: Vec::new() };
        summary.marks = Marks { ignore: Some(ignore), ..Marks::default() };
    }
    let log = log(&records);
    let results = &log["runs"][0]["results"];
    assert_eq!(results[0]["suppressions"][0]["justification"], "a canary");
    assert_eq!(results[0]["suppressions"][0]["properties"]["expires"], "2027-01-31");
    assert_eq!(
        (&results[0]["baselineState"], &results[1]["baselineState"]),
        (&json!("unchanged"), &json!("new"))
    );
    let note = &log["runs"][0]["invocations"][0]["toolConfigurationNotifications"][0]["message"]["text"];
    assert_eq!(note, "line 9 of the ignore file names no finding: rule x, path /**");
}

#[test]
fn hostile_names_are_percent_encoded_and_make_no_link() {
    let mut finding = samples::finding("/a b/\x1b]0;x\x07?#%[é]\u{202e}", 1);
    finding.target = Some(crate::finding::Target {
        kind: "x".into(),
        id: "[click](https://evil.example) {0}".into(),
        exists: crate::finding::TargetExists::Unknown,
        determined_by: String::new(),
    });
    let mut bytes = samples::finding("/\u{fffd}", 1);
    bytes.location.path_hex = Some("2fff".into());
    let log = log(&samples::records(vec![finding, bytes], false));
    let results = &log["runs"][0]["results"];
    let uri = |at: usize| results[at]["locations"][0]["physicalLocation"]["artifactLocation"]["uri"].clone();
    assert_eq!(uri(0), "a%20b/%1B%5D0%3Bx%07%3F%23%25%5B%C3%A9%5D%E2%80%AE");
    assert_eq!(uri(1), "%FF");
    let text = results[0]["message"]["text"].as_str().expect("text");
    assert!(text.contains("opens .click.(https://evil.example) .0."), "{text}");
}

#[test]
fn a_target_that_is_a_file_has_its_folder_as_base() {
    let mut finding = samples::finding("/app.env", 1);
    finding.location.provenance =
        vec![ProvenanceStep { kind: "file".into(), name: "/mnt/x y/app.env".into() }];
    let log = log(&samples::records(vec![finding], false));
    let run = &log["runs"][0];
    let artifact = &run["results"][0]["locations"][0]["physicalLocation"]["artifactLocation"];
    assert_eq!(artifact, &json!({"uri": "app.env", "uriBaseId": "TARGET"}));
    assert_eq!(run["originalUriBaseIds"]["TARGET"]["uri"], "file:///mnt/x%20y/");
}

#[test]
fn no_finding_and_no_problem_is_a_whole_log() {
    let mut records = samples::records(Vec::new(), false);
    records.retain(|record| matches!(record, Record::Scan(_) | Record::Summary(_)));
    let log = log(&records);
    assert_eq!(log["runs"][0]["results"], json!([]));
    assert_eq!(log["runs"][0]["invocations"][0]["toolExecutionNotifications"], json!([]));
}

#[test]
fn a_part_is_no_json() {
    let mut out = Vec::new();
    let mut sink = Sarif::new(&mut out, &rules());
    for record in &samples::scan()[..3] {
        sink.record(record).expect("a vector takes all");
    }
    assert!(serde_json::from_slice::<Value>(&out).is_err());
}

#[test]
fn a_choice_of_the_user_is_a_warning() {
    let mut records = samples::records(Vec::new(), false);
    for record in &mut records {
        if let Record::Problem(problem) = record {
            problem.reason = Reason::OverBudget;
        }
    }
    assert_eq!(
        log(&records)["runs"][0]["invocations"][0]["toolExecutionNotifications"][0]["level"],
        "warning"
    );
}
