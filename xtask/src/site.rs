//! The site for static hosts: its scripts bundled, and hashes of their contents in the names of files that pages load.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use anyhow::{Context, ensure};
use sha2::{Digest, Sha256};

use crate::bundle::{self, Job, Modules};
use crate::files::{copy, files, integrity, read, write};
use crate::wasm::BUILDS;

/// The folders whose files have a hash in their names. Addresses of files in scripts are relative to such a folder.
pub const HASHED: [&str; 3] = ["assets", "workers", "pkg"];

/// Scripts that pages load, by name.
const ENTRIES: [(&str, &str); 5] = [
    ("app", "app.js"),
    ("demo", "demo.js"),
    ("digits", "digits.js"),
    ("element", "element/element.js"),
    ("uprez", "lib/uprez.js"),
];

/// Scripts that other sites load, too, each with its types; a file of the same name without a hash imports each.
pub const PUBLIC: [(&str, &str); 2] = [
    ("uprez", "lib/uprez.d.ts"),
    ("element", "element/element.d.ts"),
];

/// A built site.
#[derive(Debug)]
pub struct Site {
    /// Its folder.
    pub folder: PathBuf,
    /// Paths of files with hashes, by their paths in `www`.
    pub renamed: BTreeMap<String, String>,
    modules: Modules,
}

impl Site {
    /// Paths of the modules of an entry such as `uprez`, without those that it imports dynamically.
    pub fn modules(&self, entry: &str) -> anyhow::Result<Vec<String>> {
        self.modules.of_entry(entry)
    }

    /// The path of a file of `www`.
    pub fn path(&self, name: &str) -> anyhow::Result<&str> {
        let path = self.renamed.get(name);
        Ok(path.with_context(|| format!("the site has no {name}"))?)
    }
}

/// Writes the site, without wasm builds being made.
pub fn build(www: &Path, folder: &Path) -> anyhow::Result<Site> {
    let mut renamed = BTreeMap::new();
    for build in BUILDS {
        let name = wasm_path(build.name);
        let bytes = read(&www.join(&name))?;
        let path = format!("pkg/{}/web_bg-{}.wasm", build.name, hash(&bytes));
        write(&folder.join(&path), &bytes)?;
        renamed.insert(name, path);
    }
    let builds = BUILDS.map(|build| build.name);
    let names: Vec<_> = builds.iter().copied().chain(["app"]).collect();
    renamed.extend(write_workers(
        www,
        folder,
        &names,
        "workers/[name]-[hash].js",
    )?);
    let modules = bundle::run(&[
        Job {
            entries: ENTRIES
                .map(|(name, path)| (name.into(), www.join(path)))
                .into(),
            folder: folder.into(),
            entry_names: "assets/[name]-[hash].js".into(),
            chunk_names: "assets/[name]-[hash].js".into(),
            whole: whole(www),
            renamed: renamed.clone(),
            ..Job::default()
        },
        Job {
            entries: [("sw".into(), www.join("sw.js"))].into(),
            folder: folder.into(),
            entry_names: "[name].js".into(),
            ..Job::default()
        },
    ])?;
    let [modules, _] = <[Modules; 2]>::try_from(modules)
        .ok()
        .context("one list for each job")?;
    write_public(www, folder, &modules)?;
    for path in files(www)? {
        let name = path.strip_prefix(www)?;
        if is_copied(name) {
            copy(&path, &folder.join(name))?;
        }
    }
    for path in files(www)?
        .iter()
        .filter(|path| path.extension().is_some_and(|it| it == "html"))
    {
        let text = String::from_utf8(read(path)?)?;
        let name = path
            .file_stem()
            .unwrap_or_default()
            .to_string_lossy()
            .into_owned();
        let page = Page {
            www,
            folder,
            name: &name,
            modules: &modules,
        };
        let text = page
            .rewritten(&text)
            .with_context(|| format!("{}", path.display()))?;
        write(&folder.join(path.strip_prefix(www)?), text.as_bytes())?;
    }
    Ok(Site {
        folder: folder.into(),
        renamed,
        modules,
    })
}

/// The library is in one module, and so is the element. An image that is kept from an earlier visit needs `sharpen.js`
/// with its imports, but not the library.
pub fn whole(www: &Path) -> BTreeMap<String, Vec<PathBuf>> {
    let sharpen = www.join("element/sharpen.js");
    [
        ("uprez".into(), vec![sharpen]),
        ("element".into(), Vec::new()),
    ]
    .into()
}

/// The path of a build's wasm in `www`.
pub fn wasm_path(build: &str) -> String {
    format!("pkg/{build}/web_bg.wasm")
}

/// Bundles workers, each in a module of its own; returns their paths by those in `www`.
pub fn write_workers(
    www: &Path,
    folder: &Path,
    names: &[&str],
    pattern: &str,
) -> anyhow::Result<BTreeMap<String, String>> {
    let path = |name: &str| format!("workers/{name}.js");
    let job = |name: &&str| Job {
        entries: [(name.to_string(), www.join(path(name)))].into(),
        folder: folder.into(),
        entry_names: pattern.into(),
        chunk_names: "workers/[name]-[hash].js".into(),
        ..Job::default()
    };
    let jobs: Vec<_> = names.iter().map(job).collect();
    let written = bundle::run(&jobs)?;
    let mut paths = BTreeMap::new();
    for (name, modules) in names.iter().zip(written) {
        let files = modules.of_entry(name)?;
        let [file] = files.as_slice() else {
            anyhow::bail!(
                "the worker {name} has several modules: {}",
                files.join(", ")
            );
        };
        paths.insert(path(name), file.clone());
    }
    Ok(paths)
}

/// Writes the modules that other sites import, under names without a hash, and their types.
pub fn write_public(www: &Path, folder: &Path, modules: &Modules) -> anyhow::Result<()> {
    for (name, types) in PUBLIC {
        let files = modules.of_entry(name)?;
        let names = modules.exports(name)?.join(",");
        // All of its modules, so that they are fetched at the same time.
        let others: String = files[1..]
            .iter()
            .map(|file| format!("import\"./{file}\";"))
            .collect();
        let text = format!("export{{{names}}}from\"./{}\";{others}", files[0]);
        write(&folder.join(format!("{name}.js")), text.as_bytes())?;
        let text = String::from_utf8(read(&www.join(types))?)?;
        let text = text.replace("\"../lib/uprez.js\"", "\"./uprez.js\"");
        write(&folder.join(format!("{name}.d.ts")), text.as_bytes())?;
    }
    Ok(())
}

/// Whether a file of `www` is part of the site as it is.
fn is_copied(name: &Path) -> bool {
    let is_other = ["js", "ts", "css", "html"]
        .iter()
        .any(|it| name.extension().is_some_and(|found| found == *it));
    let is_elsewhere = ["pkg", "npm", "README.md"]
        .iter()
        .any(|start| name.starts_with(start));
    !is_other && !is_elsewhere
}

/// The first digits of a hash, for names of files.
fn hash(bytes: &[u8]) -> String {
    Sha256::digest(bytes)[..4]
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect()
}

/// A page that is written.
struct Page<'a> {
    www: &'a Path,
    folder: &'a Path,
    name: &'a str,
    modules: &'a Modules,
}

impl Page<'_> {
    /// The page with its style sheets joined, its scripts bundled, and their hashes.
    fn rewritten(&self, html: &str) -> anyhow::Result<String> {
        let (mut styles, mut scripts) = (Vec::new(), Vec::new());
        let mut lines = Vec::new();
        let mut place = None;
        for line in html.lines() {
            let style = line.trim().strip_prefix("<link rel=\"stylesheet\" href=\"");
            let script = line.trim().strip_prefix("<script type=\"module\" src=\"");
            let list = match (style, script) {
                (Some(_), _) => &mut styles,
                (_, Some(_)) => &mut scripts,
                _ => {
                    lines.push(line.to_string());
                    continue;
                }
            };
            let url = style.or(script).and_then(|rest| rest.split('"').next());
            list.push(url.context("an address without its end")?);
            place.get_or_insert(lines.len());
        }
        let place = place.context("the page has no style sheet and no script")?;
        lines.splice(place..place, self.head(&styles, &scripts)?);
        Ok(lines.join("\n") + "\n")
    }

    fn head(&self, styles: &[&str], scripts: &[&str]) -> anyhow::Result<Vec<String>> {
        let mut css = Vec::new();
        for style in styles {
            css.extend(read(&self.www.join(style))?);
        }
        let path = format!("assets/{}-{}.css", self.name, hash(&css));
        write(&self.folder.join(&path), &css)?;
        let integrity = |path: &str| anyhow::Ok(integrity(&read(&self.folder.join(path))?));
        let mut lines = vec![format!(
            "<link rel=\"stylesheet\" href=\"{path}\" integrity=\"{}\" />",
            integrity(&path)?
        )];
        let (mut preloads, mut tags) = (Vec::new(), Vec::new());
        for script in scripts {
            let entry = ENTRIES.iter().find(|(_, path)| path == script);
            let (entry, _) = entry.with_context(|| format!("{script} is not bundled"))?;
            let files = self.modules.of_entry(entry)?;
            let first = &files[0];
            tags.push(format!(
                "<script type=\"module\" src=\"{first}\" integrity=\"{}\"></script>",
                integrity(first)?
            ));
            for file in &files[1..] {
                preloads.push(format!(
                    "<link rel=\"modulepreload\" href=\"{file}\" integrity=\"{}\" />",
                    integrity(file)?
                ));
            }
        }
        preloads.sort();
        preloads.dedup();
        lines.extend(preloads.into_iter().chain(tags));
        ensure!(!scripts.is_empty(), "the page has no script");
        Ok(lines
            .into_iter()
            .map(|line| format!("    {line}"))
            .collect())
    }
}
