//! Secrets in text that is encoded, as other programs encode it.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::*;
use crate::finding::Encoding;

/// A token that proves itself, and a setting with a literal that escapes break.
fn rules() -> RuleSet {
    let word = set(&[(b'a', b'z'), (b'0', b'9'), (b'_', b'_')]);
    let token = Rule {
        not_before: word,
        not_after: word,
        ..Rule::new("token", "(?P<secret>tok_[a-z0-9]{8})", vec![literal("tok_", (0, 0))])
    };
    let setting = Rule {
        max_length: 64,
        nearby: vec![Nearby {
            pattern: r"user=(?P<user>[a-z]+)".into(),
            within_bytes: 60,
            within_lines: None,
            side: Side::Around,
            required: false,
        }],
        ..Rule::new(
            "setting",
            r#"(?i:secretkey)=["']?(?P<secret>[A-Za-z0-9+/]{12})\b"#,
            vec![Literal { fold: true, ..literal("secretkey=", (0, 0)) }],
        )
    };
    let url =
        Rule::new("url", r"shop://[a-z]+:(?P<secret>[A-Za-z0-9]{12})@", vec![literal("shop://", (0, 0))]);
    let host = Rule {
        max_length: 64,
        ..Rule::new(
            "host",
            r"(?P<secret>[A-Za-z0-9]{12})@db\.example",
            vec![literal("@db.example", (12, 12))],
        )
    };
    RuleSet::new(vec![token, setting, url, host], "test".into())
}

/// Rule, place of the secret, secret, encodings.
type Place = (String, u64, String, Vec<Encoding>);

fn places(text: &[u8]) -> Vec<Place> {
    let rules = rules();
    let mut all = Vec::new();
    Engine::new(&rules).scanner().scan(text, &mut |found| {
        let rule = rules.rules()[found.rule].id.clone();
        let secret = String::from_utf8(found.secret.expose().to_vec()).expect("text");
        all.push((rule, found.secret_start, secret, found.encodings));
    });
    all
}

fn place(rule: &str, at: usize, secret: &str, encodings: &[Encoding]) -> Vec<Place> {
    vec![(rule.into(), at as u64, secret.into(), encodings.to_vec())]
}

fn wide(text: &str, big: bool) -> Vec<u8> {
    text.encode_utf16().flat_map(|unit| if big { unit.to_be_bytes() } else { unit.to_le_bytes() }).collect()
}

const TEXT: &str = "# of the web shop\nuser=shop\nSecretKey=Kd93lqWzRt5v\n";

#[test]
fn utf_16_of_either_order() {
    for (big, encoding) in [(false, Encoding::Utf16Le), (true, Encoding::Utf16Be)] {
        let file = wide(TEXT, big);
        let at = 2 * TEXT.find("Kd93").expect("there") + usize::from(big);
        assert_eq!(places(&file), place("setting", at, "Kd93lqWzRt5v", &[encoding]));
    }
}

#[test]
fn base64_in_every_alignment_and_in_lines() {
    for shift in 0..3 {
        let text = "x".repeat(shift) + TEXT;
        let byte = text.find("Kd93").expect("there");
        let code = STANDARD.encode(&text);
        let file = format!("data:\n  app.conf: {code}\n");
        let at = file.find(&code).expect("there") + byte / 3 * 4 + byte % 3;
        assert_eq!(places(file.as_bytes()), place("setting", at, "Kd93lqWzRt5v", &[Encoding::Base64]));

        let width = 32;
        let lines: Vec<&str> =
            (0..code.len()).step_by(width).map(|at| &code[at..code.len().min(at + width)]).collect();
        let file = format!("data: |\n    {}\n", lines.join("\n    "));
        let before = byte / 3 * 4 + byte % 3;
        let at = "data: |\n    ".len() + before + before / width * 5;
        assert_eq!(places(file.as_bytes()), place("setting", at, "Kd93lqWzRt5v", &[Encoding::Base64]));
    }
}

/// As PowerShell takes it after `-EncodedCommand`; and a Secret of base64 in base64.
#[test]
fn one_in_the_other() {
    let code = STANDARD.encode(wide(TEXT, false));
    let byte = 2 * TEXT.find("Kd93").expect("there");
    let file = format!("powershell -enc {code}");
    let at = file.find(&code).expect("there") + byte / 3 * 4 + byte % 3;
    let encodings = [Encoding::Base64, Encoding::Utf16Le];
    assert_eq!(places(file.as_bytes()), place("setting", at, "Kd93lqWzRt5v", &encodings));

    let twice = STANDARD.encode(STANDARD.encode(TEXT));
    let found = places(format!("{{\"conf\":\"{twice}\"}}").as_bytes());
    assert_eq!(found.len(), 1);
    assert_eq!(found[0].3, [Encoding::Base64, Encoding::Base64]);
    assert_eq!(found[0].2, "Kd93lqWzRt5v");
}

#[test]
fn escapes() {
    for (file, encodings) in [
        (r#"{"conf":"user=shop\nsecretkey=\"Kd93lqWzRt5v\"\n"}"#, &[Encoding::Json][..]),
        (r#"{"conf":"secretkey\u003dKd93lqWzRt5v"}"#, &[Encoding::Json]),
        (r#"{"log":"{\"conf\":\"secretkey=\\\"Kd93lqWzRt5v\\\"\"}"}"#, &[Encoding::Json, Encoding::Json]),
        (r"p = 'secretkey\x3dKd93lqWzRt5v';", &[Encoding::C]),
        (r"p = 'secretkey\075Kd93lqWzRt5v';", &[Encoding::C]),
        ("next?conf=user%3Dshop%26secretkey%3DKd93lqWzRt5v", &[Encoding::Url]),
        ("next?conf=secretkey%3dKd93lqWzRt5v", &[Encoding::Url]),
        ("<a v='secretkey=&quot;Kd93lqWzRt5v&quot;'/>", &[Encoding::Xml]),
        ("<a v='secretkey&#x3D;Kd93lqWzRt5v'/>", &[Encoding::Xml]),
        (r#"{"url":"a\/b?secretkey%3DKd93lqWzRt5v"}"#, &[Encoding::Json, Encoding::Url]),
    ] {
        let at = file.find("Kd93").expect("there");
        assert_eq!(places(file.as_bytes()), place("setting", at, "Kd93lqWzRt5v", encodings), "{file}");
    }
    // The literal's own characters: only some of them, or only its first.
    for (rule, file, encodings) in [
        ("url", r#"{"dsn":"shop:\/\/al:Kd93lqWzRt5v@x"}"#, Encoding::Json),
        ("url", "next?dsn=shop%3A%2F%2Fal%3AKd93lqWzRt5v%40x", Encoding::Url),
        ("host", "next?at=Kd93lqWzRt5v%40db.example", Encoding::Url),
        ("host", r#"{"at":"Kd93lqWzRt5v\u0040db.example"}"#, Encoding::Json),
        ("host", r"at = 'Kd93lqWzRt5v\x40db.example'", Encoding::C),
        ("host", r"at = 'Kd93lqWzRt5v\100db.example'", Encoding::C),
        ("host", "<a at='Kd93lqWzRt5v&#64;db.example'/>", Encoding::Xml),
    ] {
        let at = file.find("Kd93").expect("there");
        assert_eq!(places(file.as_bytes()), place(rule, at, "Kd93lqWzRt5v", &[encodings]), "{file}");
    }
    // The letter of an escape is none of the token's.
    let file = r#"{"conf":"x\ntok_abcd1234\n"}"#;
    assert_eq!(places(file.as_bytes()), place("token", 12, "tok_abcd1234", &[Encoding::Json]));
    // Escapes in the secret itself.
    let found = places(br#"{"conf":"secretkey\u003dKd93\u002bqWzRt5v"}"#);
    assert_eq!(found[0].2, "Kd93+qWzRt5v");
    // As it is, when that is enough.
    let file = r#"{"a":"\u00e4","conf":"secretkey=Kd93lqWzRt5v"}"#;
    assert_eq!(places(file.as_bytes())[0].3, []);
}

/// A secret at any place of long content, in windows of any size: the same.
#[test]
fn windows_change_nothing() {
    let rules = rules();
    let engine = Engine::new(&rules);
    let mut random = Random(7);
    for round in 0..40 {
        let mut text = Vec::new();
        while text.len() < 40_000 {
            let filler = "lorem ipsum dolor sit amet, ".repeat(random.below(400));
            let plain = format!("{filler}\n{TEXT}");
            match random.below(5) {
                0 => text.extend(plain.bytes()),
                1 => text.extend(wide(&plain, random.below(2) == 0)),
                2 => text.extend(STANDARD.encode(plain).bytes()),
                3 => text.extend(STANDARD.encode(wide(&plain, false)).bytes()),
                _ => text.extend(format!("{plain:?}").replace('=', "\\u003d").bytes()),
            }
            text.extend_from_slice(b" \n\0\0\0");
        }
        let whole = by_slice(&engine, &text);
        assert!(!whole.is_empty());
        let steps: Vec<usize> = (0..5).map(|_| 1 + random.below(30_000)).collect();
        assert_eq!(whole, by_windows(&engine, &text, &steps), "round {round}");
        for kernel in Kernel::ALL {
            assert_eq!(whole, by_slice(&Engine::with_kernel(&rules, kernel), &text), "{}", kernel.name());
        }
    }
}

/// Name and value together, as `kubectl get secret -o yaml` writes them: the value as
/// it stands is a match too, and the decoded one is the secret.
#[test]
fn kubernetes_secrets() {
    // `printf 'Kd93lqWzRt5v' | base64`
    let value = "S2Q5M2xxV3pSdDV2";
    for file in [
        format!("apiVersion: v1\ndata:\n  user=shop secretKey=: {value}\nkind: Secret\n"),
        format!("{{\"kind\":\"Secret\",\"data\":{{\"secretKey=\":\"{value}\"}}}}"),
    ] {
        let file =
            file.replace("secretKey=: ", "secretkey=: ").replace("\"secretKey=\":\"", "\"secretkey=\":\"");
        let rules = RuleSet::new(
            vec![Rule {
                max_length: 64,
                ..Rule::new(
                    "setting",
                    r#"secretkey="?: ?"?(?P<secret>[A-Za-z0-9]{12,16})\b"#,
                    vec![literal("secretkey=", (0, 0))],
                )
            }],
            "test".into(),
        );
        let mut all = Vec::new();
        Engine::new(&rules).scanner().scan(file.as_bytes(), &mut |found| {
            all.push((found.secret.expose().to_vec(), found.secret_start, found.encodings));
        });
        let at = file.find(value).expect("there") as u64;
        assert_eq!(all, [(b"Kd93lqWzRt5v".to_vec(), at, vec![Encoding::Base64])], "{file}");
    }
}
