//! Peers that are installed from PyPI.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, ensure};

/// Interpreter of the benchmark's virtual environment, `target/bench-venv`.
pub struct Python(PathBuf);

impl Python {
    /// Creates the virtual environment if it does not exist, and installs those of the packages that are missing.
    pub fn with(packages: &[&str]) -> anyhow::Result<Self> {
        let folder = xtask::target_dir()?.join("bench-venv");
        let python = Self(folder.join("bin/python"));
        if !python.0.exists() {
            let made = Command::new("python3")
                .args(["-m", "venv"])
                .arg(&folder)
                .status()
                .context("python3 is missing: the benchmark's peers need Python 3 with venv")?;
            ensure!(
                made.success(),
                "python3 -m venv failed: the benchmark's peers need Python 3 with venv"
            );
        }
        let missing = |package: &&str| python.run(&["-c", &format!("import {package}")]).is_err();
        let missing: Vec<&str> = packages.iter().copied().filter(missing).collect();
        if !missing.is_empty() {
            eprintln!(
                "Installing {} from PyPI into {} (once)",
                missing.join(", "),
                folder.display()
            );
            let install = ["-m", "pip", "install", "--quiet"];
            python.run(&[&install[..], &missing].concat())?;
        }
        Ok(python)
    }

    /// Runs a script of `tests/bench`, and returns its output.
    pub fn script(&self, script: &str, args: &[&str]) -> anyhow::Result<String> {
        let path = xtask::root().join("tests/bench").join(script);
        self.run(&[&[text(&path)?], args].concat())
    }

    /// Runs a script that prints a number, and returns the number.
    pub fn number(&self, script: &str, args: &[&str]) -> anyhow::Result<f64> {
        let printed = self.script(script, args)?;
        let number = printed.trim().parse();
        number.with_context(|| format!("{script} printed `{}`", printed.trim()))
    }

    fn run(&self, args: &[&str]) -> anyhow::Result<String> {
        let output = Command::new(&self.0).args(args).output()?;
        ensure!(
            output.status.success(),
            "python {} failed:\n{}",
            args.join(" "),
            String::from_utf8_lossy(&output.stderr)
        );
        Ok(String::from_utf8_lossy(&output.stdout).into_owned())
    }
}

/// A path as a string argument; fails if it is not Unicode.
pub fn text(path: &Path) -> anyhow::Result<&str> {
    let text = path.to_str();
    text.with_context(|| format!("{} is no Unicode", path.display()))
}
