//! Memory use of the browser's renderer processes, read from Linux's `/proc`.

use std::fs;
use std::path::PathBuf;

use anyhow::{Context, ensure};

use crate::webdriver::Session;

/// The renderer processes of a browser.
pub struct Renderers(Vec<PathBuf>);

impl Renderers {
    /// The renderers of this browser that are running now.
    pub fn of(session: &Session) -> anyhow::Result<Self> {
        let driver = u64::from(session.driver_process());
        let mut renderers = Vec::new();
        for entry in fs::read_dir("/proc").context("there is no /proc")? {
            let folder = entry?.path();
            // A process may end in the meantime, and not every entry of /proc is a process.
            let Ok(line) = fs::read_to_string(folder.join("cmdline")) else {
                continue;
            };
            // Chromium rewrites its command line with spaces instead of NUL characters.
            let mut words = line.split(['\0', ' ']);
            if words.any(|word| word == "--type=renderer") && descends(&folder, driver) {
                renderers.push(folder);
            }
        }
        ensure!(!renderers.is_empty(), "the browser has no renderers");
        Ok(Self(renderers))
    }

    /// Resident memory, in bytes.
    pub fn resident(&self) -> anyhow::Result<u64> {
        self.sum("VmRSS:")
    }

    /// Sum of the processes' peak resident memory since [`Renderers::forget_peak`], in bytes.
    pub fn peak(&self) -> anyhow::Result<u64> {
        self.sum("VmHWM:")
    }

    /// Resets [`Renderers::peak`].
    pub fn forget_peak(&self) -> anyhow::Result<()> {
        for folder in &self.0 {
            // See `man proc_pid_clear_refs`.
            fs::write(folder.join("clear_refs"), "5")?;
        }
        Ok(())
    }

    fn sum(&self, key: &str) -> anyhow::Result<u64> {
        let mut bytes = 0;
        for folder in &self.0 {
            let status = fs::read_to_string(folder.join("status"))?;
            bytes += value(&status, key).with_context(|| format!("no {key} in {folder:?}"))? << 10;
        }
        Ok(bytes)
    }
}

/// Whether a process descends from the one with the id `of`.
fn descends(folder: &PathBuf, of: u64) -> bool {
    let parent = |folder: &PathBuf| {
        let status = fs::read_to_string(folder.join("status")).ok()?;
        value(&status, "PPid:")
    };
    let mut ancestor = parent(folder);
    while let Some(id) = ancestor.filter(|id| *id > 0) {
        if id == of {
            return true;
        }
        ancestor = parent(&PathBuf::from(format!("/proc/{id}")));
    }
    false
}

/// Reads a number from a status file; sizes are given in KiB.
fn value(status: &str, key: &str) -> Option<u64> {
    let rest = status.lines().find_map(|line| line.strip_prefix(key))?;
    rest.split_whitespace().next()?.parse().ok()
}
