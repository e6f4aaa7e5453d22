//! The command `rate`.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use engine::image::{Channels, Image};
use serde_json::{Value, json};
use trainer::image_file;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

fn rate(folder: &Path, model: &str, more: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_trainer"));
    command.args(["rate", "images", "--threads", "1", "--avif-speed", "10"]);
    command.arg("--model").arg(root().join(model));
    command.args(more).current_dir(folder).output().unwrap()
}

fn texts(output: &Output) -> (bool, String, String) {
    let [out, errors] =
        [&output.stdout, &output.stderr].map(|text| String::from_utf8_lossy(text).into_owned());
    (output.status.success(), out, errors)
}

/// Part of a sample image, `side` pixels a side.
fn part(left: usize, side: usize) -> Image {
    let sample = root().join("trainer/samples/budgie_casa-mila_704_768.webp");
    let sample = image_file::load(&sample).unwrap();
    let places = (0..side).flat_map(|y| (0..side).map(move |x| (x + left, y + 100)));
    let data = places.flat_map(|(x, y)| sample.pixel(x, y)[..3].to_vec());
    Image::new(side, side, Channels::Rgb, data.collect()).unwrap()
}

const FAST: &str = "www/models/fast-x2.bpk";

#[test]
fn images_are_measured_once_and_reported() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    std::fs::create_dir_all(path("images/inner")).unwrap();
    image_file::save(&part(0, 160), &path("images/<1>.png")).unwrap();
    image_file::save(&part(0, 40), &path("images/icon.png")).unwrap();
    let codecs = ["--codec", "webp,avif,jpeg"];
    let (success, out, errors) = texts(&rate(folder.path(), FAST, &codecs));
    assert!(success, "{errors}");
    assert!(errors.contains("icon.png has 40×40 px"), "{errors}");
    assert!(!out.contains("measured before"), "{out}");
    for words in [
        "WebP, full size: SSIMULACRA2",
        "AVIF, half size, fast-x2",
        "JPEG, half size, bicubic",
    ] {
        assert!(out.contains(words), "{words}: {out}");
    }

    // One file of results, whose points rise in quality with their bytes.
    let results = || -> Vec<PathBuf> {
        let files = std::fs::read_dir(path("rate/results")).unwrap();
        files.map(|file| file.unwrap().path()).collect()
    };
    assert_eq!(results().len(), 1);
    let first = results().remove(0);
    let read = || -> Value { serde_json::from_slice(&std::fs::read(&first).unwrap()).unwrap() };
    let entry = read();
    let points = entry["measured"]["points"].as_array().unwrap();
    for codec in ["avif", "webp", "jpeg"] {
        for way in ["full", "bicubic", "model"] {
            let of = points
                .iter()
                .filter(|point| point["codec"] == codec && point["way"] == way);
            let mut of: Vec<_> = of.collect();
            of.sort_by_key(|point| point["bytes"].as_u64());
            let score = |point: &Value| point["scores"][0].as_f64().unwrap();
            assert!(of.len() >= 5, "{codec} {way}: {}", of.len());
            assert!(
                score(of[0]) + 10.0 < score(of[of.len() - 1]),
                "{codec} {way}"
            );
        }
    }
    check_page(&path("rate"));

    // An image that is new is measured, the other one's results are taken from its file.
    let mut doctored = entry.clone();
    doctored["measured"]["size"] = json!([1600, 1600]);
    std::fs::write(&first, doctored.to_string()).unwrap();
    image_file::save(&part(200, 128), &path("images/inner/2.png")).unwrap();
    let (success, out, errors) = texts(&rate(folder.path(), FAST, &codecs));
    assert!(success, "{errors}");
    assert!(
        out.contains("1 of 2 images had been measured before"),
        "{out}"
    );
    let page = std::fs::read_to_string(path("rate/report.html")).unwrap();
    assert!(page.contains("1600 × 1600") && page.contains("128 × 128"));
    assert_eq!(results().len(), 2);

    // A damaged file of results, and a missing crop, are made again.
    std::fs::write(&first, "{").unwrap();
    let crops = std::fs::read_dir(path("rate/crops")).unwrap();
    let crops: Vec<_> = crops.map(|file| file.unwrap().path()).collect();
    for crop in &crops {
        std::fs::remove_file(crop).unwrap();
    }
    let (success, out, errors) = texts(&rate(folder.path(), FAST, &codecs));
    assert!(success && !out.contains("measured before"), "{out}{errors}");
    assert_eq!(read()["measured"], entry["measured"]);
    assert!(crops.iter().all(|crop| crop.is_file()));

    // Other options, and a changed image, have results of their own.
    std::fs::remove_dir_all(path("images/inner")).unwrap();
    for (codec, density) in [("jpeg", "1"), ("jpeg", "2")] {
        let options = ["--codec", codec, "--density", density];
        let (success, out, errors) = texts(&rate(folder.path(), FAST, &options));
        assert!(success && !out.contains("measured before"), "{out}{errors}");
    }
    assert_eq!(results().len(), 4);
    image_file::save(&part(50, 160), &path("images/<1>.png")).unwrap();
    let (success, out, _) = texts(&rate(folder.path(), FAST, &["--codec", "jpeg"]));
    assert!(success && !out.contains("measured before"), "{out}");
    assert_eq!(results().len(), 5);
}

/// The page's images are in its folder and have alternative texts; names are escaped.
fn check_page(folder: &Path) {
    let page = std::fs::read_to_string(folder.join("report.html")).unwrap();
    assert!(
        page.contains("&lt;1&gt;.png, 160 × 160") && !page.contains("<1>"),
        "{page}"
    );
    let images: Vec<&str> = page.split("<img ").skip(1).collect();
    let attribute = |image: &str, name: &str| {
        let (_, rest) = image.split_once(&format!("{name}=\"")).unwrap();
        rest.split_once('"').unwrap().0.to_string()
    };
    let (mut curves, mut crops) = (0, 0);
    for image in images {
        let file = folder.join(attribute(image, "src"));
        assert!(!attribute(image, "alt").is_empty(), "{image}");
        if file.extension().unwrap() == "svg" {
            let text = std::fs::read_to_string(&file).unwrap();
            assert!(
                text.contains("bits per pixel") && text.contains("<polyline"),
                "{text}"
            );
            curves += 1;
        } else {
            let crop = image_file::load(&file).unwrap();
            assert_eq!([crop.width, crop.height], [128, 128]);
            crops += 1;
        }
    }
    // The means and the image; the original and three ways at each budget.
    assert_eq!(curves, 2);
    assert!(crops >= 4 && crops % 4 == 0, "{crops}");
    assert!(!page.contains("http"), "{page}");
    let markdown = std::fs::read_to_string(folder.join("report.md")).unwrap();
    assert!(
        markdown.contains("| JPEG, half size, fast-x2 |"),
        "{markdown}"
    );
}

#[test]
fn input_that_cannot_be_rated_is_refused_in_words() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    let refused = |model: &str, words: &[&str]| {
        let (success, _, errors) = texts(&rate(folder.path(), model, &[]));
        assert!(
            !success && words.iter().all(|word| errors.contains(word)),
            "{errors}"
        );
    };
    refused(FAST, &["images is not a folder"]);
    std::fs::create_dir(path("images")).unwrap();
    refused(FAST, &["no images in images"]);
    image_file::save(&part(0, 40), &path("images/icon.png")).unwrap();
    refused(
        FAST,
        &[
            "icon.png has 40×40 px",
            "at least 64 px",
            "no image in images",
        ],
    );
    refused("www/models/mnist.bpk", &["mnist.bpk", "keeps the size"]);
    refused("www/models/none.bpk", &["none.bpk"]);
}
