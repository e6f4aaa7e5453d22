//! The main paths of module, element and app, the same in every browser.

mod app;
mod module;

use std::path::Path;

use image::RgbaImage;
use image::metadata::Orientation;
use tests::chrome::Chrome;
use tests::firefox::Firefox;
use tests::webkit::Webkit;
use xtask::browser::SOFTWARE_WEBGPU_FLAGS;

use crate::any_browser::{Browser, Visit};
use crate::fixture::{blocks_jpeg, with_orientation};
use crate::page::{PATIENCE, choose_tiny_model, set};
use crate::site::{Opened, PAGE, PLAIN};
use app::{
    the_app_explains_broken_files_and_cancels, the_app_imports_a_model_of_another_project,
    the_app_upscales_and_saves, the_app_works_offline, two_tabs_move_to_a_new_version,
};
use module::{
    the_element_shows_the_native_pixels, the_module_computes_the_native_pixels,
    the_module_encodes_what_the_browser_can,
};

/// Browser, and the engine that it runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Chromium,
    /// WebGPU on a software adapter.
    ChromiumWebGpu,
    Firefox,
    Webkit,
}

impl Kind {
    fn start(self, downloads: &Path) -> Browser {
        match self {
            Self::Chromium => Box::new(Chrome::start(&["--disable-features=WebGPU"], downloads)),
            Self::ChromiumWebGpu => Box::new(Chrome::start(&SOFTWARE_WEBGPU_FLAGS, downloads)),
            Self::Firefox => Box::new(Firefox::start(&[], downloads)),
            Self::Webkit => Box::new(Webkit::start(downloads)),
        }
    }

    fn open(self, path: &str) -> Visit {
        Visit::new(path, |downloads| self.start(downloads))
    }

    /// The app with a small model selected, and with the engine.
    fn open_app(self) -> Visit {
        let visit = self.open(PAGE);
        if self.engine() == "webgpu" {
            set(&visit, "engine", "webgpu");
        }
        choose_tiny_model(&visit);
        visit
    }

    fn engine(self) -> &'static str {
        match self {
            Self::ChromiumWebGpu => "webgpu",
            _ => "cpu",
        }
    }

    /// The canvas of WebKitGTK encodes no WebP.
    fn encodes_webp(self) -> bool {
        self != Self::Webkit
    }
}

/// One test per browser and path.
macro_rules! tests {
    ($browser:ident, $kind:ident: $($path:ident)*) => {
        mod $browser {
            use super::Kind;

            $(#[test]
            fn $path() {
                super::$path(Kind::$kind);
            })*
        }
    };
}

tests!(chromium, Chromium:
    the_module_computes_the_native_pixels
    the_module_encodes_what_the_browser_can
    the_element_shows_the_native_pixels
    the_app_upscales_and_saves
    the_app_explains_broken_files_and_cancels
    the_app_imports_a_model_of_another_project
    the_app_works_offline
    two_tabs_move_to_a_new_version);

// Image after image on a software adapter takes long; the paths that do not compute are the same.
tests!(chromium_webgpu, ChromiumWebGpu:
    the_module_computes_the_native_pixels
    the_app_upscales_and_saves
    the_app_explains_broken_files_and_cancels);

tests!(firefox, Firefox:
    the_module_computes_the_native_pixels
    the_module_encodes_what_the_browser_can
    the_element_shows_the_native_pixels
    the_app_upscales_and_saves
    the_app_explains_broken_files_and_cancels
    the_app_imports_a_model_of_another_project
    the_app_works_offline
    two_tabs_move_to_a_new_version
    violations_are_reported);

tests!(webkit, Webkit:
    the_module_computes_the_native_pixels
    the_module_encodes_what_the_browser_can
    the_element_shows_the_native_pixels
    the_app_upscales_and_saves
    the_app_explains_broken_files_and_cancels
    the_app_imports_a_model_of_another_project
    the_app_works_offline
    two_tabs_move_to_a_new_version
    violations_are_reported);

/// A JPEG that EXIF turns, and its upright pixels.
fn turned_jpeg() -> (Vec<u8>, RgbaImage) {
    let jpeg = blocks_jpeg();
    let mut upright = image::load_from_memory(&jpeg).unwrap();
    upright.apply_orientation(Orientation::from_exif(6).unwrap());
    (with_orientation(&jpeg, 6), upright.into_rgba8())
}

/// [`Visit::finish`] can fail.
fn violations_are_reported(kind: Kind) {
    let mut visit = kind.open(PLAIN);
    let worker = b"fetch('http://stranger.invalid/').catch(() => postMessage('done'))";
    let script = "await fetch('http://stranger.invalid/').catch(() => {});
        await new Promise((resolve) => { new Worker(arguments[0]).onmessage = resolve; });";
    visit.run(script, &[visit.url("worker.js", worker)]);
    // WebKit reports none of workers, although it blocks their requests.
    let expected = if kind == Kind::Webkit { 1 } else { 2 };
    let violations = visit.served().wait_for_violations(expected);
    assert_eq!(violations.len(), expected, "{violations:?}");
    for violation in violations {
        assert!(violation.contains("connect-src"), "{violation}");
    }
    visit.disconnect();
    let script = "await fetch('http://stranger.invalid/again').catch(() => {})";
    visit.run(script, &[]);
    let violations = visit.served().wait_for_violations(expected + 1);
    assert_eq!(violations.len(), expected + 1, "offline: {violations:?}");
    visit.run("setTimeout(() => console.error('reported'))", &[]);
    visit
        .session()
        .wait_until("window.complaints.length", PATIENCE);
}
