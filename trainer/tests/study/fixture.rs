//! Results for a study, and ratings by hand.

use std::path::Path;

use engine::image::{Channels, Image};
use tempfile::TempDir;
use trainer::image_file;
use trainer::study::{Answer, Key, MakeArgs, Ratings, Version};

/// An image that is different for each number.
pub fn image(number: usize, width: usize, height: usize, channels: Channels) -> Image {
    let length = width * height * channels.count();
    let data = (0..length).map(|i| ((i * (number + 3)) % 251) as u8);
    Image::new(width, height, channels, data.collect()).unwrap()
}

/// Folders `bicubic`, `srgan` and `HR` with three images each.
pub fn results() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (method, number) in [("bicubic", 0), ("srgan", 10), ("HR", 20)] {
        std::fs::create_dir(folder.path().join(method)).unwrap();
        for (name, index) in [("baby", 1), ("bird", 2), ("woman", 3)] {
            // One original is grey, by which it must not be recognised.
            let channels = match (method, name) {
                ("HR", "bird") => Channels::Grey,
                _ => Channels::Rgb,
            };
            let image = image(number + index, 20 + index, 16, channels);
            let path = folder.path().join(method).join(name);
            image_file::save(&image, &path.with_extension("png")).unwrap();
        }
    }
    folder
}

pub fn make_args(folder: &Path) -> MakeArgs {
    let method = |name: &str| (name.to_string(), folder.join(name));
    MakeArgs {
        methods: vec![method("bicubic"), method("srgan")],
        originals: folder.join("HR"),
        sets: vec!["Set3".to_string()],
        worst: None,
        calibrate: None,
        calibration: None,
        repeats: 0.1,
        crop: false,
        title: "A study".to_string(),
        out: folder.join("study"),
        seed: None,
    }
}

/// A study of these methods, with this many images in its only set.
pub fn key(methods: &[&str], images: usize) -> Key {
    let versions = (0..images).flat_map(|image| {
        methods.iter().map(move |method| Version {
            name: format!("{method}-{image}"),
            set: "Set".to_string(),
            picture: image.to_string(),
            method: method.to_string(),
        })
    });
    Key {
        format: "uprez-study-key-1".to_string(),
        id: "0123".to_string(),
        title: "A study".to_string(),
        seed: 0,
        methods: methods.iter().map(|name| name.to_string()).collect(),
        sets: vec!["Set".to_string()],
        versions: versions.collect(),
    }
}

/// A rater who gives these grades to these names.
pub fn rater(key: &Key, rater: &str, given: &[(&str, u8)]) -> Ratings {
    let answer = |(_, grade): &(&str, u8)| Answer {
        grade: *grade,
        seconds: 2.0,
    };
    let mut order: Vec<String> = given.iter().map(|(name, _)| name.to_string()).collect();
    // Versions without a grade come last.
    let rest = key
        .versions
        .iter()
        .filter(|v| given.iter().all(|(name, _)| *name != v.name));
    order.extend(rest.map(|version| version.name.clone()));
    Ratings {
        format: "uprez-ratings-1".to_string(),
        study: key.id.clone(),
        rater: rater.to_string(),
        started: "2026-11-21T12:00:00.000Z".to_string(),
        finished: "2026-11-21T12:10:00.000Z".to_string(),
        order,
        answers: given.iter().map(answer).collect(),
    }
}
