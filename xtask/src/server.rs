//! A static file server on the loopback interface.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use anyhow::Context;
use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::Request;
use axum::http::{HeaderValue, header};
use axum::middleware::{Next, from_fn};
use axum::serve::ListenerExt;
use tokio::net::TcpListener;
use tokio::runtime::{Builder, Runtime};
use tower_http::services::ServeDir;
use tower_http::set_header::SetResponseHeaderLayer;

use crate::hosting::{IMMUTABLE, REVALIDATED};
use crate::site::HASHED;

/// The folders to serve, and the CSP.
#[derive(Clone, Debug, Default)]
pub struct Site {
    mounts: Vec<(String, PathBuf)>,
    policy: Option<HeaderValue>,
    is_open: bool,
    is_published: bool,
}

/// A request that the server has received.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// `GET`, `POST`, …
    pub method: String,
    /// Path and query.
    pub url: String,
    /// The body, such as a CSP violation report.
    pub body: String,
}

type Log = Arc<Mutex<Vec<Entry>>>;

impl Site {
    /// Serves a folder under this path, which starts and ends with `/`.
    pub fn mount(mut self, prefix: &str, folder: PathBuf) -> Self {
        self.mounts.push((prefix.to_string(), folder));
        self
    }

    /// Sends this `Content-Security-Policy` with every answer.
    pub fn with_policy(mut self, policy: &str) -> anyhow::Result<Self> {
        self.policy = Some(policy.parse()?);
        Ok(self)
    }

    /// Allows pages of other origins to read all files, as CDNs do.
    pub fn open_to_other_origins(mut self) -> Self {
        self.is_open = true;
        self
    }

    /// Sends the caches' headers and the compressed files of `cargo xtask dist`, as hosts do.
    pub fn published(mut self) -> Self {
        self.is_published = true;
        self
    }

    fn router(self, log: Log) -> Router {
        let mut router = Router::new();
        for (prefix, folder) in self.mounts {
            let mut files = ServeDir::new(folder);
            if self.is_published {
                files = files.precompressed_br().precompressed_gzip();
            }
            router = match prefix.as_str() {
                "/" => router.fallback_service(files),
                _ => router.nest_service(&prefix, files),
            };
        }
        let set = SetResponseHeaderLayer::overriding;
        router = match self.is_published {
            true => router.layer(from_fn(cache_as_published)),
            // Files change during development; modification dates only count whole seconds.
            false => router.layer(set(
                header::CACHE_CONTROL,
                Some(HeaderValue::from_static("no-store")),
            )),
        };
        router = router.layer(set(header::CONTENT_SECURITY_POLICY, self.policy));
        let any = self.is_open.then(|| HeaderValue::from_static("*"));
        router = router.layer(set(header::ACCESS_CONTROL_ALLOW_ORIGIN, any));
        router.layer(from_fn(move |request, next| {
            remember(log.clone(), request, next)
        }))
    }
}

async fn cache_as_published(request: Request, next: Next) -> axum::response::Response {
    let mut folders = request.uri().path().split('/').rev().skip(1);
    let value = match folders.any(|name| HASHED.contains(&name)) {
        true => IMMUTABLE,
        false => REVALIDATED,
    };
    let mut response = next.run(request).await;
    let headers = response.headers_mut();
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static(value));
    response
}

const LONGEST_BODY: usize = 1 << 16;

async fn remember(log: Log, request: Request, next: Next) -> axum::response::Response {
    let (parts, body) = request.into_parts();
    // Ignore a body that is too long or incomplete: the server only serves files.
    let body = to_bytes(body, LONGEST_BODY).await.unwrap_or_default();
    let entry = Entry {
        method: parts.method.to_string(),
        url: parts.uri.to_string(),
        body: String::from_utf8_lossy(&body).into_owned(),
    };
    log.lock()
        .unwrap_or_else(PoisonError::into_inner)
        .push(entry);
    next.run(Request::from_parts(parts, Body::from(body))).await
}

/// A running server, which ends when it is dropped.
pub struct Server {
    runtime: Runtime,
    address: SocketAddr,
    log: Log,
}

const FIRST_PORT: u16 = 8080;

impl Server {
    /// Serves on 127.0.0.1: on `port` if it is given (0 for any free port), otherwise on the first free port from 8080.
    pub fn start(site: Site, port: Option<u16>) -> anyhow::Result<Self> {
        let runtime = Builder::new_multi_thread()
            .worker_threads(2)
            .enable_io()
            .build()?;
        let bind = |port| runtime.block_on(TcpListener::bind((Ipv4Addr::LOCALHOST, port)));
        let listener = match port {
            Some(port) => bind(port).with_context(|| format!("cannot serve on port {port}"))?,
            None => (FIRST_PORT..FIRST_PORT + 100)
                .find_map(|port| bind(port).ok())
                .context("the ports 8080 to 8179 are all taken: choose one with --port")?,
        };
        let address = listener.local_addr()?;
        let log = Log::default();
        let router = site.router(log.clone());
        // Send small answers at once, instead of waiting for acknowledgements (Nagle's algorithm).
        let listener = listener.tap_io(|connection| {
            let _ = connection.set_nodelay(true);
        });
        runtime.spawn(async { axum::serve(listener, router).await });
        Ok(Self {
            runtime,
            address,
            log,
        })
    }

    /// The URL of a mounted path, such as `/`.
    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// The requests so far, in order.
    pub fn requests(&self) -> Vec<Entry> {
        self.log
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// Serves until the process ends.
    pub fn wait(self) {
        self.runtime.block_on(std::future::pending())
    }
}

#[cfg(test)]
mod tests {
    use std::io::{Read, Write};
    use std::net::TcpStream;

    use super::*;

    fn ask(server: &Server, request: &str) -> String {
        ask_with(server, request, "Accept: */*")
    }

    fn ask_with(server: &Server, request: &str, header: &str) -> String {
        let mut stream = TcpStream::connect(server.address).unwrap();
        write!(
            stream,
            "{request} HTTP/1.1\r\nHost: x\r\n{header}\r\nConnection: close\r\n\r\n"
        )
        .unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        answer
    }

    #[test]
    fn serves_a_folder_under_a_path_and_nothing_outside_of_it() {
        let site = Site::default()
            .mount("/some/where/", crate::root().join("xtask"))
            .with_policy("default-src 'self'")
            .unwrap();
        let server = Server::start(site, Some(0)).unwrap();
        let answer = ask(&server, "GET /some/where/Cargo.toml?query");
        assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
        for line in [
            "cache-control: no-store",
            "content-security-policy: default-src 'self'",
            "name = \"xtask\"",
        ] {
            assert!(answer.contains(line), "{line} is missing from {answer}");
        }
        for url in [
            "/Cargo.toml",
            "/some/where/../Cargo.toml",
            "/some/where/src/../../Cargo.toml",
            "/some/where/%2e%2e/Cargo.toml",
            "/some/where//etc/hostname",
            "/some/where/missing",
        ] {
            let answer = ask(&server, &format!("GET {url}"));
            assert!(answer.starts_with("HTTP/1.1 404"), "{url}: {answer}");
        }
        let first = server.requests().remove(0);
        assert_eq!(
            (first.method.as_str(), first.url.as_str()),
            ("GET", "/some/where/Cargo.toml?query")
        );
    }

    #[test]
    fn a_published_site_is_compressed_and_cached() {
        let folder = tempfile::tempdir().unwrap();
        for (name, text) in [
            ("index.html", "page"),
            ("assets/a-1.js", "script"),
            ("assets/a-1.js.br", "brotli"),
            ("assets/a-1.js.gz", "gzip"),
        ] {
            crate::files::write(&folder.path().join(name), text.as_bytes()).unwrap();
        }
        let site = Site::default().mount("/uprez/", folder.path().to_path_buf());
        let server = Server::start(site.published(), Some(0)).unwrap();
        for (path, accepted, cache, text) in [
            ("index.html", "br", REVALIDATED, "page"),
            ("assets/a-1.js", "gzip, br", IMMUTABLE, "brotli"),
            ("assets/a-1.js", "gzip", IMMUTABLE, "gzip"),
            ("assets/a-1.js", "identity", IMMUTABLE, "script"),
        ] {
            let header = format!("Accept-Encoding: {accepted}");
            let answer = ask_with(&server, &format!("GET /uprez/{path}"), &header);
            assert!(
                answer.contains(&format!("cache-control: {cache}\r\n")),
                "{answer}"
            );
            assert!(answer.ends_with(&format!("\r\n\r\n{text}")), "{answer}");
            let script = answer.contains("content-type: text/javascript");
            assert_eq!(script, path.ends_with(".js"), "{answer}");
        }
    }
}
