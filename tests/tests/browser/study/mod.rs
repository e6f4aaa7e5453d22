//! The page on which people grade images, opened from disk as by a double click.

mod desk;

use serde_json::{Value, json};
use trainer::study::{Ratings, ReportArgs, Version, report};

use crate::site::screenshots;
use desk::Study;

/// Key code of WebDriver.
const BACKSPACE: char = '\u{e003}';

/// The simulated rater's grade of a method.
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

    // Calibration shows the worst version, then the original, and accepts only the named grade.
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

    // Grade three images by key and by click.
    let mut given: Vec<(String, u8)> = Vec::new();
    for place in 0..3 {
        let name = study.picture();
        assert_eq!(study.text("#place"), format!("Image {} of 10", place + 1));
        let grade = opinion(study.version(&name));
        if place % 2 == 0 {
            chrome.press(&[char::from(b'0' + grade)]);
        } else {
            study.click_grade(grade);
        }
        given.push((name, grade));
    }
    // One grade can be undone, but not two.
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

    // Reloading the page keeps the grades.
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
            format!("Image {} of 10", given.len() + 1)
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

    // `report` reads the file that the page has saved.
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

    // The next rater starts from the beginning.
    chrome.click("#end .other");
    study.wait_for("start");
    study.finish();
}

/// Advances to an image of 520 × 300 pixels.
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
    // An image larger than the window can be scrolled.
    for (width, height) in [(1000, 760), (390, 844)] {
        study.window(width, height, 1.0);
        study.assert_shown(1);
        let wider = "document.documentElement.scrollWidth > innerWidth";
        assert!(!study.is(wider), "the page is wider than {width}");
    }
    study.finish();

    // Screens of desktops and of phones; the one of the phone fits 520 pixels twice, but not three times. Emulation
    // does not test this, because it lays out in CSS pixels, which need not be whole device pixels.
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
    // In random order, this would hold for about a quarter of the 540 pairs.
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
            // The page asks for confirmation before it discards grades that were not saved.
            chrome.run("window.confirm = () => true", &[]);
            chrome.click("#end .other");
            study.wait_for("start");
        }
    }
    study.finish();
}
