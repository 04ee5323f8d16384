//! Signed addresses and tokens that say when they expire.

use crate::page::Page;
use crate::sums::{HEX, Rng, base64, base64url, civil};

/// Seconds since 1970 of a moment between 2025 and 2028.
fn moment(rng: &mut Rng) -> i64 {
    i64::try_from(rng.between(20_089, 21_900) * 86_400 + rng.below(86_400)).expect("small")
}

/// RFC 3339, to the second.
pub(crate) fn rfc3339(at: i64) -> String {
    let (year, month, day) = civil(at / 86_400);
    let left = at % 86_400;
    format!("{year:04}-{month:02}-{day:02}T{:02}:{:02}:{:02}Z", left / 3600, left / 60 % 60, left % 60)
}

/// As Amazon and Google write it.
fn compact(at: i64) -> String {
    rfc3339(at).replace(['-', ':'], "")
}

fn percent(text: &str) -> String {
    text.bytes()
        .map(|byte| match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => {
                char::from(byte).to_string()
            }
            _ => format!("%{byte:02X}"),
        })
        .collect()
}

/// A signature: base64, percent-encoded.
fn signature(rng: &mut Rng, bytes: usize) -> String {
    percent(&base64(&rng.bytes(bytes)))
}

/// A value for a name of this family.
pub(crate) fn make(page: &mut Page<'_>, name: &str, head: &str, argument: &str) -> Option<String> {
    let at = moment(page.rng);
    let (text, expires) = match head {
        "sas" => (sas(page, argument, at), Some(at)),
        "saspolicy" => (
            format!("sv=2021-08-06&si=policy-{}&sr=c&sig={}", page.get("app"), signature(page.rng, 32)),
            None,
        ),
        "s3" => return Some(s3(page, name, argument, at)),
        "gcs" => return Some(gcs(page, name, argument, at)),
        "logicapp" => (logic_app(page, argument), None),
        "sbsas" => {
            let resource = page.fill("https://«server».servicebus.windows.net/«app»").to_lowercase();
            let sig = signature(page.rng, 32);
            let text = format!(
                "SharedAccessSignature sr={}&sig={sig}&se={at}&skn=RootManageSharedAccessKey",
                percent(&resource)
            );
            (text, Some(at))
        }
        "iotsas" => {
            let resource = page.fill("«server».azure-devices.net/devices/«app»-«digits.4»");
            let sig = signature(page.rng, 32);
            (format!("SharedAccessSignature sr={}&sig={sig}&se={at}", percent(&resource)), Some(at))
        }
        "jwt" => (jwt(page, argument, at), Some(at)),
        _ => return None,
    };
    if let Some(at) = expires {
        page.expires(name, rfc3339(at));
    }
    Some(text)
}

fn sas(page: &mut Page<'_>, kind: &str, at: i64) -> String {
    let version =
        page.rng.pick(&["2020-08-04", "2021-06-08", "2022-11-02", "2023-11-03", "2024-05-04"]).to_owned();
    let start = percent(&rfc3339(at - 86_400 * 30));
    let raw_end = rfc3339(at);
    let end = if page.rng.below(2) == 0 { raw_end.clone() } else { percent(&raw_end) };
    let sig = signature(page.rng, 32);
    match kind {
        "account" => {
            format!("sv={version}&ss=bfqt&srt=sco&sp=rwdlacupiytfx&se={end}&st={start}&spr=https&sig={sig}")
        }
        "question" => format!("?sv={version}&ss=b&srt=co&sp=rl&se={end}&st={start}&spr=https&sig={sig}"),
        "service" => format!("sp=racwdl&st={start}&se={end}&spr=https&sv={version}&sr=c&sig={sig}"),
        "blob" => format!("sp=r&st={start}&se={end}&sip=10.20.30.40&spr=https&sv={version}&sr=b&sig={sig}"),
        "table" => format!("sv={version}&tn=audit&se={end}&sp=raud&sig={sig}"),
        _ => {
            let (object, tenant) = (page.get("guid_object"), page.get("guid_tenant"));
            format!(
                "sv={version}&skoid={object}&sktid={tenant}&skt={start}&ske={end}&sks=b&skv={version}&st={start}&se={end}&sr=c&sp=rl&sig={sig}"
            )
        }
    }
}

fn s3(page: &mut Page<'_>, name: &str, kind: &str, at: i64) -> String {
    let seconds = i64::try_from(page.rng.between(5, 10_080) * 60).expect("small");
    let (id, region) = (page.get("awsid_signer"), page.get("awsregion"));
    let bucket = page.fill("«org»-«app»-uploads");
    let object = page.fill("exports/«digits.6»/«app».csv.gz");
    let host = match kind {
        "path" => format!("s3.{region}.amazonaws.com/{bucket}"),
        _ => format!("{bucket}.s3.{region}.amazonaws.com"),
    };
    page.expires(name, rfc3339(if kind == "v2" { at } else { at + seconds }));
    if kind == "v2" {
        let sig = signature(page.rng, 20);
        return format!(
            "https://{bucket}.s3.amazonaws.com/{object}?AWSAccessKeyId={id}&Expires={at}&Signature={sig}"
        );
    }
    let date = compact(at);
    let mut query = format!(
        "X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential={id}%2F{}%2F{region}%2Fs3%2Faws4_request&X-Amz-Date={date}&X-Amz-Expires={seconds}&X-Amz-SignedHeaders=host",
        &date[..8]
    );
    if kind == "session" {
        let token = ["IQoJb3JpZ2lu", "X2Vj"].concat() + &base64(&page.rng.bytes(300));
        query =
            query.replace(&id, &page.get("awsid.ASIA_signer")) + "&X-Amz-Security-Token=" + &percent(&token);
    }
    format!("https://{host}/{object}?{query}&X-Amz-Signature={}", page.rng.text(HEX, 64))
}

fn gcs(page: &mut Page<'_>, name: &str, kind: &str, at: i64) -> String {
    let seconds = i64::try_from(page.rng.between(5, 10_080) * 60).expect("small");
    let account = page.fill("«app»-uploader@«org»-«digits.6».iam.gserviceaccount.com");
    let place = page.fill("https://storage.googleapis.com/«org»-«app»-media/invoices/«digits.8».pdf");
    page.expires(name, rfc3339(if kind == "v2" { at } else { at + seconds }));
    if kind == "v2" {
        let sig = signature(page.rng, 256);
        return format!("{place}?GoogleAccessId={}&Expires={at}&Signature={sig}", percent(&account));
    }
    let date = compact(at);
    let (credential, sig) = if kind == "hmac" {
        (["GOOG", "1E"].concat() + &page.fill("«b32.55»").to_uppercase(), page.rng.text(HEX, 64))
    } else {
        (account, page.rng.text(HEX, 512))
    };
    let algorithm = if kind == "hmac" { "GOOG4-HMAC-SHA256" } else { "GOOG4-RSA-SHA256" };
    let scope = percent(&format!("{credential}/{}/auto/storage/goog4_request", &date[..8]));
    let text = format!(
        "{place}?X-Goog-Algorithm={algorithm}&X-Goog-Credential={scope}&X-Goog-Date={date}&X-Goog-Expires={seconds}&X-Goog-SignedHeaders=host&X-Goog-Signature={sig}"
    );
    // gcloud writes the names in lower case.
    if kind == "lower" { text.replace("X-Goog-", "x-goog-") } else { text }
}

fn logic_app(page: &mut Page<'_>, kind: &str) -> String {
    let sig = base64url(&page.rng.bytes(32));
    match kind {
        "power" => page.fill(&format!(
            "https://default«hex.32».«hex.2».environment.api.powerplatform.com:443/powerautomate/automations/direct/workflows/«hex.32_flow»/triggers/manual/paths/invoke?api-version=1&sp=%2Ftriggers%2Fmanual%2Frun&sv=1.0&sig={sig}"
        )),
        "log" => page.fill(&format!(
            "/workflows/«hex.32_flow»/triggers/request/paths/invoke?api-version=2016-10-01&sp=%2Ftriggers%2Frequest%2Frun&sv=1.0&sig={sig}"
        )),
        _ => page.fill(&format!(
            "https://prod-«digits.2».«region».logic.azure.com:443/workflows/«hex.32_flow»/triggers/manual/paths/invoke?api-version=2016-10-01&sp=%2Ftriggers%2Fmanual%2Frun&sv=1.0&sig={sig}"
        )),
    }
}

/// A JSON Web Token with a signature of random bytes.
fn jwt(page: &mut Page<'_>, kind: &str, at: i64) -> String {
    let issued = at - 4_100;
    let key = page.rng.text("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-", 27);
    let (header, payload, size) = match kind {
        "v1" => (
            format!(r#"{{"typ":"JWT","alg":"RS256","x5t":"{key}","kid":"{key}"}}"#),
            page.fill(&format!(r#"{{"aud":"https://management.azure.com/","iss":"https://sts.windows.net/«guid_tenant»/","iat":{issued},"nbf":{issued},"exp":{at},"appid":"«guid_client»","appidacr":"1","idtyp":"app","oid":"«guid_object»","tid":"«guid_tenant»","ver":"1.0"}}"#)),
            256,
        ),
        "v2" => (
            format!(r#"{{"typ":"JWT","alg":"RS256","kid":"{key}"}}"#),
            page.fill(&format!(r#"{{"aud":"api://«guid_api»","iss":"https://login.microsoftonline.com/«guid_tenant»/v2.0","iat":{issued},"nbf":{issued},"exp":{at},"azp":"«guid_client»","name":"«person»","oid":"«guid_object»","preferred_username":"«email»","scp":"access_as_user","tid":"«guid_tenant»","ver":"2.0"}}"#)),
            256,
        ),
        "graph" => (
            format!(r#"{{"typ":"JWT","nonce":"{key}","alg":"RS256","x5t":"{key}","kid":"{key}"}}"#),
            page.fill(&format!(r#"{{"aud":"00000003-0000-0000-c000-000000000000","iss":"https://sts.windows.net/«guid_tenant»/","iat":{issued},"nbf":{issued},"exp":{at},"app_displayname":"«app»","appid":"«guid_client»","scp":"User.Read Mail.Send","tid":"«guid_tenant»","unique_name":"«email»","upn":"«email»","ver":"1.0"}}"#)),
            256,
        ),
        _ => (
            r#"{"alg":"HS256","typ":"JWT"}"#.to_owned(),
            page.fill(&format!(r#"{{"iss":"https://auth.«domain»/","sub":"«guid»","aud":"«app»-api","iat":{issued},"exp":{at},"scope":"read write"}}"#)),
            32,
        ),
    };
    let sign = base64url(&page.rng.bytes(size));
    format!("{}.{}.{sign}", base64url(header.as_bytes()), base64url(payload.as_bytes()))
}
