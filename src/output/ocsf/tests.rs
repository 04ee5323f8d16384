//! Events against what version 1.6.0 of the schema demands of the class (read from
//! `events/findings/data_security_finding.json`, `events/base_event.json` and the
//! objects' own files).

use super::*;
use crate::finding::{Ignored, IgnoredBy};
use crate::output::samples;

fn events(records: &[Record]) -> Vec<Value> {
    let mut out = Vec::new();
    let mut sink = Ocsf::new(&mut out);
    for record in records {
        sink.record(record).expect("a vector takes all");
    }
    let text = String::from_utf8(out).expect("UTF-8");
    text.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect()
}

/// Required attributes, and the values that enumerations allow.
fn check(event: &Value) {
    for name in [
        "activity_id",
        "category_uid",
        "class_uid",
        "type_uid",
        "time",
        "severity_id",
        "metadata",
        "finding_info",
    ] {
        assert!(!event[name].is_null(), "{name}: {event}");
    }
    assert_eq!((event["class_uid"].as_i64(), event["category_uid"].as_i64()), (Some(2006), Some(2)));
    let activity = event["activity_id"].as_i64().expect("a number");
    assert!((1..=3).contains(&activity));
    assert_eq!(event["type_uid"].as_i64(), Some(200_600 + activity));
    assert!((0..=6).contains(&event["severity_id"].as_i64().expect("a number")));
    assert!((1..=3).contains(&event["confidence_id"].as_i64().expect("a number")));
    assert!((1..=6).contains(&event["status_id"].as_i64().expect("a number")));
    assert!(event["time"].as_i64().expect("milliseconds") > 1_600_000_000_000);
    assert_eq!(event["metadata"]["version"], "1.6.0");
    assert!(event["metadata"]["product"]["name"].is_string());
    assert!(event["metadata"]["profiles"].is_array());
    for name in ["uid", "title", "desc"] {
        assert!(event["finding_info"][name].is_string(), "{name}");
    }
    assert!(event["finding_info"]["analytic"]["type_id"].is_number());
    assert!(event["file"]["name"].is_string() && event["file"]["type_id"].is_number());
    assert!(event["data_security"]["pattern_match"].is_null(), "it would be the secret");
    // Every attribute of the event is one of the class.
    let known = [
        "activity_id",
        "activity_name",
        "category_uid",
        "category_name",
        "class_uid",
        "class_name",
        "type_uid",
        "type_name",
        "time",
        "severity_id",
        "severity",
        "confidence_id",
        "confidence",
        "status_id",
        "status",
        "status_detail",
        "comment",
        "is_alert",
        "message",
        "metadata",
        "finding_info",
        "data_security",
        "file",
        "resources",
        "unmapped",
    ];
    for name in event.as_object().expect("an object").keys() {
        assert!(known.contains(&name.as_str()), "{name} is no attribute of the class");
    }
}

#[test]
fn every_finding_is_an_event_with_what_the_class_demands() {
    let events = events(&samples::scan());
    assert_eq!(events.len(), samples::findings().len(), "keys and problems are none");
    events.iter().for_each(check);
    let first = &events[0];
    assert_eq!(first["time"], 1_795_558_137_000_i64, "2026-11-24T22:08:57Z by date -d");
    assert_eq!((&first["severity_id"], &first["severity"]), (&json!(5), &json!("Critical")));
    assert_eq!(first["file"]["name"], ".env");
    assert_eq!(first["file"]["owner"], json!({"uid": "1000", "name": "app"}));
    assert_eq!(first["unmapped"]["file"]["mode"], "0640");
    let sas = &events[2];
    assert_eq!(sas["resources"][1]["name"], "contosoprod.blob.core.windows.net");
    assert_eq!(sas["unmapped"]["validity"]["expires_at"], "2026-12-02T00:00:00Z");
}

#[test]
fn marks_are_status_and_activity() {
    let mut ignored = samples::finding("/a", 1);
    ignored.baseline = Some(BaselineState::Unchanged);
    ignored.ignored = Some(Ignored {
        reason: "a canary".into(),
        author: None,
        expires: None,
        by: IgnoredBy::Fingerprint,
        line: 1,
    });
    let events = events(&samples::records(vec![ignored], false));
    check(&events[0]);
    assert_eq!((&events[0]["status"], &events[0]["is_alert"]), (&json!("Suppressed"), &json!(false)));
    assert_eq!((&events[0]["type_uid"], &events[0]["comment"]), (&json!(200_602), &json!("a canary")));
}

#[test]
fn hostile_names_stay_in_their_line() {
    let finding = samples::finding("/tmp/\x1b]52;c;x\x07\n\u{202e}", 1);
    let mut out = Vec::new();
    Ocsf::new(&mut out).record(&Record::Finding(Box::new(finding))).expect("a vector takes all");
    let text = String::from_utf8(out).expect("UTF-8");
    assert_eq!(text.lines().count(), 1);
    assert!(!text.trim_end().chars().any(crate::output::escape::is_unsafe), "{text:?}");
}
