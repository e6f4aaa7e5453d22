//! A generated study, opened from disk as by a double click.

use std::path::{Path, PathBuf};
use std::time::Duration;

use image::RgbImage;
use serde_json::json;
use tempfile::TempDir;
use trainer::study::{Key, MakeArgs, Version, make};

use tests::chrome::Chrome;

const PATIENCE: Duration = Duration::from_secs(20);

/// A generated study, and a browser that shows it.
pub struct Study {
    /// The browser.
    pub chrome: Chrome,
    /// Folder of all files, including the study's page.
    pub folder: TempDir,
    /// The key file's content, which raters do not see.
    pub key: Key,
}

/// Writes coarse and fine versions of three scenes; the second scene is wider than a phone.
fn results(folder: &Path) {
    for (method, detail) in [("bicubic", 16), ("sharp", 6), ("HR", 2)] {
        std::fs::create_dir(folder.join(method)).unwrap();
        for (name, width, height) in [("a", 201, 140), ("b", 520, 300), ("c", 160, 161)] {
            let image = RgbImage::from_fn(width, height, |x, y| {
                let value = |phase: u32| ((x / detail * 37 + y / detail * 59 + phase) % 200) as u8;
                image::Rgb([value(0), value(70), value(140)])
            });
            image
                .save(folder.join(method).join(format!("{name}.png")))
                .unwrap();
        }
    }
}

impl Study {
    /// Opens a study in a window of 1000 × 760 CSS pixels.
    pub fn open() -> Self {
        let study = Self::with(&[]);
        study.window(1000, 760, 1.0);
        study
    }

    pub fn with(flags: &[&str]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        results(folder.path());
        let method = |name: &str| (name.to_string(), folder.path().join(name));
        let out = folder.path().join("study");
        make(&MakeArgs {
            methods: vec![method("bicubic"), method("sharp")],
            originals: folder.path().join("HR"),
            sets: vec!["Scenes".to_string()],
            worst: None,
            calibrate: Some(1),
            calibration: None,
            repeats: 0.12,
            crop: false,
            title: "How sharp are these?".to_string(),
            out: out.clone(),
            seed: Some(4),
        })
        .unwrap();
        let downloads = folder.path().join("downloads");
        std::fs::create_dir(&downloads).unwrap();
        let chrome = Chrome::start(flags, &downloads);
        let study = Self {
            key: Key::load(&Key::path(&out)).unwrap(),
            chrome,
            folder,
        };
        study
            .chrome
            .go(&format!("file://{}/index.html", out.display()));
        study.wait_for("start");
        study
    }

    pub fn window(&self, width: u32, height: u32, ratio: f64) {
        let metrics = json!({
            "width": width, "height": height, "deviceScaleFactor": ratio, "mobile": width < 500,
        });
        self.chrome
            .cdp("Emulation.setDeviceMetricsOverride", metrics);
    }

    pub fn wait_for(&self, section: &str) {
        let open = format!("document.querySelector('#{section}')?.checkVisibility()");
        self.chrome.wait_until(&open, PATIENCE);
    }

    /// Waits until an image is shown, and returns its name.
    pub fn picture(&self) -> String {
        let ready = "document.querySelector('#rate').checkVisibility() \
            && document.querySelector('#rate').ariaBusy === 'false'";
        self.chrome.wait_until(ready, PATIENCE);
        let script =
            "return document.querySelector('#stage img').src.split('/').pop().replace('.png', '')";
        self.chrome.run(script, &[]).as_str().unwrap().to_string()
    }

    pub fn version(&self, name: &str) -> &Version {
        let mut versions = self.key.versions.iter();
        versions
            .find(|version| version.name == name)
            .expect("a version of the study")
    }

    pub fn text(&self, css: &str) -> String {
        let script = "return document.querySelector(arguments[0]).textContent";
        let text = self.chrome.run(script, &[json!(css)]);
        text.as_str().unwrap_or_default().to_string()
    }

    pub fn is(&self, expression: &str) -> bool {
        self.chrome
            .run(&format!("return Boolean({expression})"), &[])
            == json!(true)
    }

    pub fn click_grade(&self, grade: u8) {
        self.chrome.click(&format!("[data-grade='{grade}']"));
    }

    pub fn begin(&self, rater: &str) {
        self.chrome.type_into("#rater", rater);
        self.chrome.click("#begin button");
    }

    /// Gives the grades that the calibration asks for, by keyboard.
    pub fn calibrate(&self) {
        for key in ['1', '5'] {
            self.picture();
            self.chrome.press(&[key]);
        }
        self.wait_for("ready");
        self.chrome.click("#rest");
    }

    /// Left, top, right and bottom of an element on the screen, in device pixels.
    fn rectangle(&self, css: &str) -> [f64; 4] {
        let script = "const element = document.querySelector(arguments[0]);
            const { left, top, right, bottom } = element.getBoundingClientRect();
            return [left, top, right, bottom].map((side) => side * devicePixelRatio);";
        let sides = self.chrome.run(script, &[json!(css)]);
        [0, 1, 2, 3].map(|i| sides[i].as_f64().unwrap())
    }

    fn file(&self, name: &str) -> PathBuf {
        let pictures = self.folder.path().join("study/pictures");
        pictures.join(name).with_extension("png")
    }

    /// Asserts that the screen shows the image with each of its pixels `zoom` device pixels wide.
    pub fn assert_shown(&self, zoom: u32) {
        let picture = image::open(self.file(&self.picture())).unwrap().into_rgb8();
        let width = format!(
            "Math.abs(document.querySelector('#stage img').getBoundingClientRect().width \
                * devicePixelRatio - {}) < 0.1",
            zoom * picture.width()
        );
        self.chrome.wait_until(&width, PATIENCE);
        let [left, top, _, bottom] = self.rectangle("#stage img");
        assert_eq!((bottom - top).round(), f64::from(zoom * picture.height()));
        let [_, _, right, bottom] = self.rectangle("#stage").map(|side| side as u32);
        let screen = image::load_from_memory(&self.chrome.screenshot());
        let screen = screen.unwrap().into_rgb8();
        let (left, top) = (left.round() as u32, top.round() as u32);
        let mut seen = 0;
        for (x, y, pixel) in picture.enumerate_pixels() {
            for offset in [0, zoom - 1] {
                let (x, y) = (left + x * zoom + offset, top + y * zoom + offset);
                if x < right && y < bottom {
                    assert_eq!(screen.get_pixel(x, y), pixel, "({x}, {y})");
                    seen += 1;
                }
            }
        }
        assert!(seen > 10_000, "{seen} pixels are seen");
        assert_eq!(
            screen.get_pixel(1, 1).0,
            [128; 3],
            "the surround is neutral"
        );
    }

    pub fn saved(&self) -> PathBuf {
        let folder = self.folder.path().join("downloads");
        for _ in 0..200 {
            let files = std::fs::read_dir(&folder).unwrap();
            let mut files = files.map(|entry| entry.unwrap().path());
            let whole = |path: &PathBuf| path.extension().is_some_and(|ending| ending == "json");
            if let Some(file) = files.find(whole) {
                return file;
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        panic!("nothing was saved for ten seconds");
    }

    /// Asserts that there were no requests to other servers and no messages in the browser's console.
    pub fn finish(&self) {
        let leaves = |url: &String| url.starts_with("http") || url.starts_with("ws");
        let foreign = self.chrome.requests().into_iter().filter(leaves);
        assert_eq!(
            foreign.collect::<Vec<_>>(),
            [""; 0],
            "requests to strangers"
        );
        assert_eq!(self.chrome.log("browser"), [""; 0], "complaints");
    }
}
