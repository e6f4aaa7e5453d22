//! The command `degrade`.

mod common;

use common::{PLAIN, command, config, samples, train};

#[test]
fn degrade_writes_what_a_training_uses() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    let steps =
        "degradation = [{ kind = \"blur\", sigma_px = [1, 2] }, { kind = \"jpeg\", quality = 40 }]";
    let config = config(PLAIN, "").replace("patch_px = 24", &format!("patch_px = 24\n{steps}"));
    std::fs::write(path("config.toml"), config).unwrap();
    let mut degrade = command();
    degrade.args(["degrade", &samples()]).arg(path("out"));
    degrade.arg("--config").arg(path("config.toml"));
    let output = degrade.output().unwrap();
    let text = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{text}");
    let low = trainer::image_file::load(&path("out/budgie_casa-mila_704_768.png")).unwrap();
    assert_eq!((low.width, low.height), (256, 256));
    let trained = train(folder.path(), "run", &[]);
    assert!(trained.status.success());
    let report = std::fs::read_to_string(path("run/report.md")).unwrap();
    let words = "blur of σ 1–2 px, then JPEG of quality 40";
    assert!(report.contains(words), "{report}");
}

#[test]
fn degrade_draws_anew_each_time() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    let noise = "patch_px = 24\ndegradation = [{ kind = \"gaussian_noise\", sigma = [1, 20] }]";
    let config = config(PLAIN, "").replace("patch_px = 24", noise);
    std::fs::write(path("config.toml"), config).unwrap();
    let degrade = |out: &str, more: &[&str]| {
        let mut degrade = command();
        degrade.args(["degrade", &samples()]).arg(path(out));
        degrade.arg("--config").arg(path("config.toml")).args(more);
        degrade.output().unwrap()
    };
    assert!(degrade("once", &[]).status.success());
    assert!(degrade("out", &["--draws", "2"]).status.success());
    let read = |name: &str| std::fs::read(path(name)).unwrap();
    let [once, first, second] = ["once/NAME.png", "out/NAME_d1.png", "out/NAME_d2.png"]
        .map(|name| read(&name.replace("NAME", "budgie_casa-mila_704_768")));
    assert_eq!(once, first);
    assert_ne!(first, second);
    assert!(
        !degrade("sheet.png", &["--draws", "2", "--sheet"])
            .status
            .success()
    );
}
