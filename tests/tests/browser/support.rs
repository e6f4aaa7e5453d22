//! A server, a browser, and pictures to give them.

use std::io::{BufRead, BufReader};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use fantoccini::wd::{Capabilities, WebDriverCompatibleCommand};
use fantoccini::{Client, ClientBuilder};
use serde_json::{Value, json};
use tempfile::TempDir;
use xtask::server::{Server, Site};
use xtask::test::CHROME_FLAGS;

/// What the page has to be content with.
pub const CSP: &str = "default-src 'self'; script-src 'self' 'wasm-unsafe-eval'";

/// Whether the browser has WebGPU, on SwiftShader.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum WebGpu {
    On,
    Off,
}

/// A browser on the page, which is served from a sub-folder and under [`CSP`].
pub struct Session {
    pub client: Client,
    pub server: Server,
    pub folder: TempDir,
    driver: Child,
}

impl Session {
    /// Opens the page.
    pub async fn start(webgpu: WebGpu) -> Self {
        let site = Site::new(xtask::root().join("www"))
            .under("/some/where/")
            .with_header("Content-Security-Policy", CSP);
        let server = Server::start(site, Some(0)).unwrap();
        let folder = tempfile::tempdir().unwrap();
        let mut driver = Command::new(variable("UPREZ_CHROMEDRIVER"))
            .arg("--port=0")
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(driver.stdout.take().unwrap()).lines();
        let port = lines
            .find_map(|line| {
                let line = line.unwrap();
                let (_, port) = line.split_once("successfully on port ")?;
                port.trim_end_matches('.').parse::<u16>().ok()
            })
            .expect("ChromeDriver says its port");
        // Somebody has to read on, or the driver stops when the pipe is full.
        std::thread::spawn(move || lines.for_each(drop));

        let profile = folder.path().join("profile");
        let mut flags: Vec<String> = CHROME_FLAGS.map(String::from).into();
        if webgpu == WebGpu::Off {
            flags.retain(|flag| !flag.contains("webgpu") && !flag.contains("Vulkan"));
            flags.push("--disable-features=WebGPU".into());
        }
        flags.push(format!("--user-data-dir={}", profile.display()));
        flags.push("--window-size=1200,1000".into());
        let capabilities = json!({
            "goog:chromeOptions": { "binary": variable("UPREZ_CHROME"), "args": flags },
            "goog:loggingPrefs": { "browser": "ALL" },
        });
        let Value::Object(capabilities) = capabilities else {
            unreachable!()
        };
        let client = ClientBuilder::new(hyper_util_connector())
            .capabilities(capabilities as Capabilities)
            .connect(&format!("http://127.0.0.1:{port}"))
            .await
            .unwrap();
        let mut timeouts = client.get_timeouts().await.unwrap();
        timeouts.set_script(Some(Duration::from_secs(240)));
        client.update_timeouts(timeouts).await.unwrap();
        client.goto(&server.url()).await.unwrap();
        Self {
            client,
            server,
            folder,
            driver,
        }
    }

    /// Runs an asynchronous function's body in the page; what it returns comes back.
    ///
    /// `load` is the public module's; `args` are the arguments. An error comes back as an object
    /// with `name`, `code` and `message`.
    pub async fn run(&self, body: &str, args: Vec<Value>) -> Value {
        let script = format!(
            "window.result = undefined;
             const args = [...arguments];
             (async () => {{
               const {{ load }} = await import(new URL('uprez.js', document.baseURI));
               const bytes = (text) => Uint8Array.from(atob(text), (c) => c.charCodeAt(0));
               const base64 = (data) => {{
                 let text = '';
                 for (let i = 0; i < data.length; i += 8192) text += String.fromCharCode(...data.subarray(i, i + 8192));
                 return btoa(text);
               }};
               {body}
             }})().then(
               (value) => {{ window.result = {{ value }}; }},
               (e) => {{ window.result = {{ value: {{ name: e.name, code: e.code, message: e.message }} }}; }},
             );"
        );
        // Asked for again and again: a driver that waits for a promise itself has hung.
        self.client.execute(&script, args).await.unwrap();
        self.wait_until("window.result").await;
        self.value("window.result.value").await
    }

    /// Writes a file that the page can be given.
    pub fn file(&self, name: &str, bytes: &[u8]) -> PathBuf {
        let path = self.folder.path().join(name);
        std::fs::write(&path, bytes).unwrap();
        path
    }

    /// Chooses a file in the page's picker.
    pub async fn choose(&self, path: &std::path::Path) {
        let input = self
            .client
            .find(fantoccini::Locator::Id("file"))
            .await
            .unwrap();
        input.send_keys(&path.to_string_lossy()).await.unwrap();
    }

    /// Waits until a script's expression is true.
    pub async fn wait_until(&self, expression: &str) {
        let script = format!("return Boolean({expression})");
        for _ in 0..1200 {
            if self.client.execute(&script, vec![]).await.unwrap() == json!(true) {
                return;
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        let text = self.value("document.body.innerText").await;
        panic!(
            "still not true after two minutes: {expression}\n{text}\n{:?}",
            self.console().await
        );
    }

    /// The value of a script's expression.
    pub async fn value(&self, expression: &str) -> Value {
        let script = format!("return {expression}");
        self.client.execute(&script, vec![]).await.unwrap()
    }

    /// What the browser has complained of so far.
    pub async fn console(&self) -> Vec<String> {
        let log = self.client.issue_cmd(BrowserLog).await.unwrap();
        let entries = log.as_array().cloned().unwrap_or_default();
        entries
            .iter()
            .map(|entry| entry["message"].to_string())
            .collect()
    }

    /// Writes a screenshot to `target/screenshots`.
    pub async fn screenshot(&self, name: &str) {
        let folder = xtask::root().join("target/screenshots");
        std::fs::create_dir_all(&folder).unwrap();
        let png = self.client.screenshot().await.unwrap();
        std::fs::write(folder.join(format!("{name}.png")), png).unwrap();
    }

    /// Sends a command of Chrome's own protocol.
    pub async fn chrome(&self, command: &str, parameters: Value) {
        let command = json!({ "cmd": command, "params": parameters });
        self.client.issue_cmd(ChromeCommand(command)).await.unwrap();
    }

    pub async fn close(self) {
        self.client.clone().close().await.unwrap();
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        // Ends the browser with it, also when a test has failed.
        let _ = self.driver.kill();
        let _ = self.driver.wait();
    }
}

fn variable(name: &str) -> String {
    std::env::var(name)
        .unwrap_or_else(|_| panic!("{name} is not set: run `cargo xtask test --only browser`"))
}

fn hyper_util_connector() -> hyper_util::client::legacy::connect::HttpConnector {
    hyper_util::client::legacy::connect::HttpConnector::new()
}

#[derive(Debug)]
struct BrowserLog;

impl WebDriverCompatibleCommand for BrowserLog {
    fn endpoint(
        &self,
        base: &url::Url,
        session: Option<&str>,
    ) -> Result<url::Url, url::ParseError> {
        base.join(&format!("session/{}/se/log", session.unwrap_or_default()))
    }

    fn method_and_body(&self, _: &url::Url) -> (http::Method, Option<String>) {
        (
            http::Method::POST,
            Some(json!({ "type": "browser" }).to_string()),
        )
    }
}

#[derive(Debug)]
struct ChromeCommand(Value);

impl WebDriverCompatibleCommand for ChromeCommand {
    fn endpoint(
        &self,
        base: &url::Url,
        session: Option<&str>,
    ) -> Result<url::Url, url::ParseError> {
        base.join(&format!(
            "session/{}/goog/cdp/execute",
            session.unwrap_or_default()
        ))
    }

    fn method_and_body(&self, _: &url::Url) -> (http::Method, Option<String>) {
        (http::Method::POST, Some(self.0.to_string()))
    }
}
