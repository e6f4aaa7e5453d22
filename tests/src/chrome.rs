//! Chromium, driven over WebDriver (<https://www.w3.org/TR/webdriver2/>).

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use serde_json::{Value, json};
use tempfile::TempDir;
use xtask::browser::{Browser, FLAGS};

/// A running browser; it ends, with its profile, when it is dropped.
pub struct Chrome {
    driver: Child,
    agent: ureq::Agent,
    session: String,
    _profile: TempDir,
}

/// How long a script may run before the browser gives up on it, in ms.
const SCRIPT_TIMEOUT_MS: u64 = 240_000;

/// By this key WebDriver tells elements from other objects.
const ELEMENT: &str = "element-6066-11e4-a52e-4f735466cecf";

impl Chrome {
    /// Starts a browser with a fresh profile, and the flags of `xtask::browser` beside these.
    pub fn start(flags: &[&str], downloads: &Path) -> Self {
        let browser = Browser::find().expect("Chromium and ChromeDriver: run `cargo xtask test`");
        let profile = tempfile::tempdir().unwrap();
        let mut driver = Command::new(&browser.driver)
            .arg("--port=0")
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let lines = BufReader::new(driver.stdout.take().unwrap()).lines();
        let port = lines.map_while(Result::ok).find_map(|line| {
            let (_, port) = line.split_once("started successfully on port ")?;
            port.trim_end_matches('.').parse::<u16>().ok()
        });
        let port = port.expect("ChromeDriver names the port that it listens on");
        let agent = ureq::Agent::config_builder()
            .http_status_as_error(false)
            .build()
            .into();
        let mut chrome = Self {
            driver,
            agent,
            session: format!("http://127.0.0.1:{port}/session"),
            _profile: profile,
        };
        let mut args: Vec<String> = FLAGS.iter().chain(flags).map(ToString::to_string).collect();
        args.push(format!(
            "--user-data-dir={}",
            chrome._profile.path().display()
        ));
        let capabilities = json!({
            "goog:chromeOptions": {
                "binary": browser.chrome,
                "args": args,
                "prefs": { "download.default_directory": downloads },
            },
            "goog:loggingPrefs": { "browser": "ALL", "performance": "ALL" },
            "timeouts": { "script": SCRIPT_TIMEOUT_MS },
        });
        let answer = chrome.post(
            "",
            json!({ "capabilities": { "alwaysMatch": capabilities } }),
        );
        let id = answer["sessionId"].as_str().expect("a session has an id");
        chrome.session = format!("{}/{id}", chrome.session);
        chrome
    }

    fn post(&self, path: &str, body: Value) -> Value {
        let url = format!("{}{path}", self.session);
        let mut response = self.agent.post(&url).send_json(&body).unwrap();
        let status = response.status();
        let mut answer: Value = response
            .body_mut()
            .with_config()
            .limit(1 << 30)
            .read_json()
            .unwrap();
        let value = answer["value"].take();
        assert!(
            status.is_success(),
            "{path}: {}",
            value["message"].as_str().unwrap_or_default()
        );
        value
    }

    /// Opens an address.
    pub fn go(&self, url: &str) {
        self.post("/url", json!({ "url": url }));
    }

    /// Runs the body of an asynchronous function; `args` are its `arguments`. What it returns comes
    /// back, what it throws is a panic here.
    pub fn run(&self, body: &str, args: &[Value]) -> Value {
        let script = format!("return (async function () {{ {body} }}).apply(null, arguments);");
        self.post("/execute/sync", json!({ "script": script, "args": args }))
    }

    /// Waits until an expression is true.
    pub fn wait_until(&self, expression: &str, patience: Duration) {
        let start = Instant::now();
        while self.run(&format!("return Boolean({expression});"), &[]) != json!(true) {
            assert!(
                start.elapsed() < patience,
                "for {patience:?} not: {expression}"
            );
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    fn element(&self, css: &str) -> String {
        let answer = self.post("/element", json!({ "using": "css selector", "value": css }));
        answer[ELEMENT]
            .as_str()
            .expect("an element has an id")
            .to_string()
    }

    /// Clicks where a person would.
    pub fn click(&self, css: &str) {
        self.post(&format!("/element/{}/click", self.element(css)), json!({}));
    }

    /// Types into an element; into an input for files it puts a path.
    pub fn type_into(&self, css: &str, text: &str) {
        let path = format!("/element/{}/value", self.element(css));
        self.post(&path, json!({ "text": text }));
    }

    /// Presses keys, one after the other, wherever the focus is. Special keys stand in
    /// <https://www.w3.org/TR/webdriver2/#keyboard-actions>.
    pub fn press(&self, keys: &[char]) {
        let actions = keys.iter().flat_map(|key| {
            ["keyDown", "keyUp"].map(|kind| json!({ "type": kind, "value": key.to_string() }))
        });
        let actions: Vec<_> = actions.collect();
        let device = json!({ "type": "key", "id": "keyboard", "actions": actions });
        self.post("/actions", json!({ "actions": [device] }));
    }

    /// Drags a `mouse` or a finger (`touch`) from one place of the window to another, in CSS pixels.
    pub fn drag(&self, pointer: &str, from: [i64; 2], to: [i64; 2]) {
        let at =
            |[x, y]: [i64; 2]| json!({ "type": "pointerMove", "x": x, "y": y, "duration": 50 });
        let button = |kind| json!({ "type": kind, "button": 0 });
        let device = json!({
            "type": "pointer",
            "id": pointer,
            "parameters": { "pointerType": pointer },
            "actions": [at(from), button("pointerDown"), at(to), button("pointerUp")],
        });
        self.post("/actions", json!({ "actions": [device] }));
    }

    /// A command of Chrome's own protocol (<https://chromedevtools.github.io/devtools-protocol/>).
    pub fn cdp(&self, command: &str, params: Value) -> Value {
        self.post(
            "/goog/cdp/execute",
            json!({ "cmd": command, "params": params }),
        )
    }

    /// What was logged since this was asked the last time: `browser` or `performance`.
    pub fn log(&self, kind: &str) -> Vec<String> {
        let entries = self.post("/se/log", json!({ "type": kind }));
        let entries = entries.as_array().cloned().unwrap_or_default();
        let message = |entry: &Value| entry["message"].as_str().map(str::to_string);
        entries.iter().filter_map(message).collect()
    }

    /// The addresses that the page asked for since this was asked the last time.
    pub fn requests(&self) -> Vec<String> {
        let entries = self.log("performance").into_iter();
        let urls = entries.filter_map(|entry| {
            let entry: Value = serde_json::from_str(&entry).ok()?;
            let (method, params) = (&entry["message"]["method"], &entry["message"]["params"]);
            let url = match method.as_str()? {
                "Network.requestWillBeSent" => &params["request"]["url"],
                "Network.webSocketCreated" => &params["url"],
                _ => return None,
            };
            Some(url.as_str()?.to_string())
        });
        urls.collect()
    }

    fn get(&self, path: &str) -> Value {
        let mut response = self
            .agent
            .get(format!("{}{path}", self.session))
            .call()
            .unwrap();
        response.body_mut().read_json::<Value>().unwrap()["value"].take()
    }

    /// What the window shows, as PNG.
    pub fn screenshot(&self) -> Vec<u8> {
        let answer = self.get("/screenshot");
        BASE64_STANDARD
            .decode(answer.as_str().unwrap_or_default())
            .unwrap()
    }
}

impl Drop for Chrome {
    fn drop(&mut self) {
        // Ends the browser, which would outlive its driver; it may have ended by itself.
        let _ = self.agent.delete(&self.session).call();
        let _ = self.driver.kill();
        let _ = self.driver.wait();
    }
}
