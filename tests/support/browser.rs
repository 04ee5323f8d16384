//! A headless Chromium, driven by chromedriver as W3C WebDriver says
//! (<https://www.w3.org/TR/webdriver2/>).

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

/// By which an answer names an element.
const ELEMENT: &str = "element-6066-11e4-a52e-4f735466cecf";
const PATIENCE: Duration = Duration::from_secs(60);

pub(crate) struct Browser {
    driver: Child,
    port: u16,
    session: String,
    _profile: tempfile::TempDir,
}

impl Browser {
    /// `None` where there is no Chromium with its driver; a test that must run says so.
    pub(crate) fn start(dark: bool) -> Option<Self> {
        let mut driver = Command::new("chromedriver")
            .arg("--port=0")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .ok()?;
        let mut lines = BufReader::new(driver.stdout.take().expect("a pipe")).lines();
        let port = lines
            .by_ref()
            .map_while(Result::ok)
            .find_map(|line| line.split_once("successfully on port ")?.1.trim_end_matches('.').parse().ok());
        // What else it says is read, so that it never waits for a reader.
        std::thread::spawn(move || lines.map_while(Result::ok).for_each(drop));
        let profile = tempfile::tempdir().expect("a folder");
        let mut arguments: Vec<String> = [
            "--headless",
            "--no-sandbox",
            "--disable-gpu",
            "--disable-quic",
            "--disable-dev-shm-usage",
            "--no-first-run",
            "--disable-background-networking",
            "--disable-component-update",
            "--disable-sync",
            "--hide-scrollbars",
            "--window-size=1440,1000",
            "--host-resolver-rules=MAP * ~NOTFOUND",
        ]
        .map(str::to_owned)
        .to_vec();
        arguments.push(format!("--user-data-dir={}", profile.path().display()));
        if dark {
            arguments.push("--blink-settings=preferredColorScheme=0".to_owned());
        }
        let mut browser =
            Self { driver, port: port.expect("a port"), session: String::new(), _profile: profile };
        let wanted = json!({"capabilities": {"alwaysMatch": {"browserName": "chrome",
            "goog:chromeOptions": {"args": arguments}, "goog:loggingPrefs": {"browser": "ALL", "performance": "ALL"}}}});
        let answer = browser.call("POST", "/session", &wanted);
        browser.session = answer["sessionId"].as_str().expect("a session").to_owned();
        // The page that a browser begins with asks for parts of its own.
        browser.post("url", &json!({"url": "about:blank"}));
        browser.requests();
        Some(browser)
    }

    /// The value of an answer.
    fn call(&self, method: &str, path: &str, body: &Value) -> Value {
        let mut stream = TcpStream::connect(("127.0.0.1", self.port)).expect("the driver listens");
        stream.set_read_timeout(Some(PATIENCE)).expect("a socket");
        let text = if method == "GET" { String::new() } else { body.to_string() };
        write!(
            stream,
            "{method} {path} HTTP/1.1\r\nHost: 127.0.0.1:{}\r\nContent-Type: application/json; charset=utf-8\r\n\
             Content-Length: {}\r\nConnection: close\r\n\r\n{text}",
            self.port,
            text.len()
        )
        .expect("sent");
        let mut reader = BufReader::new(stream);
        let mut length = 0;
        loop {
            let mut line = String::new();
            reader.read_line(&mut line).expect("a head");
            if line.trim().is_empty() {
                break;
            }
            if let Some((name, value)) = line.split_once(':')
                && name.eq_ignore_ascii_case("content-length")
            {
                length = value.trim().parse().expect("a length");
            }
        }
        let mut bytes = vec![0; length];
        reader.read_exact(&mut bytes).expect("a body");
        let mut answer: Value = serde_json::from_slice(&bytes).expect("JSON");
        let value = answer["value"].take();
        assert!(value.get("error").is_none_or(Value::is_null), "{method} {path}: {value}");
        value
    }

    fn post(&self, command: &str, body: &Value) -> Value {
        self.call("POST", &format!("/session/{}/{command}", self.session), body)
    }

    /// Opens a file, at a fragment. It is loaded anew: a page of it that was there before
    /// would stand for a moment, and could be taken for the one that is asked for.
    pub(crate) fn open(&self, file: &Path, fragment: &str) {
        self.post("url", &json!({"url": "about:blank"}));
        self.post("url", &json!({"url": format!("file://{}{fragment}", file.display())}));
    }

    /// What a function of that body returns.
    pub(crate) fn script(&self, body: &str) -> Value {
        self.post("execute/sync", &json!({"script": body, "args": []}))
    }

    pub(crate) fn text(&self, css: &str) -> String {
        let found = self.script(&format!("return document.querySelector({})?.innerText ?? null", json!(css)));
        found.as_str().unwrap_or_else(|| panic!("no {css} on {}", self.address())).to_owned()
    }

    pub(crate) fn address(&self) -> String {
        self.script("return location.hash").as_str().expect("a text").to_owned()
    }

    fn element(&self, css: &str) -> String {
        let found = self.post("element", &json!({"using": "css selector", "value": css}));
        found[ELEMENT].as_str().expect("an element").to_owned()
    }

    /// As a person would: scrolled to, and with nothing lying over it.
    pub(crate) fn click(&self, css: &str) {
        let element = self.element(css);
        self.post(&format!("element/{element}/click"), &json!({}));
    }

    pub(crate) fn click_link(&self, text: &str) {
        let found = self.post("element", &json!({"using": "link text", "value": text}));
        let element = found[ELEMENT].as_str().expect("an element");
        self.post(&format!("element/{element}/click"), &json!({}));
    }

    pub(crate) fn type_into(&self, css: &str, text: &str) {
        let element = self.element(css);
        self.post(&format!("element/{element}/value"), &json!({"text": text}));
    }

    /// Keys to whatever has the focus.
    pub(crate) fn press(&self, keys: &str) {
        let events: Vec<Value> = keys
            .chars()
            .flat_map(|key| {
                [json!({"type": "keyDown", "value": key}), json!({"type": "keyUp", "value": key})]
            })
            .collect();
        self.post("actions", &json!({"actions": [{"type": "key", "id": "keyboard", "actions": events}]}));
    }

    /// Waits until a script says true.
    pub(crate) fn wait(&self, what: &str, condition: &str) {
        let until = Instant::now() + PATIENCE;
        while self.script(&format!("return Boolean({condition})")) != true {
            assert!(Instant::now() < until, "waited for {what} in vain on {}", self.address());
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// Waits until an element has that text in it. A page comes some time after a click.
    pub(crate) fn see(&self, css: &str, part: &str) {
        let (css, part) = (json!(css), json!(part));
        self.wait(
            &format!("{part} in {css}"),
            &format!("document.querySelector({css})?.innerText.includes({part})"),
        );
    }

    pub(crate) fn back(&self) {
        self.post("back", &json!({}));
    }

    /// What the console was told since it was last asked.
    pub(crate) fn console(&self) -> Vec<String> {
        let entries = self.post("se/log", &json!({"type": "browser"}));
        let entries = entries.as_array().expect("a list");
        entries.iter().map(|entry| entry["message"].as_str().unwrap_or_default().to_owned()).collect()
    }

    /// The addresses that were asked for since this was last called.
    pub(crate) fn requests(&self) -> Vec<String> {
        let entries = self.post("se/log", &json!({"type": "performance"}));
        let entries = entries.as_array().expect("a list");
        let events = entries.iter().map(|entry| {
            serde_json::from_str::<Value>(entry["message"].as_str().unwrap_or_default()).expect("JSON")
        });
        events
            .filter(|event| event["message"]["method"] == "Network.requestWillBeSent")
            .map(|event| event["message"]["params"]["request"]["url"].as_str().unwrap_or_default().to_owned())
            .filter(|address| address != "about:blank")
            .collect()
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        if !self.session.is_empty() && !std::thread::panicking() {
            self.call("DELETE", &format!("/session/{}", self.session), &json!({}));
        }
        let _ = self.driver.kill();
        let _ = self.driver.wait();
    }
}
