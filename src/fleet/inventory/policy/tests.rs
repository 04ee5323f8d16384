use serde_json::json;

use super::*;

fn answer(document: &Value, action: &str, resource: &str) -> Answer {
    let statements = statements(document).unwrap_or_default();
    let about: Vec<_> = statements.iter().filter(|one| one.is_about(action)).map(|one| ("p", one)).collect();
    evaluate(&about, resource, "ci").0
}

fn allow(resource: &str) -> Value {
    json!({"Effect": "Allow", "Action": "s3:Get*", "Resource": resource})
}

#[test]
fn wildcards() {
    for (one, other, both) in [
        ("arn:aws:s3:::a/*", "arn:aws:s3:::a/*", true),
        ("arn:aws:s3:::a/logs/*", "arn:aws:s3:::a/*", true),
        ("arn:aws:s3:::a*", "arn:aws:s3:::ab/*", true),
        ("arn:aws:s3:::?b/x", "arn:aws:s3:::ab/*", true),
        ("arn:aws:s3:::b/*", "arn:aws:s3:::a/*", false),
        ("arn:aws:s3:::a", "arn:aws:s3:::a/*", false),
        ("*x*y", "xa*", true),
        ("*x", "a*y", false),
        ("", "*", true),
        ("", "?", false),
    ] {
        assert_eq!(intersect(one, other), both, "{one} {other}");
        assert_eq!(intersect(other, one), both, "{other} {one}");
    }
    assert!(covers("s3:*", "s3:getobject") && covers("*", "a*b") && covers("a?c*", "abcd"));
    assert!(!covers("a?", "a*") && !covers("s3:get", "s3:getobject") && !covers("a/logs/*", "a/*"));
    assert!(covers("a*b*c", "aXbYbZc") && !covers("a*b*c", "aXbYbZ"));
}

#[test]
fn allow_and_deny() {
    let get = |document: &Value| answer(document, "s3:GetObject", "arn:aws:s3:::a/*");
    assert_eq!(get(&json!({"Statement": allow("arn:aws:s3:::a/*")})), Answer::Yes);
    assert_eq!(get(&json!({"Statement": [allow("arn:aws:s3:::b/*")]})), Answer::No);
    assert_eq!(get(&json!({"Statement": [allow("arn:aws:s3:::a/${aws:username}/*")]})), Answer::Yes);
    assert_eq!(
        get(&json!({"Statement": [allow("arn:aws:s3:::${aws:PrincipalTag/x}/*")]})),
        Answer::UnderConditions
    );
    let denied = |deny: Value| get(&json!({"Statement": [allow("arn:aws:s3:::a/logs/*"), deny]}));
    let deny = |resource: &str| json!({"Effect": "Deny", "Action": ["s3:*"], "Resource": resource});
    assert_eq!(denied(deny("*")), Answer::No);
    assert_eq!(denied(deny("arn:aws:s3:::a/logs/*")), Answer::No);
    assert_eq!(denied(deny("arn:aws:s3:::a/logs/old/*")), Answer::Yes, "not all of it");
    let mut under = deny("*");
    under["Condition"] = json!({"Bool": {"aws:MultiFactorAuthPresent": "false"}});
    assert_eq!(denied(under), Answer::Yes);
    assert_eq!(denied(json!({"Effect": "Deny", "NotAction": "s3:*", "Resource": "*"})), Answer::Yes);
    assert_eq!(denied(json!({"Effect": "Deny", "NotAction": "iam:*", "Resource": "*"})), Answer::No);
    assert_eq!(
        denied(json!({"Effect": "Deny", "Action": "*", "NotResource": "arn:aws:s3:::z/*"})),
        Answer::No
    );
    assert_eq!(
        denied(json!({"Effect": "Deny", "Action": "*", "NotResource": "arn:aws:s3:::a*"})),
        Answer::Yes
    );
    let mut conditional = allow("*");
    conditional["Condition"] = json!({"IpAddress": {"aws:SourceIp": "192.0.2.0/24"}});
    assert_eq!(get(&json!({"Statement": conditional})), Answer::UnderConditions);
    let but = json!({"Effect": "Allow", "NotAction": "iam:*", "NotResource": "arn:aws:s3:::a/*"});
    assert_eq!(get(&json!({"Statement": but})), Answer::No);
    assert_eq!(answer(&json!({"Statement": but}), "s3:GetObject", "arn:aws:s3:::b/*"), Answer::Yes);
}

#[test]
fn documents_that_are_none() {
    assert_eq!(statements(&json!({})), None);
    assert_eq!(statements(&json!({"Statement": [{"Effect": "Perhaps"}]})), None);
    assert_eq!(statements(&json!({"Statement": "x"})), None);
    assert_eq!(statements(&json!({"Statement": []})), Some(Vec::new()));
    let long = "a".repeat(5000);
    assert_eq!(answer(&json!({"Statement": allow(&long)}), "s3:GetObject", "arn:aws:s3:::a/*"), Answer::No);
}
