//! The page on which people grade pictures, opened as by a double click.

use std::path::{Path, PathBuf};
use std::time::Duration;

use image::RgbImage;
use serde_json::{Value, json};
use tempfile::TempDir;
use trainer::study::{Key, MakeArgs, Ratings, ReportArgs, Version, make, report};

use crate::chrome::Chrome;
use crate::site::screenshots;

const PATIENCE: Duration = Duration::from_secs(20);

/// WebDriver's name of the key.
const BACKSPACE: char = '\u{e003}';

/// A made study, and a browser that looks at it.
struct Study {
    chrome: Chrome,
    folder: TempDir,
    key: Key,
}

/// Coarse and fine versions of three scenes, the second wider than a phone.
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
    /// In a window of 1000 × 760.
    fn open() -> Self {
        let study = Self::with(&[]);
        study.window(1000, 760, 1.0);
        study
    }

    fn with(flags: &[&str]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        results(folder.path());
        let method = |name: &str| (name.to_string(), folder.path().join(name));
        let out = folder.path().join("study");
        make(&MakeArgs {
            methods: vec![method("bicubic"), method("sharp")],
            originals: folder.path().join("HR"),
            sets: vec!["Scenes".to_string()],
            worst: None,
            calibrate: 1,
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

    fn window(&self, width: u32, height: u32, ratio: f64) {
        let metrics = json!({
            "width": width, "height": height, "deviceScaleFactor": ratio, "mobile": width < 500,
        });
        self.chrome
            .cdp("Emulation.setDeviceMetricsOverride", metrics);
    }

    fn wait_for(&self, section: &str) {
        let open = format!("document.querySelector('#{section}')?.checkVisibility()");
        self.chrome.wait_until(&open, PATIENCE);
    }

    /// Waits for a picture; which it is.
    fn picture(&self) -> String {
        let ready = "document.querySelector('#rate').checkVisibility() \
            && document.querySelector('#rate').ariaBusy === 'false'";
        self.chrome.wait_until(ready, PATIENCE);
        let script =
            "return document.querySelector('#stage img').src.split('/').pop().replace('.png', '')";
        self.chrome.run(script, &[]).as_str().unwrap().to_string()
    }

    fn version(&self, name: &str) -> &Version {
        let mut versions = self.key.versions.iter();
        versions
            .find(|version| version.name == name)
            .expect("a version of the study")
    }

    fn text(&self, css: &str) -> String {
        let script = "return document.querySelector(arguments[0]).textContent";
        let text = self.chrome.run(script, &[json!(css)]);
        text.as_str().unwrap_or_default().to_string()
    }

    fn is(&self, expression: &str) -> bool {
        self.chrome
            .run(&format!("return Boolean({expression})"), &[])
            == json!(true)
    }

    fn click_grade(&self, grade: u8) {
        self.chrome.click(&format!("[data-grade='{grade}']"));
    }

    fn begin(&self, rater: &str) {
        self.chrome.type_into("#rater", rater);
        self.chrome.click("#begin button");
    }

    /// Through the calibration by keys, as it asks.
    fn calibrate(&self) {
        for key in ['1', '5'] {
            self.picture();
            self.chrome.press(&[key]);
        }
        self.wait_for("ready");
        self.chrome.click("#rest");
    }

    /// Where something begins and ends on the screen, in the screen's own pixels.
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

    /// Holds the screen to the picture's pixels, each as large as `zoom` of the screen's.
    fn assert_shown(&self, zoom: u32) {
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

    /// The file that the page has saved.
    fn saved(&self) -> PathBuf {
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

    /// Nothing was asked of strangers, and the browser complained of nothing.
    fn finish(&self) {
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

/// What the rater of the test thinks of a method.
fn opinion(version: &Version) -> u8 {
    match version.method.as_str() {
        "bicubic" => 2,
        "sharp" => 4,
        _ => 5,
    }
}

#[test]
fn a_study_goes_from_the_double_click_to_the_report() {
    let study = Study::open();
    let chrome = &study.chrome;
    assert_eq!(study.text("#title"), "How sharp are these?");
    assert_eq!(study.text("#count"), "10");
    study.begin("Änne & Co");

    // Calibration: the worst, then the original, and only the grade that is named is taken.
    let worst = study.picture();
    assert_eq!(study.version(&worst).method, "bicubic");
    assert!(study.text("#question").contains("This is a 1"));
    chrome.press(&['4']);
    assert_eq!(study.picture(), worst);
    assert!(study.is("document.querySelector('[data-grade=\"4\"]').disabled"));
    chrome.press(&['1']);
    assert_eq!(study.version(&study.picture()).method, "original");
    study.click_grade(5);
    study.wait_for("ready");
    chrome.click("#rest");

    // Three by key and by click, each grade as the rater thinks.
    let mut given: Vec<(String, u8)> = Vec::new();
    for place in 0..3 {
        let name = study.picture();
        assert_eq!(study.text("#place"), format!("Picture {} of 10", place + 1));
        let grade = opinion(study.version(&name));
        if place % 2 == 0 {
            chrome.press(&[char::from(b'0' + grade)]);
        } else {
            study.click_grade(grade);
        }
        given.push((name, grade));
    }
    // Back by one, and by no more.
    study.picture();
    chrome.press(&[BACKSPACE]);
    let again = study.picture();
    assert_eq!(again, given[2].0);
    let pressed = format!(
        "document.querySelector('[data-grade=\"{}\"]').ariaPressed === 'true'",
        given[2].1
    );
    assert!(study.is(&pressed), "the grade given before is shown");
    assert!(study.is("document.querySelector('#back').disabled"));
    chrome.press(&[BACKSPACE]);
    assert_eq!(study.picture(), again);
    chrome.press(&['3']);
    given[2].1 = 3;
    study.picture();

    // Closing the page loses nothing.
    chrome.run("location.reload()", &[]);
    study.wait_for("pause");
    assert!(
        study
            .text("#pause")
            .contains("Änne & Co, you have rated 3 of 10")
    );
    chrome.click("#resume");
    while given.len() < 10 {
        let name = study.picture();
        assert_eq!(
            study.text("#place"),
            format!("Picture {} of 10", given.len() + 1)
        );
        let grade = opinion(study.version(&name));
        chrome.press(&[char::from(b'0' + grade)]);
        given.push((name, grade));
    }
    study.wait_for("end");
    chrome.click("#back-from-end");
    assert_eq!(study.picture(), given[9].0);
    chrome.press(&['1']);
    given[9].1 = 1;
    study.wait_for("end");
    chrome.run("location.reload()", &[]);
    study.wait_for("end");
    chrome.click("#save");
    let file = study.saved();
    assert_eq!(
        file.file_name().unwrap().to_string_lossy(),
        format!("ratings-Änne-Co-{}.json", study.key.id)
    );
    let text = std::fs::read(&file).unwrap();
    let ratings: Ratings = serde_json::from_slice(&text).unwrap();
    let found = ratings.order.iter().zip(&ratings.answers);
    let found: Vec<(String, u8)> = found
        .map(|(name, answer)| (name.clone(), answer.grade))
        .collect();
    assert_eq!(found, given);
    assert_eq!(ratings.rater, "Änne & Co");
    assert!(
        ratings
            .answers
            .iter()
            .all(|answer| (0.15..60.0).contains(&answer.seconds))
    );
    assert!(ratings.started < ratings.finished);

    // The page's file is what the report reads.
    report(&ReportArgs {
        study: study.folder.path().join("study"),
        key: None,
        without: Vec::new(),
        resamples: 100,
        out: None,
        ratings: vec![file],
    })
    .unwrap();
    let text = std::fs::read(study.folder.path().join("study-report/report.json")).unwrap();
    let analysis: Value = serde_json::from_slice(&text).unwrap();
    assert_eq!(analysis["refused"], json!([]));
    assert_eq!(analysis["repeats"]["count"], 1);
    for (opinion, method) in analysis["opinions"]
        .as_array()
        .unwrap()
        .iter()
        .zip(["bicubic", "sharp", "original"])
    {
        assert_eq!(opinion["method"], method);
        let grades = given
            .iter()
            .filter(|(name, _)| study.version(name).method == method);
        let mut expected = [0; 5];
        grades.for_each(|(_, grade)| expected[usize::from(*grade) - 1] += 1);
        assert_eq!(opinion["grades"], json!(expected), "{method}");
    }

    // The next rater begins anew.
    chrome.click("#end .other");
    study.wait_for("start");
    study.finish();
}

/// Goes to a picture of 520 × 300 pixels.
fn show_the_widest(study: &Study) {
    study.begin("x");
    study.calibrate();
    while study.version(&study.picture()).picture != "b" {
        study.chrome.press(&['3']);
    }
}

#[test]
fn pictures_keep_their_pixels_on_every_screen() {
    let study = Study::open();
    show_the_widest(&study);
    // What is larger than the window scrolls.
    for (width, height) in [(1000, 760), (390, 844)] {
        study.window(width, height, 1.0);
        study.assert_shown(1);
        let wider = "document.documentElement.scrollWidth > innerWidth";
        assert!(!study.is(wider), "the page is wider than {width}");
    }
    study.finish();

    // Screens of desktops and of phones, the last of which holds 520 pixels twice and not thrice.
    // Emulation would do for neither: it lays out in pixels of CSS, which screens don't.
    for (ratio, width, zoom) in [("1.25", 1011, 1), ("1.5", 1011, 2), ("3", 510, 2)] {
        let ratio = format!("--force-device-scale-factor={ratio}");
        let study = Study::with(&[&ratio, &format!("--window-size={width},803")]);
        show_the_widest(&study);
        study.assert_shown(zoom);
        study.finish();
    }
}

#[test]
fn every_rater_has_an_order_of_their_own() {
    let study = Study::open();
    let order = |rater: &str| -> Vec<String> {
        let order = study
            .chrome
            .run("return drawOrder(arguments[0])", &[json!(rater)]);
        serde_json::from_value(order).unwrap()
    };
    assert_eq!(order("anna"), order("anna"));
    assert_ne!(order("anna"), order("ben"));
    let mut first = std::collections::HashSet::new();
    let mut neighbours = 0;
    for rater in 0..60 {
        let order = order(&rater.to_string());
        let mut sorted = order.clone();
        sorted.sort();
        sorted.dedup();
        assert_eq!(
            (order.len(), sorted.len()),
            (10, 9),
            "all nine, one of them twice"
        );
        let alike =
            |pair: &&[String]| study.version(&pair[0]).picture == study.version(&pair[1]).picture;
        neighbours += order.windows(2).filter(alike).count();
        first.insert(order[0].clone());
    }
    assert_eq!(first.len(), 9, "anything may come first");
    // By chance alone it would be every fourth pair of 540.
    assert!(
        neighbours < 30,
        "{neighbours} times two versions of one picture side by side"
    );
    study.finish();
}

#[test]
fn it_looks_well_in_light_and_dark_on_a_desktop_and_on_a_phone() {
    let study = Study::open();
    let chrome = &study.chrome;
    for (device, [width, height], ratio) in
        [("desktop", [1280, 900], 1.0), ("phone", [390, 844], 3.0)]
    {
        study.window(width, height, ratio);
        for scheme in ["light", "dark"] {
            let feature = json!({ "name": "prefers-color-scheme", "value": scheme });
            chrome.cdp(
                "Emulation.setEmulatedMedia",
                json!({ "features": [feature] }),
            );
            let picture = |moment: &str| {
                let wider = "document.documentElement.scrollWidth > innerWidth";
                assert!(!study.is(wider), "{moment} is wider than a {device}");
                let png = chrome.screenshot();
                let name = format!("study-{device}-{scheme}-{moment}.png");
                std::fs::write(screenshots().join(name), &png).unwrap();
                let image = image::load_from_memory(&png).unwrap().into_luma8();
                let corner = image.get_pixel(image.width() - 2, image.height() - 2)[0];
                match moment {
                    "calibration" | "rating" => assert_eq!(corner, 128, "{device}, {scheme}"),
                    _ => assert_eq!(
                        corner > 127,
                        scheme == "light",
                        "{device}, {scheme}: {corner}"
                    ),
                }
            };
            picture("start");
            study.begin(&format!("{device} {scheme}"));
            study.picture();
            picture("calibration");
            study.calibrate();
            study.picture();
            picture("rating");
            for _ in 0..10 {
                study.picture();
                chrome.press(&['3']);
            }
            study.wait_for("end");
            picture("end");
            // Not saved: it asks before it forgets.
            chrome.run("window.confirm = () => true", &[]);
            chrome.click("#end .other");
            study.wait_for("start");
        }
    }
    study.finish();
}
