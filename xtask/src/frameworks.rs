//! The npm packages in a project of each bundler and framework: `tests/frameworks`, run by the browser's tests.

use crate::run::{cargo, run as run_command};
use crate::{browser, dist, tools};

/// Builds the packages, and runs the tests of all projects, or of those named.
pub fn run(only: &[String]) -> anyhow::Result<()> {
    browser::ensure(true, false)?;
    tools::ensure_target()?;
    dist::build(&tools::wasm_bindgen()?)?;
    let mut tests = cargo();
    tests.args([
        "test",
        "--workspace",
        "--features",
        "tests/browser",
        "--test",
        "browser",
    ]);
    // Most are ignored otherwise, since npm takes long to install them.
    tests.args(["--", "--include-ignored", "--test-threads", "1"]);
    match only {
        [] => tests.arg("frameworks::"),
        names => tests.args(names.iter().map(|name| format!("frameworks::{name}"))),
    };
    run_command(&mut tests)
}
