//! The corpus as it grows: files with their labels.

use std::fs;
use std::path::Path;

use snapsift::pipeline::labels::{LABELS_FILE, Label};

use crate::contexts::{CONTEXTS, Context, ENCODED, prepare, prepare_inner};
use crate::page::{Coding, Page};
use crate::sums::Rng;

/// A secret that must be found, or a file in which a type must not be.
pub(crate) struct Labelled {
    /// As it stands in the file of labels. Its note is the name of the resource that
    /// the file says it opens.
    pub label: Label,
    /// How many bytes the secret takes as it is written.
    pub length: usize,
}

pub(crate) struct Shelf {
    pub rng: Rng,
    pub labels: Vec<Labelled>,
    files: Vec<(String, Vec<u8>)>,
    /// The next context, so that all of them get their turn.
    turn: usize,
}

impl Shelf {
    pub(crate) fn new(seed: u64) -> Self {
        Self {
            rng: Rng::new(seed),
            labels: Vec::new(),
            files: Vec::new(),
            turn: seed as usize % CONTEXTS.len(),
        }
    }

    pub(crate) fn files(&self) -> usize {
        self.files.len()
    }

    pub(crate) fn contents(&self) -> impl Iterator<Item = (&str, &[u8])> {
        self.files.iter().map(|(path, bytes)| (path.as_str(), bytes.as_slice()))
    }

    /// The file of labels.
    pub(crate) fn lines(&self) -> impl Iterator<Item = String> {
        self.labels.iter().map(|labelled| serde_json::to_string(&labelled.label).expect("JSON"))
    }

    /// Starts the files and forms of one type.
    pub(crate) fn of<'a>(&'a mut self, secret_type: &'a str) -> Type<'a> {
        Type { shelf: self, secret_type }
    }

    /// A file that holds nothing.
    pub(crate) fn clean(&mut self, path: &str, template: &str) {
        self.clean_as(Coding::Plain, path, template);
    }

    pub(crate) fn clean_as(&mut self, coding: Coding, path: &str, template: &str) {
        let mut page = Page::new(&mut self.rng, "");
        prepare(&mut page);
        let path = page.fill(path);
        let text = page.fill(template);
        let (bytes, placed) = page.finish(&text, coding);
        assert!(placed.is_empty(), "{path} is not clean");
        self.put(&path, bytes);
    }

    /// A file that holds nothing, of any bytes.
    pub(crate) fn clean_bytes(&mut self, path: &str, bytes: Vec<u8>) {
        self.put(path, bytes);
    }

    /// Each file stands on a machine of its own, so that no two have one name.
    fn put(&mut self, path: &str, bytes: Vec<u8>) -> String {
        let path = format!("m{:04}/{path}", self.files.len());
        self.files.push((path.clone(), bytes));
        path
    }

    /// Writes the files and their labels, in place of a corpus that is there.
    pub(crate) fn write(&self, folder: &Path) {
        if folder.join(LABELS_FILE).exists() {
            fs::remove_dir_all(folder).expect("the old corpus goes");
        }
        fs::create_dir_all(folder).expect("a folder");
        for (path, bytes) in &self.files {
            let path = folder.join(path);
            fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
            fs::write(path, bytes).expect("a file");
        }
        let lines: String = self.lines().map(|line| line + "\n").collect();
        fs::write(folder.join(LABELS_FILE), lines).expect("a file");
    }
}

/// A file that is still to be filled in.
#[derive(Clone, Copy)]
struct Draft<'a> {
    form: &'a str,
    path: &'a str,
    template: &'a str,
    /// What names of the template stand for.
    values: &'a [(&'a str, &'a str)],
    coding: Coding,
    /// How the secret stands in it, in a word.
    encoding: &'a str,
}

impl<'a> Draft<'a> {
    fn plain(form: &'a str, path: &'a str, template: &'a str) -> Self {
        Self { form, path, template, values: &[], coding: Coding::Plain, encoding: "plain" }
    }

    fn in_context(form: &'a str, context: &'a Context, values: &'a [(&'a str, &'a str)]) -> Self {
        let Context { coding, encoding, path, template, .. } = context;
        Self { form, path, template, values, coding: *coding, encoding }
    }
}

/// The files of one type.
pub(crate) struct Type<'a> {
    shelf: &'a mut Shelf,
    secret_type: &'a str,
}

impl Type<'_> {
    /// A file with a secret or several.
    pub(crate) fn file(&mut self, form: &str, path: &str, template: &str) -> &mut Self {
        self.file_as(Coding::Plain, form, path, template)
    }

    pub(crate) fn file_as(&mut self, coding: Coding, form: &str, path: &str, template: &str) -> &mut Self {
        let encoding = match coding {
            Coding::Utf16 { little: true, .. } => "utf-16le",
            Coding::Utf16 { .. } => "utf-16be",
            _ => "plain",
        };
        self.write(&Draft { coding, encoding, ..Draft::plain(form, path, template) }, true);
        self
    }

    /// A file in which values of these names stand, perhaps encoded.
    pub(crate) fn file_with(
        &mut self,
        form: &str,
        values: &[(&str, &str)],
        path: &str,
        template: &str,
    ) -> &mut Self {
        self.write(&Draft { values, encoding: "base64", ..Draft::plain(form, path, template) }, true);
        self
    }

    /// A setting of this name and value, in so many kinds of files and, for one in
    /// four, in an encoding.
    pub(crate) fn setting(&mut self, form: &str, count: usize, key: &str, value: &str) -> &mut Self {
        self.pair(form, count, (key, value), None)
    }

    /// A setting with another beside it, which tells what it is.
    pub(crate) fn pair(
        &mut self,
        form: &str,
        count: usize,
        setting: (&str, &str),
        beside: Option<(&str, &str)>,
    ) -> &mut Self {
        for _ in 0..count {
            let context = self.next_context();
            self.in_context(form, context, setting, beside);
        }
        self
    }

    /// The setting in every encoding there is.
    pub(crate) fn encodings(
        &mut self,
        form: &str,
        setting: (&str, &str),
        beside: Option<(&str, &str)>,
    ) -> &mut Self {
        for context in &ENCODED {
            self.in_context(form, context, setting, beside);
        }
        self
    }

    fn next_context(&mut self) -> &'static Context {
        self.shelf.turn += 1;
        let turn = self.shelf.turn;
        if turn.is_multiple_of(4) {
            &ENCODED[turn / 4 % ENCODED.len()]
        } else {
            &CONTEXTS[turn % CONTEXTS.len()]
        }
    }

    fn in_context(
        &mut self,
        form: &str,
        context: &Context,
        (key, value): (&str, &str),
        beside: Option<(&str, &str)>,
    ) {
        let mut values = vec![("K", key), ("V", value)];
        if let Some((key, value)) = beside {
            values.extend([("K2", key), ("V2", value)]);
        }
        let form = format!("{form} in {}", context.name);
        self.write(&Draft::in_context(&form, context, &values), true);
    }

    /// A file in which this type must not be found.
    pub(crate) fn near(&mut self, form: &str, path: &str, template: &str) -> &mut Self {
        self.write(&Draft::plain(form, path, template), false);
        self
    }

    /// A setting that is none: a reference, a placeholder, a wrong value.
    pub(crate) fn near_setting(&mut self, form: &str, key: &str, value: &str) -> &mut Self {
        self.shelf.turn += 1;
        // The contexts whose values stand alone.
        let context = &CONTEXTS[[0, 2, 4, 12, 14, 19, 29][self.shelf.turn % 7]];
        let values = [("K", key), ("V", value)];
        let form = format!("{form} in {}", context.name);
        self.write(&Draft::in_context(&form, context, &values), false);
        self
    }

    /// What a setting holds where there is no value: each of these is a near miss.
    pub(crate) fn references(&mut self, key: &str) -> &mut Self {
        for (form, value) in [
            ("variable", "${«K»}"),
            ("angle brackets", "<your-«Kkebab»>"),
            ("template", "{{ .Values.«Kcamel» }}"),
            (
                "key vault",
                "@Microsoft.KeyVault(SecretUri=https://«org»-kv.vault.azure.net/secrets/«Kkebab»/)",
            ),
            ("vault path", "vault:secret/data/«app»#«Ksnake»"),
            ("masked", "********************"),
            ("empty", ""),
            ("word", "REPLACE_ME"),
        ] {
            self.near_setting(form, key, value);
        }
        self.near("code", "srv/«app_dir»/client.py", &format!("import os\n\n\ndef client():\n    {0} = os.environ[\"{1}\"]\n    if not {0}:\n        raise RuntimeError(\"{1} is not set\")\n    return Client({0}=os.getenv(\"{1}\"))\n", key.to_lowercase(), key));
        self.near("workflow", "home/«user_dir»/«app_dir»/.github/workflows/ci.yml", &format!("jobs:\n  build:\n    steps:\n      - run: make\n        env:\n          {key}: ${{{{ secrets.{key} }}}}\n"));
        self
    }

    /// All forms lead here. `holds`: whether it has a secret, or must have none.
    fn write(&mut self, draft: &Draft<'_>, holds: bool) {
        let Draft { form, path, template, values, coding, encoding } = *draft;
        let mut page = Page::new(&mut self.shelf.rng, self.secret_type);
        // The names first: what a value says may depend on them.
        for (name, value) in values.iter().filter(|(name, _)| name.starts_with('K')) {
            page.set(name, value);
        }
        prepare(&mut page);
        for (name, value) in values.iter().filter(|(name, _)| !name.starts_with('K')) {
            page.set(name, value);
        }
        if page.has("K") {
            prepare_inner(&mut page);
        }
        let path = page.fill(path);
        let text = page.fill(template);
        // The resource is the server, account, site or host that was made up for it.
        let opens = ["server", "acct", "site", "host"].iter().find(|name| page.has(name));
        let opens = opens.map(|name| page.get(name));
        let (bytes, placed) = page.finish(&text, coding);
        assert_eq!(holds, !placed.is_empty(), "{}: {form}", self.secret_type);
        let label =
            Label { path: self.shelf.put(&path, bytes), form: Some(form.to_owned()), ..Label::default() };
        if !holds {
            let label = Label { near_miss: true, secret_type: self.secret_type.to_owned(), ..label };
            self.shelf.labels.push(Labelled { label, length: 0 });
            return;
        }
        let decoded = encoding == "plain" && template.contains("|b64");
        let encoding = if decoded { "base64" } else { encoding };
        for secret in placed {
            let label = Label {
                secret_type: secret.secret_type,
                offset: Some(secret.offset as u64),
                line: Some(secret.line as u64),
                secret_blake3: Some(blake3::hash(secret.value.as_bytes()).to_hex().to_string()),
                expires_at: secret.expires,
                optional: secret.optional,
                encoding: Some(encoding.to_owned()),
                note: opens.clone(),
                ..label.clone()
            };
            self.shelf.labels.push(Labelled { label, length: secret.length });
        }
    }
}
