//! The browser that tests run in: found, or installed where that can be done without asking.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::bail;

use crate::run::{output, run};

/// A browser and its driver.
#[derive(Clone, Debug)]
pub struct Browser {
    /// Chromium or Chrome.
    pub chrome: PathBuf,
    /// Its ChromeDriver.
    pub driver: PathBuf,
}

/// Flags for a browser without a window that keeps quiet on the network.
pub const FLAGS: [&str; 9] = [
    "--headless=new",
    // Chromium refuses to run as root, as containers do, inside its sandbox.
    "--no-sandbox",
    // Containers give /dev/shm too little for large pictures.
    "--disable-dev-shm-usage",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-default-apps",
    "--disable-sync",
];

/// Flags that give WebGPU to a machine without a GPU: SwiftShader computes on the CPU.
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

impl Browser {
    /// What `CHROME` and `CHROMEDRIVER` name, or what lies on the PATH; `None` where either is missing.
    pub fn find() -> Option<Self> {
        let named = |variable| std::env::var_os(variable).map(PathBuf::from);
        Some(Self {
            chrome: named("CHROME").or_else(|| CHROMES.iter().find_map(find_program))?,
            driver: named("CHROMEDRIVER").or_else(|| find_program("chromedriver"))?,
        })
    }
}

/// Makes sure that there are a browser and a Vulkan driver, as far as each is `wanted`.
///
/// They are installed where apt-get can do it without asking; otherwise the error is the line to type.
pub fn ensure(wants_browser: bool, wants_vulkan: bool) -> anyhow::Result<()> {
    let ready =
        || (!wants_browser || Browser::find().is_some()) && (!wants_vulkan || has_vulkan_driver());
    if ready() {
        return Ok(());
    }
    let line = format!(
        "apt-get update && apt-get install --yes --no-install-recommends {}",
        packages().join(" ")
    );
    let is_root = output(Command::new("id").arg("-u")).is_some_and(|id| id.trim() == "0");
    if find_program("apt-get").is_some() && is_root {
        eprintln!("Installing {}", packages().join(", "));
        run(Command::new("sh")
            .args(["-c", &line])
            .env("DEBIAN_FRONTEND", "noninteractive"))?;
    }
    if ready() {
        return Ok(());
    }
    bail!(
        "the tests need Chromium or Chrome, its ChromeDriver, and a Vulkan driver (a software one \
         will do).\nOn Debian or Ubuntu type:\n\n    sudo sh -c '{line}'\n\n\
         Elsewhere install them by hand; CHROME and CHROMEDRIVER may name the two programs."
    )
}

/// What comes from outside of cargo, as packages of Debian or Ubuntu.
fn packages() -> [&'static str; 3] {
    let release = std::fs::read_to_string("/etc/os-release").unwrap_or_default();
    if release.lines().any(|line| line == "ID=ubuntu") {
        [
            "chromium-browser",
            "chromium-chromedriver",
            "mesa-vulkan-drivers",
        ]
    } else {
        ["chromium", "chromium-driver", "mesa-vulkan-drivers"]
    }
}

/// Elsewhere than on Linux the system brings a graphics interface of its own.
fn has_vulkan_driver() -> bool {
    let is_linux = cfg!(target_os = "linux");
    let folders = ["/usr/share/vulkan/icd.d", "/etc/vulkan/icd.d"];
    let mut lists = folders
        .iter()
        .filter_map(|folder| std::fs::read_dir(folder).ok());
    !is_linux || lists.any(|mut list| list.next().is_some())
}

/// A program on the PATH, or by its whole path.
fn find_program(name: impl AsRef<Path>) -> Option<PathBuf> {
    let name = name.as_ref();
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path)
        // A whole path replaces the folder that it is joined to.
        .map(|folder| {
            folder
                .join(name)
                .with_extension(std::env::consts::EXE_EXTENSION)
        })
        .find(|path| path.is_file())
}
