//! Runs other programs.

use std::ffi::OsStr;
use std::process::{Command, Stdio};

use anyhow::{Context, ensure};

/// Runs a program to its end; the error of a failure contains the command.
pub fn run(command: &mut Command) -> anyhow::Result<()> {
    let text = describe(command);
    let status = command
        .status()
        .with_context(|| format!("cannot start {text}"))?;
    ensure!(status.success(), "{text} failed");
    Ok(())
}

/// Standard output of a program; `None` if it cannot be started or fails.
pub fn output(command: &mut Command) -> Option<String> {
    let output = command.stderr(Stdio::null()).output().ok()?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    output.status.success().then_some(text)
}

/// The command as it would be typed in a shell.
pub fn describe(command: &Command) -> String {
    let args = command.get_args().map(OsStr::to_string_lossy);
    let words: Vec<_> = std::iter::once(command.get_program().to_string_lossy())
        .chain(args)
        .collect();
    words.join(" ")
}

/// Cargo in the workspace's folder, with the environment of a shell.
pub fn cargo() -> Command {
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or("cargo".into()));
    command.current_dir(crate::root());
    // `cargo xtask` sets these variables for its own package. Build scripts (such as ring's) depend on them, so half of
    // Burn would be recompiled whenever Cargo runs alternately from here and from a shell.
    for (name, _) in std::env::vars_os() {
        let text = name.to_string_lossy();
        if text.starts_with("CARGO_PKG_") || text.starts_with("CARGO_MANIFEST_") {
            command.env_remove(&name);
        }
    }
    command
}
