//! Controls browsers over WebDriver (<https://www.w3.org/TR/webdriver2/>): the functions that all browsers share.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use serde_json::{Value, json};

/// A running browser and its driver; dropping it ends both.
pub struct Session {
    driver: Child,
    agent: ureq::Agent,
    url: String,
}

const SCRIPT_TIMEOUT_MS: u64 = 240_000;

/// Key under which WebDriver stores the id of an element.
const ELEMENT: &str = "element-6066-11e4-a52e-4f735466cecf";

/// Starts of a driver before that is an error: two that start at the same time may choose the same port.
const TRIES: usize = 3;

/// Starts a program, and reads its port from its output; `None` if it has ended at once. `port` parses the port from a
/// line, if the line contains it.
pub(crate) fn started(
    program: &mut Command,
    port: impl Fn(&str) -> Option<u16>,
) -> Option<(Child, u16)> {
    let mut driver = program
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let lines = BufReader::new(driver.stdout.take().unwrap()).lines();
    let mut lines = lines.map_while(Result::ok);
    let Some(port) = lines.find_map(|line| port(&line)) else {
        // It has closed its output; whether it is still running does not matter.
        let _ = driver.kill();
        let _ = driver.wait();
        return None;
    };
    // Keep reading the driver's output: GeckoDriver panics if the pipe is closed, and blocks if it is full.
    std::thread::spawn(move || lines.for_each(drop));
    Some((driver, port))
}

impl Session {
    /// Starts a driver, which `start` returns with its port, and a browser with these capabilities.
    pub(crate) fn start(
        mut start: impl FnMut() -> Option<(Child, u16)>,
        mut capabilities: Value,
    ) -> Self {
        let (driver, port) = (0..TRIES)
            .find_map(|_| start())
            .expect("a driver names the port that it listens on");
        let agent = ureq::Agent::config_builder()
            .http_status_as_error(false)
            .build()
            .into();
        let mut session = Self {
            driver,
            agent,
            url: format!("http://127.0.0.1:{port}/session"),
        };
        capabilities["timeouts"] = json!({ "script": SCRIPT_TIMEOUT_MS });
        let answer = session.post(
            "",
            json!({ "capabilities": { "alwaysMatch": capabilities } }),
        );
        let id = answer["sessionId"].as_str().expect("a session has an id");
        session.url = format!("{}/{id}", session.url);
        session
    }

    /// The id of the driver's process, which the browser's processes descend from.
    pub fn driver_process(&self) -> u32 {
        self.driver.id()
    }

    pub(crate) fn post(&self, path: &str, body: Value) -> Value {
        let url = format!("{}{path}", self.url);
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

    fn get(&self, path: &str) -> Value {
        let url = format!("{}{path}", self.url);
        let mut response = self.agent.get(url).call().unwrap();
        response.body_mut().read_json::<Value>().unwrap()["value"].take()
    }

    /// Opens a URL.
    pub fn go(&self, url: &str) {
        self.post("/url", json!({ "url": url }));
    }

    /// Opens a new tab, and returns the handles of the current one and of the new one. The current one stays current.
    pub fn new_tab(&self) -> [String; 2] {
        let current = self.get("/window");
        let new = self.post("/window/new", json!({ "type": "tab" }))["handle"].take();
        [current, new].map(|handle| handle.as_str().expect("a tab has a handle").to_string())
    }

    /// Makes another tab the current one.
    pub fn switch_to(&self, handle: &str) {
        self.post("/window", json!({ "handle": handle }));
    }

    /// Runs the body of an asynchronous function with `args` as its `arguments`, and returns its result. Panics if it
    /// throws.
    pub fn run(&self, body: &str, args: &[Value]) -> Value {
        let script = format!("return (async function () {{ {body} }}).apply(null, arguments);");
        self.post("/execute/sync", json!({ "script": script, "args": args }))
    }

    /// Waits until an expression is true; panics after `patience`.
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

    /// Clicks on the element, as a user would.
    pub fn click(&self, css: &str) {
        self.post(&format!("/element/{}/click", self.element(css)), json!({}));
    }

    /// Types into an element; for a file input, the text is a path.
    pub fn type_into(&self, css: &str, text: &str) {
        let path = format!("/element/{}/value", self.element(css));
        self.post(&path, json!({ "text": text }));
    }

    /// Presses keys one after the other on the focused element. The codes of special keys are listed in
    /// <https://www.w3.org/TR/webdriver2/#keyboard-actions>.
    pub fn press(&self, keys: &[char]) {
        let actions = keys.iter().flat_map(|key| {
            ["keyDown", "keyUp"].map(|kind| json!({ "type": kind, "value": key.to_string() }))
        });
        let actions: Vec<_> = actions.collect();
        let device = json!({ "type": "key", "id": "keyboard", "actions": actions });
        self.post("/actions", json!({ "actions": [device] }));
    }

    /// Drags the `mouse` or a finger (`touch`) between two points of the window, in CSS pixels.
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

    /// Screenshot of the window, as PNG.
    pub fn screenshot(&self) -> Vec<u8> {
        let answer = self.get("/screenshot");
        BASE64_STANDARD
            .decode(answer.as_str().unwrap_or_default())
            .unwrap()
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        // Deleting the session ends the browser, which would outlive its driver. The browser may have ended already.
        let _ = self.agent.delete(&self.url).call();
        let _ = self.driver.kill();
        let _ = self.driver.wait();
    }
}
