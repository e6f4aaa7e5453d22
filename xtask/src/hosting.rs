//! Files for hosts: the list of all files with their hashes, settings for caches, and compressed copies.

use std::hash::{DefaultHasher, Hasher};
use std::io::Write;
use std::path::{Path, PathBuf};

use anyhow::Context;
use flate2::Compression;
use flate2::write::GzEncoder;
use serde_json::json;

use crate::files::{files, integrity, names, read, write, write_json};
use crate::site::HASHED;

/// Endings of compressed copies, and their content encodings.
const ENCODINGS: [(&str, &str); 2] = [("br", "br"), ("gz", "gzip")];

/// Endings of files that are compressed already.
const DENSE: [&str; 3] = ["png", "webp", "jpg"];

/// A copy has to be smaller than the file by this factor.
const WORTH: f64 = 0.9;

/// Writes `files.json`: the paths, sizes and SRI hashes of all files so far, which the page's service worker caches, and
/// a version, which is a hash of them.
pub fn list_files(folder: &Path) -> anyhow::Result<()> {
    let mut hasher = DefaultHasher::new();
    let mut list = Vec::new();
    for name in names(folder)? {
        let bytes = read(&folder.join(&name))?;
        hasher.write(name.as_bytes());
        hasher.write(&bytes);
        list.push(json!({ "path": name, "bytes": bytes.len(), "integrity": integrity(&bytes) }));
    }
    let version = format!("{:016x}", hasher.finish());
    write_json(
        &folder.join("files.json"),
        &json!({ "version": version, "files": list }),
    )
}

/// Value of `Cache-Control` for files that never change, because their names contain a hash of their contents.
pub const IMMUTABLE: &str = "public, max-age=31536000, immutable";

/// Value of `Cache-Control` for all others: browsers ask whether there is a new one.
pub const REVALIDATED: &str = "no-cache";

/// Writes the settings of hosts that read them from a file.
pub fn write_settings(folder: &Path) -> anyhow::Result<()> {
    // Netlify and Cloudflare Pages.
    let rule = |name: &str| format!("/{name}/*\n  Cache-Control: {IMMUTABLE}\n");
    let headers: String = HASHED.map(rule).concat();
    write(&folder.join("_headers"), headers.as_bytes())?;

    let rule = |name: &str| {
        json!({
            "source": format!("/{name}/(.*)"),
            "headers": [{ "key": "Cache-Control", "value": IMMUTABLE }],
        })
    };
    write_json(
        &folder.join("vercel.json"),
        &json!({ "headers": HASHED.map(rule) }),
    )?;

    let any = HASHED.join("|");
    write(&folder.join(".htaccess"), apache(&any).as_bytes())?;

    let nginx = format!(
        "# nginx, in the `http` block:\n\
         map $uri $uprez_cache {{\n\
         \x20   default \"{REVALIDATED}\";\n\
         \x20   ~/({any})/ \"{IMMUTABLE}\";\n\
         }}\n\
         # and in the `location` that serves the folder (the second line needs the module ngx_brotli):\n\
         #     gzip_static on;\n\
         #     brotli_static on;\n\
         #     add_header Cache-Control $uprez_cache;\n"
    );
    write(&folder.join("nginx.conf"), nginx.as_bytes())
}

/// Types of files with compressed copies, by ending. Apache would take the copies for files of another type.
const TYPES: [(&str, &str); 8] = [
    ("bpk", "application/octet-stream"),
    ("css", "text/css"),
    ("html", "text/html; charset=utf-8"),
    ("js", "text/javascript"),
    ("json", "application/json"),
    ("svg", "image/svg+xml"),
    ("wasm", "application/wasm"),
    ("webmanifest", "application/manifest+json"),
];

/// Settings for Apache; `hashed` matches the folders of files that never change.
fn apache(hashed: &str) -> String {
    let mut text = format!(
        "# For Apache with mod_headers; mod_rewrite sends the compressed copies.\n\
         AddType application/wasm .wasm\n\
         <IfModule mod_headers.c>\n\
         Header set Cache-Control \"{REVALIDATED}\"\n\
         Header set Cache-Control \"{IMMUTABLE}\" \"expr=%{{REQUEST_URI}} =~ m#/({hashed})/#\"\n\
         <IfModule mod_rewrite.c>\n\
         RewriteEngine On\n"
    );
    for (ending, encoding) in ENCODINGS {
        text += &format!(
            "RewriteCond %{{HTTP:Accept-Encoding}} \\b{encoding}\\b\n\
             RewriteCond %{{REQUEST_FILENAME}}.{ending} -f\n\
             RewriteRule ^(.+)$ $1.{ending} [L,E=no-gzip:1,E=no-brotli:1]\n"
        );
    }
    for (ending, kind) in TYPES {
        text += &format!(
            "<FilesMatch \"\\.{ending}\\.(br|gz)$\">\nForceType \"{kind}\"\n</FilesMatch>\n"
        );
    }
    for (ending, encoding) in ENCODINGS {
        text += &format!(
            "<FilesMatch \"\\.{ending}$\">\nHeader set Content-Encoding {encoding}\n\
             Header append Vary Accept-Encoding\n</FilesMatch>\n"
        );
    }
    text + "</IfModule>\n</IfModule>\n"
}

/// Whether a file is the compressed copy of another one.
pub fn is_compressed(name: &str) -> bool {
    let has = |(ending, _): &(&str, &str)| name.ends_with(&format!(".{ending}"));
    ENCODINGS.iter().any(has)
}

/// Writes copies of files compressed with Brotli and gzip beside them, where that makes them smaller.
pub fn compress(folder: &Path) -> anyhow::Result<()> {
    let files = files(folder)?;
    let is_dense = |path: &Path| {
        DENSE
            .iter()
            .any(|it| path.extension().is_some_and(|found| found == *it))
    };
    let files: Vec<_> = files.into_iter().filter(|path| !is_dense(path)).collect();
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    let next = std::sync::atomic::AtomicUsize::new(0);
    std::thread::scope(|scope| {
        let work = || {
            while let Some(path) =
                files.get(next.fetch_add(1, std::sync::atomic::Ordering::Relaxed))
            {
                compress_file(path)?;
            }
            anyhow::Ok(())
        };
        let running: Vec<_> = (0..threads).map(|_| scope.spawn(work)).collect();
        running
            .into_iter()
            .try_for_each(|thread| thread.join().expect("no panic"))
    })
}

fn compress_file(path: &Path) -> anyhow::Result<()> {
    let bytes = read(path)?;
    for ((ending, _), compressed) in ENCODINGS.into_iter().zip([brotli(&bytes)?, gzip(&bytes)?]) {
        if (compressed.len() as f64) < WORTH * bytes.len() as f64 {
            write(&copy_of(path, ending), &compressed)?;
        }
    }
    Ok(())
}

fn copy_of(path: &Path, ending: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(format!(".{ending}"));
    name.into()
}

/// Bytes of a file of the site: as it is, with gzip, and with Brotli.
pub fn sizes(path: &Path) -> anyhow::Result<[usize; 3]> {
    let size = |path: &Path| std::fs::metadata(path).map(|it| it.len() as usize);
    let raw = size(path).with_context(|| format!("no {}", path.display()))?;
    let copy = |ending| size(&copy_of(path, ending)).unwrap_or(raw);
    Ok([raw, copy("gz"), copy("br")])
}

fn gzip(bytes: &[u8]) -> anyhow::Result<Vec<u8>> {
    let mut gzip = GzEncoder::new(Vec::new(), Compression::best());
    gzip.write_all(bytes)?;
    Ok(gzip.finish()?)
}

/// The best quality; two levels less for files of more than [`LARGE`] bytes, which would take minutes.
const BROTLI_QUALITY: [u32; 2] = [11, 9];
const LARGE: usize = 2_000_000;
const BROTLI_WINDOW: u32 = 22;

fn brotli(bytes: &[u8]) -> anyhow::Result<Vec<u8>> {
    let quality = BROTLI_QUALITY[usize::from(bytes.len() > LARGE)];
    let mut brotli = brotli::CompressorWriter::new(Vec::new(), 1 << 16, quality, BROTLI_WINDOW);
    brotli.write_all(bytes)?;
    Ok(brotli.into_inner())
}
