//! The command `study report`.

use std::path::PathBuf;
use std::process::Command;

use serde_json::Value;
use tempfile::TempDir;
use trainer::study::{Key, MakeArgs, Ratings, ReportArgs, make, report};

use crate::fixture::{make_args, rater, results};

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
    changed("l-unnamed.json", &|r| r.rater = " ".to_string());
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
        ("i-long", "more images"),
        ("j-empty", "no grades"),
        ("k-thrice", "more than twice"),
        ("l-unnamed", "no name"),
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
fn a_report_without_its_key_or_ratings_is_an_error() {
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
