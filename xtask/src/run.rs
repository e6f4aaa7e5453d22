//! Running other programs.

use std::ffi::OsStr;
use std::process::{Command, Stdio};

use anyhow::{Context, ensure};

/// Runs a program to its end; a failure is an error that names it.
pub fn run(command: &mut Command) -> anyhow::Result<()> {
    let text = describe(command);
    let status = command
        .status()
        .with_context(|| format!("cannot start {text}"))?;
    ensure!(status.success(), "{text} failed");
    Ok(())
}

/// What a program prints, or `None` where it can't be started or fails.
pub fn output(command: &mut Command) -> Option<String> {
    let output = command.stderr(Stdio::null()).output().ok()?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    output.status.success().then_some(text)
}

/// A command as one would type it.
pub fn describe(command: &Command) -> String {
    let args = command.get_args().map(OsStr::to_string_lossy);
    let words: Vec<_> = std::iter::once(command.get_program().to_string_lossy())
        .chain(args)
        .collect();
    words.join(" ")
}

/// Cargo, in the workspace's folder, as from a shell.
pub fn cargo() -> Command {
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or("cargo".into()));
    command.current_dir(crate::root());
    // `cargo xtask` names its own package in these. Build scripts look at them (ring's does), and
    // half of Burn would be compiled anew whenever Cargo is called from there and from a shell in turn.
    for (name, _) in std::env::vars_os() {
        let text = name.to_string_lossy();
        if text.starts_with("CARGO_PKG_") || text.starts_with("CARGO_MANIFEST_") {
            command.env_remove(&name);
        }
    }
    command
}
