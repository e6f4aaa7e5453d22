//! Chromium, and functions that only Chromium has.

use std::ops::Deref;
use std::path::Path;
use std::process::Command;

use serde_json::{Value, json};
use tempfile::TempDir;
use xtask::browser::{Browser, FLAGS};

use crate::webdriver::{Session, started};

/// A running Chromium; dropping it ends the browser and removes its profile.
pub struct Chrome {
    session: Session,
    // Declared after the session, because the browser has to end before its profile is removed.
    _profile: TempDir,
}

/// Functions that all browsers share.
impl Deref for Chrome {
    type Target = Session;

    fn deref(&self) -> &Session {
        &self.session
    }
}

impl Chrome {
    /// Starts a browser with a fresh profile, with these flags and those of `xtask::browser`.
    pub fn start(flags: &[&str], downloads: &Path) -> Self {
        let browser = Browser::find().expect("Chromium and ChromeDriver: run `cargo xtask test`");
        let profile = tempfile::tempdir().unwrap();
        let mut args: Vec<String> = FLAGS.iter().chain(flags).map(ToString::to_string).collect();
        args.push(format!("--user-data-dir={}", profile.path().display()));
        let capabilities = json!({
            "goog:chromeOptions": {
                "binary": browser.chrome,
                "args": args,
                "prefs": { "download.default_directory": downloads },
            },
            "goog:loggingPrefs": { "browser": "ALL", "performance": "ALL" },
        });
        let port = |line: &str| {
            let (_, port) = line.split_once("started successfully on port ")?;
            port.trim_end_matches('.').parse().ok()
        };
        let mut driver = Command::new(&browser.driver);
        driver.arg("--port=0");
        let session = Session::start(|| started(&mut driver, port), capabilities);
        Self {
            session,
            _profile: profile,
        }
    }

    /// Runs a command of the Chrome DevTools Protocol (<https://chromedevtools.github.io/devtools-protocol/>).
    pub fn cdp(&self, command: &str, params: Value) -> Value {
        self.post(
            "/goog/cdp/execute",
            json!({ "cmd": command, "params": params }),
        )
    }

    /// Entries of a log (`browser` or `performance`) since the last call.
    pub fn log(&self, kind: &str) -> Vec<String> {
        let entries = self.post("/se/log", json!({ "type": kind }));
        let entries = entries.as_array().cloned().unwrap_or_default();
        let message = |entry: &Value| entry["message"].as_str().map(str::to_string);
        entries.iter().filter_map(message).collect()
    }

    /// URLs that the page has requested since the last call.
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
}
