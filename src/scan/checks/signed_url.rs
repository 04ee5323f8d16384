//! Signed URLs of object stores: what they open, and until when.
//!
//! Sources: Amazon S3 API reference, "Authenticating requests: query parameters",
//! "Browser-based uploads using POST", "Signing and authenticating REST requests"
//! (version 2); Google Cloud Storage, "V4 signing process" and "Signed URLs";
//! Amazon Bedrock user guide, "API keys".

use super::characters::entropy;
use super::token::{decode, has_length};
use super::{Hit, Refusal, accept};
use crate::finding::Timestamp;
use crate::formats::aws_key_id;
use crate::formats::query::Query;
use crate::rules::{Rule, SignedUrlForm};

/// A URL with a session token has some 2 KB.
const SIDE: usize = Rule::MAX_REACH as usize;
/// An HMAC-SHA1 has 20 bytes, one of SHA-256 and every signature of RSA more.
const SHA1_BYTES: u32 = 20;
/// A signature of version 4, in hex, has at least this entropy; a sample has less.
const MIN_ENTROPY: f64 = 2.8;
/// Keys of stores other than AWS have ids of at least so many characters.
const MIN_ID: usize = 16;

const NO_CREDENTIAL: Refusal = Refusal("no credential in the query");
const NO_TIME: Refusal = Refusal("no times in the query");

/// See [`crate::rules::Check::SignedUrl`].
pub(super) fn check(hit: &mut Hit<'_>, form: SignedUrlForm) -> Result<(), Refusal> {
    match form {
        SignedUrlForm::AwsPost => return aws_post(hit),
        SignedUrlForm::AwsBedrock => return aws_bedrock(hit),
        _ => {}
    }
    let query = Query::around_within(hit.text, hit.span.start, SIDE);
    let name = match form {
        SignedUrlForm::AwsV4 => "X-Amz-Signature",
        SignedUrlForm::GoogleV4 => "X-Goog-Signature",
        _ => "Signature",
    };
    let signature = query.get(name).ok_or(Refusal("no signature in the query"))?;
    let place = query.span_of(name).ok_or(Refusal("no signature in the query"))?;
    match form {
        SignedUrlForm::AwsV4 => aws_v4(hit, &query, &signature)?,
        SignedUrlForm::AwsV2 => aws_v2(hit, &query, &signature)?,
        SignedUrlForm::GoogleV4 => google_v4(hit, &query, &signature)?,
        _ => google_v2(hit, &query, &signature)?,
    }
    hit.claims.push(query.span.clone());
    let raw = hit.text.get(place.clone()).unwrap_or_default();
    hit.value = (raw != signature.as_bytes()).then(|| signature.into_bytes());
    hit.secret = place;
    Ok(())
}

/// The parameters of version 4, which Amazon and Google name alike.
struct Scope {
    id: String,
    region: String,
    service: String,
    issued_at: Timestamp,
    expires_at: Timestamp,
}

/// Reads `id/date/region/service/request`, date and seconds; `prefix` is that of
/// the parameters.
fn scope(query: &Query<'_>, prefix: &str, last: &str) -> Result<Scope, Refusal> {
    let get = |name: &str| query.get(&format!("{prefix}{name}"));
    let credential = get("Credential").ok_or(NO_CREDENTIAL)?;
    let mut parts = credential.rsplitn(5, '/');
    accept(parts.next() == Some(last), "no credential in the query")?;
    let service = parts.next().ok_or(NO_CREDENTIAL)?.to_owned();
    let mut region = parts.next().ok_or(NO_CREDENTIAL)?.to_owned();
    let mut id = match (parts.next(), parts.next()) {
        (Some(date), Some(id)) if is_day(date) => id.to_owned(),
        // Signatures that are good in several regions name them apart.
        (Some(id), None) if is_day(&region) => {
            region = get("Region-Set").unwrap_or_default();
            id.to_owned()
        }
        _ => return Err(NO_CREDENTIAL),
    };
    id.retain(|character| !character.is_control());
    let issued_at = get("Date").as_deref().and_then(compact_time).ok_or(NO_TIME)?;
    let seconds: u32 = get("Expires").and_then(|seconds| seconds.parse().ok()).ok_or(NO_TIME)?;
    let expires_at = issued_at.plus_seconds(i64::from(seconds)).ok_or(NO_TIME)?;
    Ok(Scope { id, region, service, issued_at, expires_at })
}

fn is_day(text: &str) -> bool {
    text.len() == 8 && text.bytes().all(|byte| byte.is_ascii_digit())
}

/// `20130721T201207Z`.
fn compact_time(text: &str) -> Option<Timestamp> {
    let digits = text.strip_suffix(['Z', 'z'])?;
    let (date, time) = digits.split_once(['T', 't'])?;
    let part = |text: &str, from: usize, to: usize| text.get(from..to).map(str::to_owned);
    accept(is_day(date) && time.len() == 6, "").ok()?;
    Timestamp::parse(&format!(
        "{}-{}-{}T{}:{}:{}Z",
        part(date, 0, 4)?,
        part(date, 4, 6)?,
        part(date, 6, 8)?,
        part(time, 0, 2)?,
        part(time, 2, 4)?,
        part(time, 4, 6)?
    ))
}

fn is_hex(signature: &str, least: usize) -> Result<(), Refusal> {
    let hex = signature.len() >= least && signature.bytes().all(|byte| byte.is_ascii_hexdigit());
    accept(hex, "the signature is not hex of its length")?;
    accept(entropy(signature.as_bytes()) >= MIN_ENTROPY, "the signature is a placeholder")
}

fn aws_v4(hit: &mut Hit<'_>, query: &Query<'_>, signature: &str) -> Result<(), Refusal> {
    let algorithm = query.get("X-Amz-Algorithm").unwrap_or_default();
    accept(algorithm.starts_with("AWS4-"), "no algorithm in the query")?;
    // ECDSA signatures are DER.
    is_hex(signature, if algorithm.contains("ECDSA") { 128 } else { 64 })?;
    let scope = scope(query, "X-Amz-", "aws4_request")?;
    accept(scope.service.starts_with("s3"), "a URL of another service")?;
    aws_resource(hit, query, &scope.region, &scope.id)?;
    add_scope(hit, scope);
    Ok(())
}

fn add_scope(hit: &mut Hit<'_>, scope: Scope) {
    hit.add_attribute("key_id", scope.id);
    hit.add_attribute("region", scope.region);
    hit.add_attribute("issued_at", scope.issued_at.to_string());
    hit.add_attribute("expires_at", scope.expires_at.to_string());
}

fn aws_v2(hit: &mut Hit<'_>, query: &Query<'_>, signature: &str) -> Result<(), Refusal> {
    let id = query.get("AWSAccessKeyId").ok_or(NO_CREDENTIAL)?;
    hmac_sha1(signature)?;
    let expires_at = query.get("Expires").and_then(|seconds| unix_time(&seconds)).ok_or(NO_TIME)?;
    aws_resource(hit, query, "", &id)?;
    hit.add_attribute("key_id", id);
    hit.add_attribute("expires_at", expires_at.to_string());
    Ok(())
}

fn hmac_sha1(signature: &str) -> Result<(), Refusal> {
    accept(has_length(signature.as_bytes(), SHA1_BYTES), "not the length of a signature")?;
    decode(signature.as_bytes()).map(|_| ()).ok_or(Refusal("the signature is not base64"))
}

/// Seconds since 1970, of this century.
fn unix_time(text: &str) -> Option<Timestamp> {
    let seconds = text.parse().ok().filter(|seconds| (946_684_800..253_402_300_799).contains(seconds))?;
    Timestamp::from_unix(seconds, 0)
}

/// Adds what host, path and key id of a URL of S3 say.
fn aws_resource(hit: &mut Hit<'_>, query: &Query<'_>, region: &str, id: &str) -> Result<(), Refusal> {
    let host = query.host();
    let place = host.as_deref().and_then(s3_place);
    let account = aws_key_id::kind(id.as_bytes()).and_then(|kind| {
        Some((kind, aws_key_id::account(id.as_bytes()).ok().filter(|_| !id.ends_with("EXAMPLE"))?))
    });
    match &account {
        Some((kind, account)) => {
            hit.add_attribute("key_kind", *kind);
            hit.add_attribute("account", account.clone().unwrap_or_default());
        }
        // Other stores have ids of their own; so had AWS before 2010, of 20 letters
        // and digits that begin with a digit.
        None => {
            let own = id.len() >= MIN_ID
                && id.bytes().any(|byte| byte.is_ascii_digit())
                && id.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_-:.".contains(&byte));
            let old =
                id.len() == 20 && id.bytes().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit());
            accept(own && (place.is_none() || old), "not an access key id")?;
            accept(!id.to_ascii_uppercase().contains("EXAMPLE"), "a documented sample")?;
        }
    }
    let path = query.path().unwrap_or_default();
    let (bucket, object) = match &place {
        Some(place) if !place.bucket.is_empty() => (place.bucket.clone(), path),
        // Path style, as of every store that is not AWS.
        _ => match path.split_once('/') {
            Some((bucket, object)) => (bucket.to_owned(), object.to_owned()),
            None => (path, String::new()),
        },
    };
    accept(!is_sample_bucket(&bucket), "a sample bucket")?;
    if place.is_some() || host.is_none() && account.is_some() {
        let region =
            if region.is_empty() { place.as_ref().map_or("", |place| &place.region) } else { region };
        let china = host.as_deref().is_some_and(|host| host.ends_with(".cn"));
        let partition = if china { "aws-cn" } else { aws_key_id::partition(region) };
        hit.add_attribute("partition", partition);
        hit.add_attribute("region", region);
    }
    hit.add_attribute("host", host.unwrap_or_default());
    hit.add_attribute("bucket", bucket);
    hit.add_attribute("object", object);
    Ok(())
}

/// Buckets of the documentation.
fn is_sample_bucket(bucket: &str) -> bool {
    const SAMPLES: [&str; 8] = [
        "examplebucket",
        "example-bucket",
        "amzn-s3-demo-bucket",
        "doc-example-bucket",
        "awsexamplebucket1",
        "mybucket",
        "your-bucket",
        "bucket-name",
    ];
    SAMPLES.contains(&bucket)
}

/// What the host of S3 says.
struct S3Place {
    /// Empty where the bucket is in the path.
    bucket: String,
    /// Empty where the host does not say.
    region: String,
}

/// `bucket.s3.region.amazonaws.com` and its relatives.
fn s3_place(host: &str) -> Option<S3Place> {
    const SUFFIXES: [&str; 7] = [
        ".amazonaws.com",
        ".amazonaws.com.cn",
        ".amazonaws.eu",
        ".c2s.ic.gov",
        ".sc2s.sgov.gov",
        ".cloud.adc-e.uk",
        ".csp.hci.ic.gov",
    ];
    let head = SUFFIXES.iter().find_map(|suffix| host.strip_suffix(suffix))?;
    let labels: Vec<&str> = head.split('.').collect();
    let is_s3 = |label: &&str| *label == "s3" || label.starts_with("s3-") || label.starts_with("s3express-");
    let at = labels.iter().rposition(is_s3)?;
    let bucket = labels.get(..at)?.join(".");
    let after = labels.get(at + 1..)?;
    let mut region = after.iter().find(|label| **label != "dualstack").copied().unwrap_or_default();
    if region.is_empty() {
        region = labels.get(at)?.strip_prefix("s3-").filter(|rest| rest.contains('-')).unwrap_or_default();
        region = region.strip_prefix("fips-").unwrap_or(region);
    }
    let known = region.contains('-') && region.ends_with(|last: char| last.is_ascii_digit());
    Some(S3Place { bucket, region: if known { region.to_owned() } else { String::new() } })
}

/// The fields of an upload form. The match is the signature; the policy, base64 of
/// JSON, stands within reach.
fn aws_post(hit: &mut Hit<'_>) -> Result<(), Refusal> {
    let (policy, place) = policy_near(hit).ok_or(Refusal("no policy near the signature"))?;
    let signature = String::from_utf8_lossy(hit.secret_bytes()).into_owned();
    let text = |value: Option<&serde_json::Value>| value.and_then(|value| value.as_str()).map(str::to_owned);
    let expires_at = text(policy.get("expiration")).as_deref().and_then(Timestamp::parse).ok_or(NO_TIME)?;
    let conditions = policy.get("conditions").and_then(|list| list.as_array());
    let condition = |name: &str| {
        conditions?.iter().find_map(|condition| match condition {
            serde_json::Value::Object(pair) => text(pair.get(name)),
            serde_json::Value::Array(triple) => {
                let field = triple.get(1)?.as_str()?.strip_prefix('$')?;
                field.eq_ignore_ascii_case(name).then(|| text(triple.get(2))).flatten()
            }
            _ => None,
        })
    };
    let (id, region) = match condition("x-amz-credential") {
        Some(credential) => {
            is_hex(&signature, 64)?;
            let mut parts = credential.split('/');
            let id = parts.next().unwrap_or_default().to_owned();
            (id, parts.nth(1).unwrap_or_default().to_owned())
        }
        None => {
            hmac_sha1(&signature)?;
            (hit.attribute("key_id").ok_or(NO_CREDENTIAL)?.to_owned(), String::new())
        }
    };
    let kind = aws_key_id::kind(id.as_bytes()).ok_or(NO_CREDENTIAL)?;
    let account = aws_key_id::account(id.as_bytes()).map_err(|_| NO_CREDENTIAL)?;
    let bucket = condition("bucket").unwrap_or_default();
    accept(!id.ends_with("EXAMPLE") && !is_sample_bucket(&bucket), "a documented sample")?;
    hit.add_attribute("key_id", id);
    hit.add_attribute("key_kind", kind);
    hit.add_attribute("account", account.unwrap_or_default());
    hit.add_attribute("partition", aws_key_id::partition(&region));
    hit.add_attribute("region", region);
    hit.add_attribute("bucket", bucket);
    hit.add_attribute("object", condition("key").unwrap_or_default());
    hit.add_attribute("expires_at", expires_at.to_string());
    hit.claims.push(place);
    Ok(())
}

/// The POST policy nearest to the match, and where it stands.
fn policy_near(hit: &Hit<'_>) -> Option<(serde_json::Value, std::ops::Range<usize>)> {
    const MIN_POLICY: usize = 64;
    let in_code = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/' | b'=');
    let mut found: Option<(usize, serde_json::Value, std::ops::Range<usize>)> = None;
    let mut at = 0;
    while at < hit.text.len() {
        let rest = hit.text.get(at..).unwrap_or_default();
        let length = rest.iter().take_while(|byte| in_code(**byte)).count();
        let range = at..at + length;
        at = range.end + 1;
        let code = hit.text.get(range.clone()).unwrap_or_default();
        // `{"` or `{` and a blank or line break.
        if length < MIN_POLICY || !(code.starts_with(b"ey") || code.starts_with(b"ew")) {
            continue;
        }
        let distance = range.start.abs_diff(hit.span.start);
        if found.as_ref().is_some_and(|(nearest, _, _)| *nearest <= distance) {
            continue;
        }
        let policy = decode(code).and_then(|text| serde_json::from_slice::<serde_json::Value>(&text).ok());
        if let Some(policy) = policy.filter(|policy| policy.get("conditions").is_some()) {
            found = Some((distance, policy, range));
        }
    }
    found.map(|(_, policy, place)| (policy, place))
}

/// `bedrock-api-key-` and base64 of a signed URL without its scheme.
fn aws_bedrock(hit: &mut Hit<'_>) -> Result<(), Refusal> {
    const PREFIX: &[u8] = b"bedrock-api-key-";
    let code = hit.secret_bytes().strip_prefix(PREFIX).ok_or(Refusal("not its prefix"))?;
    let url = decode(code).ok_or(Refusal("not base64"))?;
    let query = Query::around_within(&url, 0, SIDE);
    is_hex(&query.get("X-Amz-Signature").unwrap_or_default(), 64)?;
    let scope = scope(&query, "X-Amz-", "aws4_request")?;
    let kind = aws_key_id::kind(scope.id.as_bytes()).ok_or(NO_CREDENTIAL)?;
    let account = aws_key_id::account(scope.id.as_bytes()).map_err(|_| NO_CREDENTIAL)?;
    accept(!scope.id.ends_with("EXAMPLE"), "a documented sample")?;
    hit.add_attribute("key_kind", kind);
    hit.add_attribute("account", account.unwrap_or_default());
    hit.add_attribute("partition", aws_key_id::partition(&scope.region));
    add_scope(hit, scope);
    Ok(())
}

fn google_v4(hit: &mut Hit<'_>, query: &Query<'_>, signature: &str) -> Result<(), Refusal> {
    let algorithm = query.get("X-Goog-Algorithm").unwrap_or_default();
    accept(algorithm.starts_with("GOOG4-"), "no algorithm in the query")?;
    is_hex(signature, 64)?;
    let scope = scope(query, "X-Goog-", "goog4_request")?;
    accept(scope.service == "storage", "a URL of another service")?;
    google_resource(hit, query, &scope.id)?;
    hit.add_attribute("location", scope.region);
    hit.add_attribute("issued_at", scope.issued_at.to_string());
    hit.add_attribute("expires_at", scope.expires_at.to_string());
    Ok(())
}

fn google_v2(hit: &mut Hit<'_>, query: &Query<'_>, signature: &str) -> Result<(), Refusal> {
    const RSA_1024_BYTES: usize = 128;
    let id = query.get("GoogleAccessId").ok_or(NO_CREDENTIAL)?;
    let bytes = decode(signature.as_bytes()).ok_or(Refusal("the signature is not base64"))?;
    let sha1 =
        id.starts_with("GOOG") && usize::try_from(SHA1_BYTES).is_ok_and(|length| length == bytes.len());
    accept(sha1 || bytes.len() >= RSA_1024_BYTES, "not the length of a signature")?;
    let expires_at = query.get("Expires").and_then(|seconds| unix_time(&seconds)).ok_or(NO_TIME)?;
    google_resource(hit, query, &id)?;
    hit.add_attribute("expires_at", expires_at.to_string());
    Ok(())
}

/// Adds what host, path and signer of a URL of Cloud Storage say.
fn google_resource(hit: &mut Hit<'_>, query: &Query<'_>, signer: &str) -> Result<(), Refusal> {
    const HOSTS: [&str; 5] = [
        "storage.googleapis.com",
        "commondatastorage.googleapis.com",
        "storage.cloud.google.com",
        "storage-download.googleapis.com",
        "www.googleapis.com",
    ];
    let is_account = signer.contains('@') && signer.contains('.') && !signer.contains(['<', '{', '$', '[']);
    let is_key = signer.starts_with("GOOG") && signer.len() >= 20;
    accept(is_account || is_key, "not the name of an account or a key")?;
    let host = query.host();
    let path = query.path().unwrap_or_default();
    let of_host = host.as_deref().and_then(|host| HOSTS.iter().find_map(|known| host.strip_suffix(known)));
    let (bucket, object) = match of_host.map(|bucket| bucket.trim_end_matches('.')) {
        Some("") => path
            .split_once('/')
            .map_or((path.clone(), String::new()), |(bucket, object)| (bucket.into(), object.into())),
        Some(bucket) => (bucket.to_owned(), path),
        // A domain of one's own, or no host: the path says only what is opened.
        None => (String::new(), path),
    };
    accept(!is_sample_bucket(&bucket), "a sample bucket")?;
    let sample = signer.starts_with("example@") || signer.contains("@example-project.");
    accept(!sample, "a documented sample")?;
    hit.add_attribute("account", signer);
    hit.add_attribute("project", project_of(signer).unwrap_or_default());
    hit.add_attribute("host", host.unwrap_or_default());
    hit.add_attribute("bucket", bucket);
    hit.add_attribute("object", object);
    Ok(())
}

/// The project of a service account's address.
fn project_of(account: &str) -> Option<&str> {
    let (name, host) = account.split_once('@')?;
    match host.strip_suffix(".gserviceaccount.com")? {
        "appspot" => Some(name),
        host => host.strip_suffix(".iam"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Seconds and time of the S3 documentation's sample; its expiry by `date`.
    #[test]
    fn times() {
        let issued = compact_time("20130721T201207Z").expect("a time");
        let until = issued.plus_seconds(86_400).map(|time| time.to_string());
        assert_eq!(until.as_deref(), Some("2013-07-22T20:12:07Z"));
        assert_eq!(
            unix_time("1141889120").map(|time| time.to_string()).as_deref(),
            Some("2006-03-09T07:25:20Z")
        );
        for wrong in ["", "Z", "20130721T201207", "20131321T201207Z", "20130721T2012é7Z", "20130721T20120Z"]
        {
            assert_eq!(compact_time(wrong), None, "{wrong}");
        }
        for wrong in ["", "12", "x", "99999999999999999999", "-1"] {
            assert_eq!(unix_time(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn hosts_of_s3() {
        let place = |host: &str| s3_place(host).map(|place| (place.bucket, place.region));
        let found = |bucket: &str, region: &str| Some((bucket.to_owned(), region.to_owned()));
        for (host, expected) in [
            ("acme.s3.amazonaws.com", found("acme", "")),
            ("acme.s3.eu-west-1.amazonaws.com", found("acme", "eu-west-1")),
            ("acme.data.s3.dualstack.eu-west-1.amazonaws.com", found("acme.data", "eu-west-1")),
            ("acme.s3-us-west-2.amazonaws.com", found("acme", "us-west-2")),
            ("s3-fips-us-gov-west-1.amazonaws.com", found("", "us-gov-west-1")),
            ("s3.cn-north-1.amazonaws.com.cn", found("", "cn-north-1")),
            ("acme.s3-accelerate.amazonaws.com", found("acme", "")),
            (
                "reports-123456789012.s3-accesspoint.us-east-1.amazonaws.com",
                found("reports-123456789012", "us-east-1"),
            ),
            ("sts.amazonaws.com", None),
            ("minio.acme.io", None),
        ] {
            assert_eq!(place(host), expected, "{host}");
        }
    }

    #[test]
    fn projects() {
        assert_eq!(project_of("ci@acme-prod.iam.gserviceaccount.com"), Some("acme-prod"));
        assert_eq!(project_of("acme-prod@appspot.gserviceaccount.com"), Some("acme-prod"));
        assert_eq!(project_of("12-compute@developer.gserviceaccount.com"), None);
        assert_eq!(project_of("GOOG1EXAMPLE"), None);
    }
}
