//! Studies: what raters must not know stays hidden, and what they say is counted rightly.

use std::collections::{HashMap, HashSet};
use std::path::{Path, PathBuf};
use std::process::Command;

use model::pixel::{Channels, Image};
use rand::seq::SliceRandom;
use rand::{RngExt, SeedableRng};
use rand_distr::{Distribution, Normal};
use rand_pcg::Pcg64Mcg;
use serde_json::Value;
use tempfile::TempDir;
use trainer::image_file;
use trainer::study::{Analysis, Answer, Key, MakeArgs, Ratings, ReportArgs, Version, make, report};

/// A picture that only this number has.
fn picture(number: usize, width: usize, height: usize, channels: Channels) -> Image {
    let length = width * height * channels.count();
    let data = (0..length).map(|i| ((i * (number + 3)) % 251) as u8);
    Image::new(width, height, channels, data.collect()).unwrap()
}

/// Folders `bicubic`, `srgan` and `HR` with three pictures each.
fn results() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (method, number) in [("bicubic", 0), ("srgan", 10), ("HR", 20)] {
        std::fs::create_dir(folder.path().join(method)).unwrap();
        for (name, index) in [("baby", 1), ("bird", 2), ("woman", 3)] {
            // One original is grey, which must not give it away.
            let channels = match (method, name) {
                ("HR", "bird") => Channels::Grey,
                _ => Channels::Rgb,
            };
            let image = picture(number + index, 20 + index, 16, channels);
            let path = folder.path().join(method).join(name);
            image_file::save(&image, &path.with_extension("png")).unwrap();
        }
    }
    folder
}

fn make_args(folder: &Path) -> MakeArgs {
    let method = |name: &str| (name.to_string(), folder.join(name));
    MakeArgs {
        methods: vec![method("bicubic"), method("srgan")],
        originals: folder.join("HR"),
        sets: vec!["Set3".to_string()],
        worst: None,
        calibrate: 2,
        calibration: None,
        repeats: 0.1,
        crop: false,
        title: "A study".to_string(),
        out: folder.join("study"),
        seed: None,
    }
}

/// What `make` refuses, as a sentence.
fn refusal(args: &MakeArgs) -> String {
    let error = make(args).expect_err("this is to be refused");
    assert!(
        !args.out.join("index.html").exists(),
        "a page was made all the same"
    );
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
fn nothing_in_the_folder_says_who_made_what() {
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
            assert!(!found && !name.contains(secret), "{name} knows {secret}");
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
        // The pixels are those of the result, and grey ones are not told by their format.
        let made = image_file::load(&made).unwrap().to_channels(Channels::Rgb);
        assert_eq!(image_file::load(&shown).unwrap(), made);
    }
    assert_eq!(files(&args.out.join("pictures")).len(), 9);

    // The order within a picture is not that of the methods: of three names sorted in each of the
    // pictures of many studies, the original is not always the last.
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
            let pictures = plan["pictures"].as_array().unwrap().clone();
            let place = |names: Value| {
                let mut names = names.as_array().unwrap().iter();
                names
                    .position(|name| originals.contains(name.as_str().unwrap()))
                    .unwrap()
            };
            pictures.into_iter().map(place).collect::<Vec<_>>()
        })
        .collect();
    assert_eq!(places.len(), 3);
}

#[test]
fn names_come_from_chance_or_from_the_seed_and_nothing_is_overwritten() {
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
        calibrate: 3,
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

    // Without a method that is known to be bad, it has to be said.
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

    // Or other pictures calibrate, which are in the folder and not in the key.
    for (name, number) in [("worst", 30), ("best", 31)] {
        std::fs::create_dir_all(folder.path().join("apart").join(name)).unwrap();
        let path = folder.path().join("apart").join(name).join("dog.png");
        image_file::save(&picture(number, 9, 9, Channels::Rgb), &path).unwrap();
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
            picture(number, 9, 9, Channels::Rgb)
        );
    }
}

#[test]
fn pictures_without_partners_are_refused_by_name() {
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
    refused(&["bird.bmp", "bird.png", "of one name"]);
    std::fs::remove_file(path("srgan/bird.bmp")).unwrap();

    // 21 pixels wide is what the others are.
    image_file::save(&picture(1, 24, 16, Channels::Rgb), &path("HR/baby.png")).unwrap();
    refused(&[
        "bicubic/baby.png has 21×16",
        "HR/baby.png has 24×16",
        "--crop",
    ]);
    let cropped = MakeArgs {
        crop: true,
        ..args.clone()
    };
    image_file::save(&picture(1, 29, 16, Channels::Rgb), &path("HR/baby.png")).unwrap();
    assert!(
        refusal(&cropped).contains("29×16"),
        "eight pixels are too many"
    );
    let large = picture(1, 28, 18, Channels::Rgb);
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
    // The originals of one set lie in HR, as data sets have them.
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

/// A study of these methods, with so many pictures in its only set.
fn key(methods: &[&str], pictures: usize) -> Key {
    let versions = (0..pictures).flat_map(|picture| {
        methods.iter().map(move |method| Version {
            name: format!("{method}-{picture}"),
            set: "Set".to_string(),
            picture: picture.to_string(),
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
fn rater(key: &Key, rater: &str, given: &[(&str, u8)]) -> Ratings {
    let answer = |(_, grade): &(&str, u8)| Answer {
        grade: *grade,
        seconds: 2.0,
    };
    let mut order: Vec<String> = given.iter().map(|(name, _)| name.to_string()).collect();
    // What was not graded would have been shown later.
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

#[test]
fn opinions_are_those_computed_by_hand() {
    let key = key(&["bad", "original"], 2);
    let ratings = [
        // Twice the same version: (1 + 2) / 2 = 1.5 is its score.
        rater(
            &key,
            "a",
            &[
                ("bad-0", 1),
                ("original-0", 5),
                ("bad-1", 2),
                ("original-1", 4),
                ("bad-0", 2),
            ],
        ),
        // One that stopped early.
        rater(&key, "b", &[("bad-1", 3), ("original-0", 4)]),
    ];
    let analysis = Analysis::new(&key, &ratings, 500, 1);
    let [bad, original] = &analysis.opinions[..] else {
        panic!("two methods and one set: {:?}", analysis.opinions)
    };
    assert_eq!(bad.grades, [1, 2, 1, 0, 0]);
    assert_eq!(original.grades, [0, 0, 0, 2, 1]);
    let close = |found: Option<f64>, expected: f64| {
        assert!(
            (found.unwrap() - expected).abs() < 1e-12,
            "{found:?}, not {expected}"
        );
    };
    close(bad.mos, (1.5 + 2.0 + 3.0) / 3.0);
    close(original.mos, (5.0 + 4.0 + 4.0) / 3.0);
    let (low, high) = bad.interval.unwrap();
    assert!(
        (1.5..2.0).contains(&low) && (2.5..=3.0).contains(&high),
        "{low} to {high}"
    );
    assert_eq!(analysis.repeats.count, 1);
    assert_eq!((analysis.repeats.same, analysis.repeats.within_one), (0, 1));
    // a: (1.5 − 5 + 2 − 4) / 2 = −2.75; b never graded both versions of one picture.
    let comparison = &analysis.comparisons[0];
    assert_eq!((comparison.raters, comparison.p), (1, 1.0));
    close(comparison.difference, -2.75);
    assert!(analysis.raters.iter().all(|rater| rater.random_p.is_none()));
}

/// What people do: everyone has a level of their own, every picture too, and there is noise.
struct People {
    random: Pcg64Mcg,
    rater_deviation: f64,
    picture_deviation: f64,
    noise: f64,
}

impl People {
    fn normal(&mut self, deviation: f64) -> f64 {
        Normal::new(0.0, deviation)
            .unwrap()
            .sample(&mut self.random)
    }

    /// Everyone grades everything once and some of it twice; methods have these qualities.
    fn grade(
        &mut self,
        key: &Key,
        qualities: &[f64],
        raters: usize,
        repeats: usize,
    ) -> Vec<Ratings> {
        let mut levels: HashMap<String, f64> = HashMap::new();
        for version in &key.versions {
            let deviation = self.picture_deviation;
            levels
                .entry(version.picture.clone())
                .or_insert(self.normal(deviation));
        }
        let methods = key.methods.len();
        let mut everyone = Vec::new();
        for number in 0..raters {
            let own = self.normal(self.rater_deviation);
            let mut shown: Vec<usize> = (0..key.versions.len()).collect();
            shown.shuffle(&mut self.random);
            shown.extend_from_within(..repeats);
            let grades = shown.into_iter().map(|place| {
                let version = &key.versions[place];
                let noise = self.normal(self.noise);
                let opinion = qualities[place % methods] + own + levels[&version.picture] + noise;
                (version.name.as_str(), opinion.round().clamp(1.0, 5.0) as u8)
            });
            let grades: Vec<_> = grades.collect();
            everyone.push(rater(key, &format!("rater {number}"), &grades));
        }
        everyone
    }

    /// The mean grade of a quality over all raters and pictures there could be.
    fn true_mos(&mut self, quality: f64) -> f64 {
        let squares = [self.rater_deviation, self.picture_deviation, self.noise].map(|d| d * d);
        let deviation = squares.iter().sum::<f64>().sqrt();
        let draws = 400_000;
        let grade = |opinion: f64| (quality + opinion).round().clamp(1.0, 5.0);
        (0..draws)
            .map(|_| grade(self.normal(deviation)))
            .sum::<f64>()
            / f64::from(draws)
    }
}

fn people(seed: u64) -> People {
    People {
        random: Pcg64Mcg::seed_from_u64(seed),
        rater_deviation: 0.4,
        picture_deviation: 0.4,
        noise: 0.6,
    }
}

#[test]
fn intervals_hold_the_truth_as_often_as_they_say() {
    let key = key(&["a"], 14);
    let mut people = people(5);
    let truth = people.true_mos(3.3);
    let studies = 300;
    let held = (0..studies).filter(|study| {
        let ratings = people.grade(&key, &[3.3], 15, 0);
        let analysis = Analysis::new(&key, &ratings, 400, *study);
        let (low, high) = analysis.opinions[0].interval.unwrap();
        (low..=high).contains(&truth)
    });
    let share = held.count() as f64 / studies as f64;
    println!("{:.1} % of the intervals hold the truth", 100.0 * share);
    assert!((0.91..0.99).contains(&share), "{share} instead of 0.95");
}

#[test]
fn who_presses_at_random_is_named_and_others_are_not() {
    let methods = ["bicubic", "srresnet", "srgan", "original"];
    let key = key(&methods, 10);
    let mut people = people(6);
    let (mut named, mut wronged, mut honest) = (0, 0, 0);
    for study in 0..40 {
        let mut ratings = people.grade(&key, &[1.5, 2.8, 3.4, 4.5], 6, 4);
        // One presses evenly at random, one always the same key.
        for answer in &mut ratings[0].answers {
            answer.grade = people.random.random_range(1..=5);
        }
        for answer in &mut ratings[1].answers {
            answer.grade = 3;
        }
        let analysis = Analysis::new(&key, &ratings, 1, study);
        named += usize::from(analysis.raters[0].random);
        assert!(analysis.raters[1].random, "who presses one key is named");
        honest += ratings.len() - 2;
        wronged += analysis.raters[2..]
            .iter()
            .filter(|rater| rater.random)
            .count();
    }
    println!("{named} of 40 random pressers named, {wronged} of {honest} others");
    // One in twenty escapes on average.
    assert!(named >= 35, "{named} of 40");
    assert_eq!(wronged, 0, "of {honest}");
}

#[test]
fn differences_are_significant_where_there_are_some() {
    let key = key(&["a", "b", "c"], 12);
    let mut people = people(7);
    let studies = 60;
    let (mut found, mut invented) = (0, 0);
    for study in 0..studies {
        let ratings = people.grade(&key, &[2.5, 2.5, 3.2], 12, 0);
        let analysis = Analysis::new(&key, &ratings, 1, study);
        let pairs = analysis.comparisons.iter().map(|pair| (&*pair.a, &*pair.b));
        assert_eq!(
            pairs.collect::<Vec<_>>(),
            [("a", "b"), ("a", "c"), ("b", "c")]
        );
        let [same, better, _] = &analysis.comparisons[..] else {
            panic!("three pairs")
        };
        assert!(better.difference.unwrap() < 0.0);
        found += usize::from(better.p_holm < 0.05);
        invented += usize::from(same.p_holm < 0.05);
    }
    println!("{found} of {studies} differences found, {invented} invented");
    assert!(
        found >= 57 && invented <= 6,
        "{found} found, {invented} invented"
    );
}

/// A made study, and a folder for what raters send.
struct Sent {
    folder: TempDir,
    args: MakeArgs,
    key: Key,
}

impl Sent {
    fn new() -> Self {
        let folder = results();
        let args = make_args(folder.path());
        make(&args).unwrap();
        let key = Key::load(&Key::path(&args.out)).unwrap();
        std::fs::create_dir(folder.path().join("inbox")).unwrap();
        Self { folder, args, key }
    }

    /// A rater who gives one method this grade, and the others 3.
    fn ratings(&self, name: &str, method: &str, grade: u8) -> Ratings {
        let versions = self.key.versions.iter();
        let given = versions.map(|version| {
            let grade = if version.method == method { grade } else { 3 };
            (version.name.as_str(), grade)
        });
        rater(&self.key, name, &given.collect::<Vec<_>>())
    }

    fn send(&self, file: &str, ratings: &Ratings) -> PathBuf {
        let text = serde_json::to_string(ratings).unwrap();
        self.send_text(file, &text)
    }

    fn send_text(&self, file: &str, text: &str) -> PathBuf {
        let path = self.folder.path().join("inbox").join(file);
        std::fs::write(&path, text).unwrap();
        path
    }

    fn report(&self, extra: &[&str]) -> std::process::Output {
        Command::new(env!("CARGO_BIN_EXE_trainer"))
            .args(["study", "report", "--study"])
            .arg(&self.args.out)
            .arg(self.folder.path().join("inbox"))
            .args(extra)
            .output()
            .unwrap()
    }

    fn json(&self) -> Value {
        let text = std::fs::read(self.folder.path().join("study-report/report.json")).unwrap();
        serde_json::from_slice(&text).unwrap()
    }
}

#[test]
fn damaged_and_foreign_files_are_refused_by_name() {
    let sent = Sent::new();
    sent.send("a.json", &sent.ratings("anna", "srgan", 4));
    sent.send("b.json", &sent.ratings("ben | <b>", "srgan", 5));
    let changed = |file: &str, change: &dyn Fn(&mut Ratings)| {
        let mut ratings = sent.ratings(file, "srgan", 1);
        change(&mut ratings);
        sent.send(file, &ratings);
    };
    changed("c-foreign.json", &|r| r.study = "another".to_string());
    changed("d-format.json", &|r| {
        r.format = "uprez-ratings-9".to_string()
    });
    changed("e-grade.json", &|r| r.answers[2].grade = 6);
    changed("f-twin.json", &|r| r.rater = "Anna ".to_string());
    changed("g-unknown.json", &|r| r.order[0] = "srgan".to_string());
    changed("h-short.json", &|r| drop((r.order.pop(), r.answers.pop())));
    changed("i-long.json", &|r| r.answers.push(r.answers[0]));
    changed("j-empty.json", &|r| r.answers.clear());
    changed("k-thrice.json", &|r| {
        r.order.extend([r.order[0].clone(), r.order[0].clone()])
    });
    changed("l-nobody.json", &|r| r.rater = " ".to_string());
    changed("m-time.json", &|r| r.answers[0].seconds = -1.0);
    let whole = serde_json::to_string(&sent.ratings("nora", "srgan", 1)).unwrap();
    sent.send_text("n-half.json", &whole[..whole.len() / 2]);
    sent.send_text(
        "o-fraction.json",
        &whole.replacen("\"grade\":3", "\"grade\":3.5", 1),
    );

    let output = sent.report(&[]);
    let errors = String::from_utf8(output.stderr).unwrap();
    assert!(output.status.success(), "{errors}");
    for (file, reason) in [
        ("c-foreign", "another study"),
        ("d-format", "uprez-ratings-9"),
        ("e-grade", "its grade 3 is 6"),
        ("f-twin", "a.json"),
        ("g-unknown", "\"srgan\""),
        ("h-short", "leaves out 1"),
        ("i-long", "more pictures"),
        ("j-empty", "no grades"),
        ("k-thrice", "more than twice"),
        ("l-nobody", "no name"),
        ("m-time", "-1 seconds"),
        ("n-half", "damaged"),
        ("o-fraction", "damaged"),
    ] {
        let mut lines = errors.lines();
        let line = lines.find(|line| line.contains(file)).unwrap_or_default();
        assert!(
            line.starts_with("refused ") && line.contains(reason),
            "{file}: {line:?}"
        );
    }
    assert_eq!(errors.lines().count(), 13, "{errors}");
    let report = sent.json();
    assert_eq!(report["raters"].as_array().unwrap().len(), 2);
    assert_eq!(report["refused"].as_array().unwrap().len(), 13);
    let opinions = report["opinions"].as_array().unwrap();
    assert_eq!(opinions[1]["method"], "srgan");
    assert_eq!(opinions[1]["mos"], 4.5, "only the two good files count");
    let page = |name: &str| {
        std::fs::read_to_string(sent.folder.path().join("study-report").join(name)).unwrap()
    };
    assert!(page("report.md").contains(r"ben \| \<b>") && page("report.md").contains("c-foreign"));
    assert!(page("report.html").contains("ben | &lt;b>"));
    assert!(page("grades.svg").contains("Set3 · srgan"));
}

#[test]
fn a_rater_is_left_out_only_by_name() {
    let sent = Sent::new();
    for (name, grade) in [("anna", 5), ("ben", 4), ("carl", 1)] {
        sent.send(&format!("{name}.json"), &sent.ratings(name, "srgan", grade));
    }
    let mos = |sent: &Sent| sent.json()["opinions"][1]["mos"].as_f64().unwrap();
    assert!(sent.report(&[]).status.success());
    assert!((mos(&sent) - 10.0 / 3.0).abs() < 1e-12);
    assert!(sent.report(&["--without", "carl"]).status.success());
    assert_eq!(mos(&sent), 4.5);
    let output = sent.report(&["--without", "dora"]);
    assert!(!output.status.success());
    assert!(String::from_utf8_lossy(&output.stderr).contains("\"dora\""));
}

#[test]
fn a_report_without_its_key_or_without_ratings_is_a_sentence() {
    let sent = Sent::new();
    let args = ReportArgs {
        study: sent.args.out.clone(),
        key: None,
        without: Vec::new(),
        resamples: 10,
        out: None,
        ratings: vec![sent.folder.path().join("inbox")],
    };
    let error = format!("{:#}", report(&args).unwrap_err());
    assert!(error.contains("no ratings"), "{error}");
    let file = sent.send_text("x.json", "{}");
    assert!(format!("{:#}", report(&args).unwrap_err()).contains("files refused: 1"));
    std::fs::remove_file(file).unwrap();
    std::fs::rename(
        Key::path(&sent.args.out),
        sent.folder.path().join("moved.json"),
    )
    .unwrap();
    let error = format!("{:#}", report(&args).unwrap_err());
    assert!(
        error.contains("study-key.json") && error.contains("--key"),
        "{error}"
    );
    sent.send("a.json", &sent.ratings("anna", "srgan", 4));
    let args = ReportArgs {
        key: Some(sent.folder.path().join("moved.json")),
        ..args
    };
    report(&args).unwrap();
    assert_eq!(sent.json()["opinions"][1]["mos"], 4.0);
}
