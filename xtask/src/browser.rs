//! The browsers for tests: finds them, or installs them if it runs as root.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::bail;

use crate::run::{output, run};
use crate::tools;

/// Chromium and its driver, for tests, benchmarks and screenshots of the page.
#[derive(Clone, Debug)]
pub struct Browser {
    /// Chromium or Chrome.
    pub chrome: PathBuf,
    /// ChromeDriver.
    pub driver: PathBuf,
}

/// Firefox and its driver, for tests of the module in a second JavaScript engine.
#[derive(Clone, Debug)]
pub struct Firefox {
    /// Firefox, or Debian's Firefox ESR.
    pub firefox: PathBuf,
    /// GeckoDriver, in a version that supports this Firefox.
    pub driver: PathBuf,
}

/// WebKitGTK's MiniBrowser, for tests in the engine of Safari. There are drivers for it on Linux only.
#[derive(Clone, Debug)]
pub struct Webkit {
    /// WebKitWebDriver, which starts the MiniBrowser that it belongs to.
    pub driver: PathBuf,
    /// Xvfb, an X server without a screen: MiniBrowser needs one.
    pub display: PathBuf,
}

/// Flags for a headless browser that sends no requests of its own.
pub const FLAGS: [&str; 9] = [
    "--headless=new",
    // Chromium's sandbox does not work for root, the usual user in containers.
    "--no-sandbox",
    // /dev/shm is often too small for large images in containers.
    "--disable-dev-shm-usage",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-default-apps",
    "--disable-sync",
];

/// Flags that enable WebGPU without a GPU: SwiftShader computes on the CPU.
pub const SOFTWARE_WEBGPU_FLAGS: [&str; 3] = [
    "--enable-unsafe-webgpu",
    "--use-webgpu-adapter=swiftshader",
    "--enable-features=Vulkan",
];

const CHROMES: [&str; 6] = [
    "chromium",
    "chromium-browser",
    "google-chrome",
    "google-chrome-stable",
    "chrome",
    "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
];

const FIREFOXES: [&str; 3] = [
    "firefox",
    "firefox-esr",
    "/Applications/Firefox.app/Contents/MacOS/firefox",
];

impl Browser {
    /// The programs named by `CHROME` and `CHROMEDRIVER`, or those on the PATH; `None` if either is missing.
    pub fn find() -> Option<Self> {
        Some(Self {
            chrome: named("CHROME").or_else(|| CHROMES.iter().find_map(find_program))?,
            driver: named("CHROMEDRIVER").or_else(|| find_program("chromedriver"))?,
        })
    }
}

impl Firefox {
    /// The programs named by `FIREFOX` and `GECKODRIVER`, or Firefox on the PATH and the GeckoDriver installed by
    /// cargo; `None` if either is missing.
    pub fn find() -> Option<Self> {
        let installed = || {
            tools::path("geckodriver")
                .ok()
                .filter(|path| path.is_file())
        };
        Some(Self {
            firefox: find_firefox()?,
            driver: named("GECKODRIVER").or_else(installed)?,
        })
    }
}

impl Webkit {
    /// The program named by `WEBKITWEBDRIVER`, or the one on the PATH, and Xvfb; `None` if either is missing.
    pub fn find() -> Option<Self> {
        Some(Self {
            driver: named("WEBKITWEBDRIVER").or_else(|| find_program("WebKitWebDriver"))?,
            display: find_program("Xvfb")?,
        })
    }
}

fn find_firefox() -> Option<PathBuf> {
    named("FIREFOX").or_else(|| FIREFOXES.iter().find_map(find_program))
}

fn named(variable: &str) -> Option<PathBuf> {
    std::env::var_os(variable).map(PathBuf::from)
}

/// Makes sure that a browser and a Vulkan driver are installed, if they are wanted.
///
/// Installs them with apt-get if it runs as root; otherwise, the error contains the command to run.
pub fn ensure(wants_browser: bool, wants_vulkan: bool) -> anyhow::Result<()> {
    let ready =
        || (!wants_browser || Browser::find().is_some()) && (!wants_vulkan || has_vulkan_driver());
    let mut packages = match is_ubuntu() {
        true => vec!["chromium-browser", "chromium-chromedriver"],
        false => vec!["chromium", "chromium-driver"],
    };
    packages.push("mesa-vulkan-drivers");
    provide(
        ready,
        &packages,
        "Chromium or Chrome, its ChromeDriver, and a Vulkan driver (a software one will do)",
        "CHROME and CHROMEDRIVER may name the two programs",
    )
}

/// Makes sure that Firefox and GeckoDriver are installed. Debian does not package GeckoDriver, so cargo compiles it.
pub fn ensure_firefox() -> anyhow::Result<()> {
    let package = if is_ubuntu() {
        "firefox"
    } else {
        "firefox-esr"
    };
    provide(
        || find_firefox().is_some(),
        &[package],
        "Firefox",
        "FIREFOX may name the program, and GECKODRIVER its driver",
    )?;
    if named("GECKODRIVER").is_none() {
        tools::geckodriver()?;
    }
    Ok(())
}

/// Makes sure that WebKitGTK's MiniBrowser with its driver and Xvfb are installed.
pub fn ensure_webkit() -> anyhow::Result<()> {
    provide(
        || Webkit::find().is_some(),
        &["webkit2gtk-driver", "xvfb"],
        "WebKitGTK's driver and Xvfb",
        "WEBKITWEBDRIVER may name the driver",
    )
}

/// Installs packages of Debian or Ubuntu unless `ready` returns true already. Fails if they cannot be installed, or if
/// `ready` still returns false.
fn provide(
    ready: impl Fn() -> bool,
    packages: &[&str],
    needed: &str,
    elsewhere: &str,
) -> anyhow::Result<()> {
    if ready() {
        return Ok(());
    }
    let line = format!(
        "apt-get update && apt-get install --yes --no-install-recommends {}",
        packages.join(" ")
    );
    let is_root = output(Command::new("id").arg("-u")).is_some_and(|id| id.trim() == "0");
    if find_program("apt-get").is_some() && is_root {
        eprintln!("Installing {}", packages.join(", "));
        run(Command::new("sh")
            .args(["-c", &line])
            .env("DEBIAN_FRONTEND", "noninteractive"))?;
    }
    if ready() {
        return Ok(());
    }
    bail!(
        "the tests need {needed}.\nOn Debian or Ubuntu type:\n\n    sudo sh -c '{line}'\n\n\
         Elsewhere install what is missing by hand; {elsewhere}."
    )
}

fn is_ubuntu() -> bool {
    let release = std::fs::read_to_string("/etc/os-release").unwrap_or_default();
    release.lines().any(|line| line == "ID=ubuntu")
}

/// Only Linux needs a Vulkan driver: other systems come with a graphics interface.
fn has_vulkan_driver() -> bool {
    let is_linux = cfg!(target_os = "linux");
    let folders = ["/usr/share/vulkan/icd.d", "/etc/vulkan/icd.d"];
    let mut lists = folders
        .iter()
        .filter_map(|folder| std::fs::read_dir(folder).ok());
    !is_linux || lists.any(|mut list| list.next().is_some())
}

/// Finds a program on the PATH, or by its absolute path.
fn find_program(name: impl AsRef<Path>) -> Option<PathBuf> {
    let name = name.as_ref();
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path)
        // Joining an absolute path to a folder yields the absolute path.
        .map(|folder| {
            folder
                .join(name)
                .with_extension(std::env::consts::EXE_EXTENSION)
        })
        .find(|path| path.is_file())
}
