//! For which service of a cloud a setting is named.
//!
//! Keys of several services look alike, and files list services below one another: beside
//! the address of one may stand the key of the next. What a setting is called says whose its
//! key is: `STORAGE_KEY`, `"Redis": { "Password": … }`, `signalr:` with `key:` below it.

/// The words in names of settings for the services whose keys look like those of others, by
/// the type of the secret.
const SERVICES: [(&str, &[&str]); 14] = [
    ("Azure storage account connection string", &["storage", "blob"]),
    ("Azure Cosmos DB", &["cosmos", "docdb", "documentdb"]),
    ("Azure SignalR access key", &["signalr"]),
    ("Azure Redis Cache password", &["redis"]),
    ("Azure Web PubSub access key", &["pubsub"]),
    ("Azure Communication Services access key", &["communication"]),
    ("Azure Event Grid access key", &["eventgrid", "event_grid"]),
    ("Azure Batch shared access key", &["batch"]),
    ("Azure IoT shared access key", &["iothub", "iot_hub", "iot-hub"]),
    ("Azure App Configuration access key", &["appconfig", "app_config", "app-config"]),
    ("Azure Cognitive Service key", &["openai", "cognitive", "speech", "search", "translator", "vision"]),
    ("Azure Maps subscription key", &["maps"]),
    ("Azure API Management subscription key", &["apim", "apimanagement"]),
    ("Azure Service Bus shared access signature", &["servicebus", "service_bus", "eventhub"]),
];

/// How far before a value its names are looked for, in bytes and in lines.
const REACH: usize = 512;
const LINES: usize = 16;

/// Whether the setting whose value stands at `place` is named for another service than that
/// of this type, and not for it as well.
pub(super) fn is_of_another(secret_type: &str, text: &[u8], place: usize) -> bool {
    let Some((_, own)) = SERVICES.iter().find(|(of, _)| *of == secret_type) else { return false };
    let names = names(text, place).to_ascii_lowercase();
    let has = |word: &&str| memchr::memmem::find(&names, word.as_bytes()).is_some();
    !own.iter().any(has) && SERVICES.iter().any(|(of, words)| *of != secret_type && words.iter().any(has))
}

/// What names a value: what stands before it on its line, as far as the object that it is in
/// goes, and the name of the object, section or mapping.
fn names(text: &[u8], place: usize) -> Vec<u8> {
    let before = text.get(place.saturating_sub(REACH)..place).unwrap_or_default();
    let line = line_start(before);
    if let Some(brace) = open_brace(before.get(line..).unwrap_or_default()) {
        return before.get(line + brace..).unwrap_or_default().to_vec();
    }
    let own = before.get(line..).unwrap_or_default();
    let mut names = own.to_vec();
    let indent = indentation(own);
    let mut end = line;
    for _ in 0..LINES {
        let Some(last) = end.checked_sub(1) else { break };
        let start = line_start(before.get(..last).unwrap_or_default());
        let above = before.get(start..last).unwrap_or_default();
        end = start;
        let text = above.trim_ascii();
        let is_section = indent == 0 && text.starts_with(b"[") && text.ends_with(b"]");
        let is_mapping = indentation(above) < indent && (text.ends_with(b":") || text.ends_with(b"{"));
        if is_section || is_mapping {
            names.extend_from_slice(text);
            break;
        }
        if !text.is_empty() && indentation(above) < indent {
            break;
        }
    }
    names
}

fn line_start(text: &[u8]) -> usize {
    memchr::memrchr(b'\n', text).map_or(0, |newline| newline + 1)
}

fn indentation(line: &[u8]) -> usize {
    line.iter().take_while(|byte| matches!(byte, b' ' | b'\t')).count()
}

/// Where the name begins of the object that is open at the end of a line.
fn open_brace(line: &[u8]) -> Option<usize> {
    let mut closed = 0_usize;
    let brace = line.iter().rposition(|byte| match byte {
        b'}' => {
            closed += 1;
            false
        }
        b'{' if closed == 0 => true,
        b'{' => {
            closed -= 1;
            false
        }
        _ => false,
    })?;
    let before = line.get(..brace).unwrap_or_default();
    Some(before.iter().rposition(|byte| matches!(byte, b'{' | b'}' | b',' | b';')).map_or(0, |end| end + 1))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn another(secret_type: &str, text: &str) -> bool {
        is_of_another(secret_type, text.as_bytes(), text.find("VALUE").expect("the value"))
    }

    #[test]
    fn names_say_whose_a_key_is() {
        for (of, text) in [
            ("Azure Cosmos DB", "AZURE_STORAGE_KEY=VALUE\nCOSMOS_ENDPOINT=x"),
            ("Azure Cosmos DB", r#"{"Storage":{"AccountName":"a","AccountKey":"VALUE"},"Cosmos":{"Key":"#),
            ("Azure Cosmos DB", r#"new StorageSharedKeyCredential("a","VALUE");"#),
            ("Azure Redis Cache password", "signalr:\n  host: h\n  key: VALUE\nredis:\n"),
            ("Azure Redis Cache password", "{\n  \"SignalR\": {\n    \"Key\": \"VALUE\"\n"),
            ("Azure Redis Cache password", "[signalr]\nhost = h\nkey = VALUE"),
            ("Azure Batch shared access key", "_STORAGE_ACCOUNT_KEY = 'VALUE'"),
        ] {
            assert!(another(of, text), "{of}: {text}");
        }
    }

    #[test]
    fn its_own_name_and_no_name_are_no_other() {
        for (of, text) in [
            ("Azure Cosmos DB", "COSMOS_KEY=VALUE"),
            ("Azure Cosmos DB", "AZURE_STORAGE_KEY=x\nKEY=VALUE"),
            ("Azure Cosmos DB", r#"{"Storage":{"AccountKey":"x"},"Db":{"Key":"VALUE"}}"#),
            ("Azure Cosmos DB", r#"new StorageShared("a");var c = Cosmos("VALUE");"#),
            ("Azure Redis Cache password", "signalr:\n  key: x\nother:\n  key: VALUE"),
            ("Azure Redis Cache password", "redis:\n  signalr: x\n  nested:\n    key: VALUE"),
            ("general password", "STORAGE_KEY=VALUE"),
        ] {
            assert!(!another(of, text), "{of}: {text}");
        }
    }
}
