//! Bundles scripts: `bundler/bundle.js`, run by Node.js.

use std::collections::BTreeMap;
use std::io::Write;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use anyhow::{Context, ensure};
use serde::{Deserialize, Serialize};

use crate::node;

/// A set of scripts that share modules.
#[derive(Debug, Default, Serialize)]
pub struct Job {
    /// Scripts that a page or another program loads, by name.
    pub entries: BTreeMap<String, PathBuf>,
    /// The folder to write to.
    pub folder: PathBuf,
    /// Path in that folder of an entry's module, with `[name]` and perhaps `[hash]`.
    pub entry_names: String,
    /// The same for modules that are shared, or imported dynamically.
    pub chunk_names: String,
    /// Entries whose statically imported scripts are put into one module, each with other scripts; what these import,
    /// too, is put into a second module, `shared`.
    pub whole: BTreeMap<String, Vec<PathBuf>>,
    /// New paths of files whose addresses scripts contain, by their old ones.
    pub renamed: BTreeMap<String, String>,
    /// Scripts to take for others.
    pub replaced: BTreeMap<PathBuf, PathBuf>,
}

/// A written module.
#[derive(Debug, Deserialize)]
pub struct Module {
    /// Name of the entry, if it is one.
    pub entry: Option<String>,
    /// Path in the job's folder.
    pub file: String,
    /// Paths of the modules that it imports statically.
    pub imports: Vec<String>,
    /// The exports of an entry's script; its module may have more, for the job's other modules.
    pub exports: Vec<String>,
}

/// The modules of a job.
#[derive(Debug, Deserialize)]
#[serde(transparent)]
pub struct Modules(Vec<Module>);

impl Modules {
    /// The module of an entry, followed by all that it imports statically.
    pub fn of_entry(&self, entry: &str) -> anyhow::Result<Vec<String>> {
        let mut found = vec![self.entry(entry)?.file.clone()];
        let mut next = 0;
        while let Some(file) = found.get(next) {
            let module = self.0.iter().find(|module| module.file == *file);
            let imports = module.map_or(&[][..], |module| &module.imports);
            let new: Vec<_> = imports
                .iter()
                .filter(|file| !found.contains(file))
                .cloned()
                .collect();
            found.extend(new);
            next += 1;
        }
        Ok(found)
    }

    /// The exports of an entry's script, sorted.
    pub fn exports(&self, entry: &str) -> anyhow::Result<Vec<String>> {
        let mut names = self.entry(entry)?.exports.clone();
        names.sort();
        Ok(names)
    }

    fn entry(&self, name: &str) -> anyhow::Result<&Module> {
        let is_it = |module: &&Module| module.entry.as_deref() == Some(name);
        let found = self.0.iter().find(is_it);
        found.with_context(|| format!("the bundler wrote no module for {name}"))
    }
}

/// The folder of the bundler and of the other programs in `bundler/package.json`, which are installed if necessary.
pub fn tools() -> anyhow::Result<PathBuf> {
    let source = crate::root().join("xtask/bundler");
    let folder = node::install(&source, "bundler")?;
    std::fs::copy(source.join("bundle.js"), folder.join("bundle.js"))?;
    Ok(folder)
}

/// Writes the modules of each job.
pub fn run(jobs: &[Job]) -> anyhow::Result<Vec<Modules>> {
    let script = tools()?.join("bundle.js");
    let mut node = Command::new("node")
        .arg(&script)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .context("node cannot be started: install Node.js")?;
    let mut input = node.stdin.take().context("node has no input")?;
    input.write_all(&serde_json::to_vec(jobs)?)?;
    drop(input);
    let output = node.wait_with_output()?;
    ensure!(output.status.success(), "{} failed", script.display());
    serde_json::from_slice(&output.stdout).context("the bundler's answer is not a list of modules")
}
