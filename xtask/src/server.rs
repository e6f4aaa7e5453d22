//! A static file server for this machine only.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Component, Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;

use anyhow::{Context, anyhow};
use tiny_http::{Header, Request, Response, StatusCode};

/// What is served, and how.
#[derive(Clone, Debug)]
pub struct Site {
    folder: PathBuf,
    prefix: String,
    headers: Vec<(String, String)>,
}

impl Site {
    /// A folder, served as the whole site.
    pub fn new(folder: PathBuf) -> Self {
        Self {
            folder,
            prefix: "/".to_string(),
            headers: Vec::new(),
        }
    }

    /// Serves the folder under this path, which starts and ends with `/`.
    pub fn under(self, prefix: &str) -> Self {
        Self {
            prefix: prefix.to_string(),
            ..self
        }
    }

    /// Adds a header to every answer.
    pub fn with_header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_string(), value.to_string()));
        self
    }

    /// The file for a URL's path; `None` for what lies outside of the folder.
    fn file(&self, url: &str) -> Option<PathBuf> {
        let path = url.split(['?', '#']).next()?;
        let path = decode(path)?;
        let relative = Path::new(path.strip_prefix(&self.prefix)?);
        let inside = relative
            .components()
            .all(|part| matches!(part, Component::Normal(_)));
        let file = self.folder.join(relative);
        let file = if file.is_dir() {
            file.join("index.html")
        } else {
            file
        };
        (inside && file.is_file()).then_some(file)
    }
}

/// Undoes a URL's percent signs.
fn decode(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        bytes.push(match byte {
            b'%' => {
                let digits = [rest.next()?, rest.next()?];
                u8::from_str_radix(std::str::from_utf8(&digits).ok()?, 16).ok()?
            }
            other => other,
        });
    }
    String::from_utf8(bytes).ok()
}

/// A running server; it ends when it is dropped.
pub struct Server {
    server: Arc<tiny_http::Server>,
    threads: Vec<JoinHandle<()>>,
    address: SocketAddr,
    prefix: String,
    requests: Arc<Mutex<Vec<String>>>,
}

/// Where a server without a wish for a port starts looking.
const FIRST_PORT: u16 = 8080;

impl Server {
    /// Serves on 127.0.0.1; without `port` on the first free one from 8080, with 0 on any.
    pub fn start(site: Site, port: Option<u16>) -> anyhow::Result<Self> {
        let bind = |port| tiny_http::Server::http((Ipv4Addr::LOCALHOST, port));
        let server = match port {
            Some(port) => bind(port).map_err(|e| anyhow!("cannot serve on port {port}: {e}"))?,
            None => (FIRST_PORT..FIRST_PORT + 100)
                .find_map(|port| bind(port).ok())
                .context("the ports 8080 to 8179 are all taken: choose one with --port")?,
        };
        let address = server
            .server_addr()
            .to_ip()
            .context("the server has no address")?;
        let server = Arc::new(server);
        let requests = Arc::new(Mutex::new(Vec::new()));
        let threads = (0..4)
            .map(|_| {
                let (server, site, requests) = (server.clone(), site.clone(), requests.clone());
                std::thread::spawn(move || {
                    while let Ok(request) = server.recv() {
                        if let Ok(mut requests) = requests.lock() {
                            requests.push(request.url().to_string());
                        }
                        answer(request, &site);
                    }
                })
            })
            .collect();
        Ok(Self {
            server,
            threads,
            address,
            prefix: site.prefix,
            requests,
        })
    }

    /// The address of the site's first page.
    pub fn url(&self) -> String {
        format!("http://{}{}", self.address, self.prefix)
    }

    /// The paths that were asked for so far.
    pub fn requests(&self) -> Vec<String> {
        self.requests
            .lock()
            .map(|requests| requests.clone())
            .unwrap_or_default()
    }

    /// Serves until the process ends.
    pub fn wait(mut self) {
        for thread in self.threads.drain(..) {
            // A thread that panicked has said so already.
            let _ = thread.join();
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        for _ in &self.threads {
            self.server.unblock();
        }
    }
}

fn answer(request: Request, site: &Site) {
    let file = site.file(request.url());
    let bytes = file.as_deref().map(std::fs::read);
    let header = |name: &str, value: &str| Header::from_bytes(name, value).ok();
    let mut response = match (file, bytes) {
        (Some(file), Some(Ok(bytes))) => {
            let response = Response::from_data(bytes);
            match header("Content-Type", mime(&file)) {
                Some(header) => response.with_header(header),
                None => response,
            }
        }
        _ => Response::from_data("not found").with_status_code(StatusCode(404)),
    };
    // What is being worked on must never be stale.
    let always = [("Cache-Control".to_string(), "no-cache".to_string())];
    for (name, value) in always.iter().chain(&site.headers) {
        if let Some(header) = header(name, value) {
            response.add_header(header);
        }
    }
    // Whoever asked may have gone; nobody else has to know.
    let _ = request.respond(response);
}

fn mime(file: &Path) -> &'static str {
    let ending = file.extension().and_then(|ending| ending.to_str());
    match ending.unwrap_or_default() {
        "html" => "text/html; charset=utf-8",
        "js" => "text/javascript; charset=utf-8",
        "css" => "text/css; charset=utf-8",
        "json" => "application/json",
        "md" => "text/plain; charset=utf-8",
        "svg" => "image/svg+xml",
        "png" => "image/png",
        "jpg" => "image/jpeg",
        "webp" => "image/webp",
        "wasm" => "application/wasm",
        _ => "application/octet-stream",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_outside_of_the_folder_is_served() {
        let site = Site::new(crate::root().join("xtask")).under("/some/where/");
        assert!(site.file("/some/where/Cargo.toml").is_some());
        assert!(site.file("/some/where/src/../Cargo.toml?x").is_none());
        for url in [
            "/Cargo.toml",
            "/some/where/../Cargo.toml",
            "/some/where/%2e%2e/Cargo.toml",
            "/%",
        ] {
            assert!(site.file(url).is_none(), "{url}");
        }
    }
}
