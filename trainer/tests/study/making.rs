//! The command `study make`.

use std::collections::HashSet;
use std::path::{Path, PathBuf};

use engine::image::Channels;
use serde_json::Value;
use trainer::image_file;
use trainer::study::{Key, MakeArgs, make};

use crate::fixture::{image, make_args, results};

fn refusal(args: &MakeArgs) -> String {
    let error = make(args).expect_err("it has to be refused");
    assert!(!args.out.join("index.html").exists(), "a page was written");
    format!("{error:#}")
}

fn plan(folder: &Path) -> Value {
    let text = std::fs::read_to_string(folder.join("plan.js")).unwrap();
    let json = text.strip_prefix("const STUDY = ").unwrap().trim_end();
    serde_json::from_str(json.strip_suffix(';').unwrap()).unwrap()
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path());
    let (folders, mut files): (Vec<_>, Vec<_>) = entries.partition(|path| path.is_dir());
    files.extend(folders.iter().flat_map(|folder| self::files(folder)));
    files
}

#[test]
fn the_folder_does_not_reveal_the_methods() {
    let folder = results();
    let args = make_args(folder.path());
    make(&args).unwrap();
    let key = Key::load(&Key::path(&args.out)).unwrap();
    assert_eq!(key.methods, ["bicubic", "srgan", "original"]);
    assert_eq!(key.versions.len(), 9);
    for file in files(&args.out) {
        let bytes = std::fs::read(&file).unwrap();
        let name = file
            .strip_prefix(&args.out)
            .unwrap()
            .to_string_lossy()
            .into_owned();
        for secret in [
            "bicubic",
            "srgan",
            "baby",
            "bird",
            "woman",
            "Set3",
            &key.seed.to_string(),
        ] {
            let found = bytes
                .windows(secret.len())
                .any(|bytes| bytes == secret.as_bytes());
            assert!(!found && !name.contains(secret), "{name} contains {secret}");
        }
    }
    for version in &key.versions {
        assert!(version.name.len() == 16 && version.name.chars().all(|c| c.is_ascii_hexdigit()));
        let shown = args
            .out
            .join("pictures")
            .join(&version.name)
            .with_extension("png");
        let method = if version.method == "original" {
            "HR"
        } else {
            &version.method
        };
        let made = folder
            .path()
            .join(method)
            .join(&version.picture)
            .with_extension("png");
        // The pixels are the result's, and grey images are stored as RGB.
        let made = image_file::load(&made).unwrap().to_channels(Channels::Rgb);
        assert_eq!(image_file::load(&shown).unwrap(), made);
    }
    assert_eq!(files(&args.out.join("pictures")).len(), 9);

    // The versions of an image are not in the order of the methods: in many studies the original comes
    // first, second and last.
    let places: HashSet<usize> = (0..10)
        .flat_map(|seed| {
            let args = MakeArgs {
                out: folder.path().join(format!("study-{seed}")),
                seed: Some(seed),
                ..args.clone()
            };
            make(&args).unwrap();
            let key = Key::load(&Key::path(&args.out)).unwrap();
            let originals = key.versions.into_iter().filter(|v| v.method == "original");
            let originals: HashSet<String> = originals.map(|version| version.name).collect();
            let plan = plan(&args.out);
            let images = plan["pictures"].as_array().unwrap().clone();
            let place = |names: Value| {
                let mut names = names.as_array().unwrap().iter();
                names
                    .position(|name| originals.contains(name.as_str().unwrap()))
                    .unwrap()
            };
            images.into_iter().map(place).collect::<Vec<_>>()
        })
        .collect();
    assert_eq!(places.len(), 3);
}

#[test]
fn names_are_random_or_from_the_seed_and_nothing_is_overwritten() {
    let folder = results();
    let names = |out: &str, seed| {
        let args = MakeArgs {
            out: folder.path().join(out),
            seed,
            ..make_args(folder.path())
        };
        make(&args).unwrap();
        Key::load(&Key::path(&args.out)).unwrap().versions
    };
    assert_eq!(names("a", Some(3)), names("b", Some(3)));
    assert_ne!(names("c", None), names("d", None));
    let args = MakeArgs {
        out: folder.path().join("a"),
        ..make_args(folder.path())
    };
    let error = make(&args).unwrap_err().to_string();
    assert!(error.contains("choose another --out"), "{error}");
}

#[test]
fn raters_are_calibrated_on_the_worst_and_on_originals() {
    let folder = results();
    let args = MakeArgs {
        worst: Some("srgan".to_string()),
        calibrate: Some(3),
        repeats: 0.34,
        ..make_args(folder.path())
    };
    make(&args).unwrap();
    let key = Key::load(&Key::path(&args.out)).unwrap();
    let plan = plan(&args.out);
    assert_eq!(plan["repeats"], 3, "34 % of nine versions");
    let calibration = plan["calibration"].as_array().unwrap();
    let shown = calibration.iter().map(|entry| {
        let name = entry["version"].as_str().unwrap();
        let version = key
            .versions
            .iter()
            .find(|version| version.name == name)
            .unwrap();
        (version.method.as_str(), entry["grade"].as_u64().unwrap())
    });
    assert_eq!(
        shown.collect::<Vec<_>>(),
        [("srgan", 1), ("original", 5)].repeat(3)
    );

    // Without a method that is known to be bad, --worst is needed.
    let mut args = MakeArgs {
        out: folder.path().join("other"),
        ..make_args(folder.path())
    };
    args.methods[0].0 = "fsrcnn".to_string();
    let error = refusal(&args);
    assert!(
        error.contains("--worst") && error.contains("fsrcnn, srgan"),
        "{error}"
    );

    // Separate images for calibration are in the folder, but not in the key.
    for (name, number) in [("worst", 30), ("best", 31)] {
        std::fs::create_dir_all(folder.path().join("apart").join(name)).unwrap();
        let path = folder.path().join("apart").join(name).join("dog.png");
        image_file::save(&image(number, 9, 9, Channels::Rgb), &path).unwrap();
    }
    args.calibration = Some(folder.path().join("apart"));
    make(&args).unwrap();
    let key = Key::load(&Key::path(&args.out)).unwrap();
    let plan = self::plan(&args.out);
    for (entry, number) in plan["calibration"].as_array().unwrap().iter().zip([30, 31]) {
        let name = entry["version"].as_str().unwrap();
        assert!(key.versions.iter().all(|version| version.name != name));
        let shown = args.out.join("pictures").join(name).with_extension("png");
        assert_eq!(
            image_file::load(&shown).unwrap(),
            image(number, 9, 9, Channels::Rgb)
        );
    }
}

/// The SRGAN paper's study: 11 methods and the original, calibrated on 20 other images.
#[test]
fn twelve_versions_and_twenty_pairs_to_learn_on() {
    let folder = results();
    let write = |name: String, number: usize| {
        let path = folder.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        image_file::save(&image(number, 21, 16, Channels::Rgb), &path).unwrap();
    };
    let names: Vec<String> = (1..=11).map(|i| format!("method-{i}")).collect();
    for (number, method) in names.iter().enumerate() {
        write(format!("{method}/baby.png"), 40 + number);
    }
    write("one/baby.png".to_string(), 60);
    for pair in 0..25 {
        for (number, grade) in ["worst", "best"].iter().enumerate() {
            write(format!("apart/{grade}/{pair}.png"), 70 + 2 * pair + number);
        }
    }
    let methods = names
        .iter()
        .map(|name| (name.clone(), folder.path().join(name)));
    let args = MakeArgs {
        methods: methods.collect(),
        originals: folder.path().join("one"),
        calibration: Some(folder.path().join("apart")),
        ..make_args(folder.path())
    };
    make(&args).unwrap();
    let plan = plan(&args.out);
    assert_eq!(plan["calibration"].as_array().unwrap().len(), 2 * 20);
    let key = Key::load(&Key::path(&args.out)).unwrap();
    assert_eq!(key.versions.len(), 12);
}

#[test]
fn images_without_partners_are_refused_by_name() {
    let folder = results();
    let args = make_args(folder.path());
    let path = |name: &str| folder.path().join(name);
    let refused = |expected: &[&str]| {
        let error = refusal(&args);
        for words in expected {
            assert!(error.contains(words), "{words} is missing in: {error}");
        }
    };
    std::fs::rename(path("srgan/bird.png"), path("srgan/bird_SRGAN.png")).unwrap();
    refused(&["bird is missing in", "srgan/bird_SRGAN.png has no original"]);
    std::fs::rename(path("srgan/bird_SRGAN.png"), path("srgan/bird.bmp")).unwrap();
    std::fs::copy(path("srgan/bird.bmp"), path("srgan/bird.png")).unwrap();
    refused(&["bird.bmp", "bird.png", "have the same name"]);
    std::fs::remove_file(path("srgan/bird.bmp")).unwrap();

    // The others are 21 pixels wide.
    image_file::save(&image(1, 24, 16, Channels::Rgb), &path("HR/baby.png")).unwrap();
    refused(&[
        "bicubic/baby.png has 21×16",
        "HR/baby.png has 24×16",
        "--crop",
    ]);
    let cropped = MakeArgs {
        crop: true,
        ..args.clone()
    };
    image_file::save(&image(1, 29, 16, Channels::Rgb), &path("HR/baby.png")).unwrap();
    assert!(
        refusal(&cropped).contains("29×16"),
        "eight pixels are too many"
    );
    let large = image(1, 28, 18, Channels::Rgb);
    image_file::save(&large, &path("HR/baby.png")).unwrap();
    make(&cropped).unwrap();
    let key = Key::load(&Key::path(&args.out)).unwrap();
    let mut versions = key.versions.iter();
    let found = versions
        .find(|v| v.method == "original" && v.picture == "baby")
        .unwrap();
    let shown = args
        .out
        .join("pictures")
        .join(&found.name)
        .with_extension("png");
    let shown = image_file::load(&shown).unwrap();
    assert_eq!((shown.width, shown.height), (21, 16));
    assert_eq!(shown.pixel(20, 15), large.pixel(20, 15));
}

#[test]
fn several_sets_are_found_by_their_names() {
    let folder = results();
    let path = |name: &str| folder.path().join(name);
    for method in ["bicubic", "srgan"] {
        std::fs::create_dir(path(method).join("A")).unwrap();
        std::fs::create_dir(path(method).join("B")).unwrap();
        std::fs::rename(path(method).join("baby.png"), path(method).join("A/x.png")).unwrap();
        std::fs::rename(path(method).join("bird.png"), path(method).join("B/x.png")).unwrap();
    }
    // The originals of one set are in HR, as in many data sets.
    std::fs::create_dir_all(path("sets/A/HR")).unwrap();
    std::fs::create_dir_all(path("sets/B")).unwrap();
    std::fs::rename(path("HR/baby.png"), path("sets/A/HR/x.png")).unwrap();
    std::fs::rename(path("HR/bird.png"), path("sets/B/x.png")).unwrap();
    let mut args = MakeArgs {
        sets: vec!["A".to_string(), "B".to_string()],
        originals: path("sets/{set}"),
        ..make_args(folder.path())
    };
    assert!(
        refusal(&args).contains("{set}"),
        "one folder cannot hold two sets"
    );
    for (_, folder) in &mut args.methods {
        *folder = folder.join("{set}");
    }
    make(&args).unwrap();
    let key = Key::load(&Key::path(&args.out)).unwrap();
    let sets: Vec<&str> = key.versions.iter().map(|version| &*version.set).collect();
    assert_eq!(sets, ["A", "A", "A", "B", "B", "B"]);
}
