//! WebKit, as WebKitGTK's MiniBrowser: the engine of Safari, with GTK and Linux around it.

use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::ops::Deref;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use serde_json::json;
use xtask::browser::Webkit as Programs;

use crate::webdriver::{Session, started};

/// A running MiniBrowser; dropping it ends the browser and the display.
pub struct Webkit {
    session: Session,
    // Declared after the session, because the browser has to end before its display.
    _display: Display,
}

/// Functions that all browsers share. WebKitWebDriver offers no logs and no commands of its own.
impl Deref for Webkit {
    type Target = Session;

    fn deref(&self) -> &Session {
        &self.session
    }
}

/// An X server without a screen: MiniBrowser cannot run without a window.
struct Display(Child);

impl Drop for Display {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

impl Webkit {
    /// Starts a browser whose home folder is `downloads`.
    pub fn start(downloads: &Path) -> Self {
        let programs = Programs::find().expect("WebKitGTK: run `cargo xtask test`");
        let mut server = Command::new(&programs.display);
        server.args(["-displayfd", "1", "-screen", "0", "1280x1024x24"]);
        server.args(["-nolisten", "tcp"]);
        let number = |line: &str| line.trim().parse().ok();
        let (display, number) = started(&mut server, number).expect("an X server has a number");
        let display = Display(display);
        let start = || listening(&programs.driver, number, downloads);
        let session = Session::start(start, json!({}));
        Self {
            session,
            _display: display,
        }
    }
}

/// Starts the driver on a free port; `None` if it has ended at once. It prints no port, so it has to be told one.
fn listening(driver: &Path, display: u16, downloads: &Path) -> Option<(Child, u16)> {
    let free = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let port = free.local_addr().unwrap().port();
    drop(free);
    let mut driver = Command::new(driver)
        .arg(format!("--port={port}"))
        .env("DISPLAY", format!(":{display}"))
        .env("GDK_BACKEND", "x11")
        // Without a folder for downloads, they go to the user's folder.
        .env("HOME", downloads)
        .env_remove("XDG_CONFIG_HOME")
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    while TcpStream::connect((Ipv4Addr::LOCALHOST, port)).is_err() {
        if driver.try_wait().unwrap().is_some() {
            return None;
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    Some((driver, port))
}
