//! Firefox.

use std::ops::Deref;
use std::path::Path;
use std::process::Command;

use serde_json::{Map, Value, json};
use xtask::browser::Firefox as Programs;

use crate::webdriver::{Session, started};

/// A running Firefox; dropping it ends the browser and removes the profile that GeckoDriver made for it.
pub struct Firefox {
    session: Session,
}

/// Functions that all browsers share. GeckoDriver offers no logs and no commands of its own.
impl Deref for Firefox {
    type Target = Session;

    fn deref(&self) -> &Session {
        &self.session
    }
}

impl Firefox {
    /// Starts a headless browser with a fresh profile and these preferences of `about:config`.
    pub fn start(preferences: &[(&str, Value)], downloads: &Path) -> Self {
        let programs = Programs::find().expect("Firefox and GeckoDriver: run `cargo xtask test`");
        let own = [
            ("browser.download.folderList", json!(2)), // the folder that is named:
            ("browser.download.dir", json!(downloads)),
        ];
        let all = own.iter().chain(preferences);
        let all: Map<_, _> = all
            .map(|(name, value)| (name.to_string(), value.clone()))
            .collect();
        let capabilities = json!({
            "moz:firefoxOptions": {
                "binary": programs.firefox,
                "args": ["-headless"],
                "prefs": all,
            },
        });
        let port = |line: &str| {
            let (_, port) = line.split_once("Listening on 127.0.0.1:")?;
            port.trim().parse().ok()
        };
        // Free ports, so that several browsers can run at a time.
        let mut driver = Command::new(&programs.driver);
        driver.args(["--port", "0", "--websocket-port", "0"]);
        let session = Session::start(|| started(&mut driver, port), capabilities);
        Self { session }
    }
}
