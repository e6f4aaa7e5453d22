//! Images that are damaged or too small: an error if the file was named, left out of a folder.

mod common;

use std::path::{Path, PathBuf};
use std::process::Output;

use common::{PLAIN, command, config, said, samples, train};
use engine::image::{Channels, Image};
use trainer::image_file;

const MODEL: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../www/models/fast-x2.bpk");

fn sample() -> PathBuf {
    Path::new(&samples()).join("budgie_casa-mila_704_768.webp")
}

/// Writes the first 60 % of a sample in the format of the name.
fn truncated(path: &Path) {
    image_file::save(&image_file::load(&sample()).unwrap(), path).unwrap();
    let bytes = std::fs::read(path).unwrap();
    std::fs::write(path, &bytes[..bytes.len() * 6 / 10]).unwrap();
}

fn small(path: &Path, side: usize) {
    let data = vec![90; side * side * 3];
    let image = Image::new(side, side, Channels::Rgb, data).unwrap();
    image_file::save(&image, path).unwrap();
}

/// A folder of samples, and one for a training's configuration.
fn prepared(samples: usize) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    std::fs::create_dir(&data).unwrap();
    for number in 0..samples {
        std::fs::copy(sample(), data.join(format!("good-{number}.webp"))).unwrap();
    }
    let data = data.display().to_string();
    let text = config(PLAIN, "").replace(&common::samples(), &data);
    std::fs::write(folder.path().join("config.toml"), text).unwrap();
    folder
}

fn fails(output: &Output, words: &[&str]) {
    let text = said(output);
    assert_eq!(output.status.code(), Some(1), "{text}");
    assert!(!text.contains("panicked"), "{text}");
    for word in words {
        assert!(text.contains(word), "{word:?} is missing in {text:?}");
    }
}

#[test]
fn a_truncated_image_that_was_named_is_an_error() {
    let folder = prepared(1);
    let path = |name: &str| folder.path().join(name);
    for name in ["a.jpg", "b.png", "c.webp"] {
        truncated(&path(name));
        let mut upscale = command();
        upscale.args(["upscale", "--devices", "cpu", "--model", MODEL]);
        upscale.arg(path(name)).arg(path("large.png"));
        fails(&upscale.output().unwrap(), &[name, "truncated"]);
        let mut degrade = command();
        degrade
            .arg("degrade")
            .arg(path(name))
            .arg(path("large.png"));
        degrade.arg("--config").arg(path("config.toml"));
        fails(&degrade.output().unwrap(), &[name, "truncated"]);
        assert!(!path("large.png").exists());
    }
}

#[test]
fn truncated_images_of_a_folder_are_named_and_the_others_are_used() {
    let folder = prepared(2);
    let path = |name: &str| folder.path().join(name);
    for name in ["a.jpg", "b.png", "c.webp"] {
        truncated(&path("data").join(name));
    }
    let names = ["a.jpg", "b.png", "c.webp", "truncated"];

    let mut upscale = command();
    upscale.args(["upscale", "--devices", "cpu", "--model", MODEL]);
    let output = upscale
        .arg(path("data"))
        .arg(path("large"))
        .output()
        .unwrap();
    fails(&output, &names);
    let stdout = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(stdout.contains("2 of 5 upscaled"), "{stdout}");
    assert!(path("large/good-1.png").exists() && !path("large/a.png").exists());

    let mut degrade = command();
    degrade.arg("degrade").arg(path("data")).arg(path("low"));
    degrade.arg("--config").arg(path("config.toml"));
    let output = degrade.output().unwrap();
    fails(&output, &names);
    let stdout = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(stdout.contains("2 of 5 images written"), "{stdout}");
    assert!(path("low/good-1.png").exists() && !path("low/a.png").exists());

    let mut eval = command();
    eval.args(["eval", "--devices", "cpu", "--scale", "2", "--model", MODEL]);
    eval.arg("--data")
        .arg(path("data"))
        .arg("--json")
        .arg(path("scores.json"));
    let output = eval.output().unwrap();
    assert!(output.status.success(), "{}", said(&output));
    for name in names {
        assert!(said(&output).contains(name), "{name}: {}", said(&output));
    }
    let scores = std::fs::read(path("scores.json")).unwrap();
    let scores: serde_json::Value = serde_json::from_slice(&scores).unwrap();
    assert_eq!(scores["images"].as_array().unwrap().len(), 2);

    for name in ["good-0.webp", "good-1.webp"] {
        std::fs::remove_file(path("data").join(name)).unwrap();
    }
    fails(&eval.output().unwrap(), &["no image in", "can be decoded"]);
}

#[test]
fn a_training_leaves_out_images_that_are_damaged_or_too_small() {
    let folder = prepared(3);
    let path = |name: &str| folder.path().join(name);
    truncated(&path("data/damaged.jpg"));
    std::fs::write(path("data/text.png"), "not an image").unwrap();
    small(&path("data/tiny.png"), 5);
    small(&path("data/pixel.png"), 1);
    let output = train(folder.path(), "run", &[]);
    assert!(output.status.success(), "{}", said(&output));
    let text = said(&output);
    for words in [
        "damaged.jpg is truncated",
        "text.png",
        "tiny.png has 5×5 px, where both sides have to be at least 48 px",
        "pixel.png has 1×1 px",
    ] {
        assert!(text.contains(words), "{words:?} is missing in {text}");
    }
    assert_eq!(text.matches("left out: ").count(), 4, "{text}");
    let stdout = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(
        stdout.contains("2 images to learn from, 1 held out"),
        "{stdout}"
    );
    let report = std::fs::read_to_string(path("run/report.md")).unwrap();
    assert!(report.contains("data (3 images)"), "{report}");
}

#[test]
fn an_image_of_exactly_a_patch_is_used() {
    let folder = prepared(1);
    let path = |name: &str| folder.path().join(name);
    let config = std::fs::read_to_string(path("config.toml")).unwrap();
    let config = config.replace("hold_out = 1", "hold_out = 0");
    std::fs::write(path("config.toml"), config).unwrap();
    small(&path("data/less.png"), 47);
    small(&path("data/patch.png"), 48);
    let output = train(folder.path(), "run", &[]);
    assert!(output.status.success(), "{}", said(&output));
    let text = said(&output);
    assert!(text.contains("less.png has 47×47 px"), "{text}");
    assert_eq!(text.matches("left out: ").count(), 1, "{text}");
}

#[test]
fn a_training_without_usable_images_is_an_error() {
    let folder = prepared(0);
    let path = |name: &str| folder.path().join(name);
    for number in 0..4 {
        small(&path(&format!("data/{number}.png")), 10);
    }
    let output = train(folder.path(), "run", &[]);
    let words = ["0.png has 10×10 px", "0 can be used", "smaller than 48 px"];
    fails(&output, &words);

    // A single image can be held out, but then none remains to train on.
    std::fs::copy(sample(), path("data/good.webp")).unwrap();
    let output = train(folder.path(), "other", &[]);
    let words = "0 can be used to learn from and 1 of 1 can be held out";
    fails(&output, &[words]);
}
