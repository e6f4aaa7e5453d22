//! Trainings that are interrupted, resumed, stopped early, or diverge.

mod common;

use std::path::Path;

use common::{
    PLAIN, SRRESNET, command, config, kill_after_its_first_checkpoint, said, samples, train,
    vectors,
};

#[test]
fn a_killed_training_resumes_to_the_same_bits() {
    resumes_to_the_same_bits(&config(PLAIN, ""));
    resumes_to_the_same_bits(&config(SRRESNET, ""));
    // With room for a few of the images at a time, and with several patches of an image in a step.
    let few = config(PLAIN, "").replace("patch_px = 24", "patch_px = 24\nmemory_gb = 0.01");
    resumes_to_the_same_bits(&few.replace("batch = 4", "batch = 32"));
}

fn resumes_to_the_same_bits(config: &str) {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("config.toml"), config).unwrap();
    assert!(train(folder.path(), "whole", &[]).status.success());

    let mut child = command()
        .args(["train", "--devices", "cpu", "--config"])
        .arg(folder.path().join("config.toml"))
        .arg("--out")
        .arg(folder.path().join("broken"))
        .spawn()
        .unwrap();
    let checkpoint = folder.path().join("broken/checkpoint.bpk");
    kill_after_its_first_checkpoint(&mut child, &checkpoint);

    let again = train(folder.path(), "broken", &[]);
    assert_eq!(again.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&again.stderr).contains("--resume"));
    let resumed = train(folder.path(), "broken", &["--resume"]);
    assert!(
        resumed.status.success(),
        "{}",
        String::from_utf8_lossy(&resumed.stderr)
    );
    assert_eq!(
        vectors(&folder.path().join("whole/checkpoint.bpk")),
        vectors(&checkpoint)
    );
    for name in ["model.bpk", "log.jsonl", "report.md", "curves.svg"] {
        assert!(folder.path().join("broken").join(name).exists(), "{name}");
    }
    // Another configuration cannot resume it.
    std::fs::write(
        folder.path().join("config.toml"),
        config.replace("seed = 3", "seed = 4"),
    )
    .unwrap();
    let other = train(folder.path(), "broken", &["--resume"]);
    assert!(String::from_utf8_lossy(&other.stderr).contains("another configuration"));
}

/// A small SRGAN, whose checkpoint holds both networks and both optimisers.
fn gan(extra: &str) -> String {
    let extra = format!("discriminator = {{ width = 4, dense = 8 }}\naccumulate = 2\n{extra}");
    config(SRRESNET, &extra)
        .replace("1*l1", "1*mse + 0.01*gan(relativistic)")
        .replace("steps = 40", "steps = 20")
        .replace("checkpoint_steps = 10", "checkpoint_steps = 5")
}

#[test]
fn a_killed_gan_resumes_to_the_same_bits() {
    resumes_to_the_same_bits(&gan(""));
}

#[test]
fn a_gan_starts_from_an_earlier_training_and_keeps_the_last_weights() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    std::fs::write(path("config.toml"), config(SRRESNET, "")).unwrap();
    assert!(train(folder.path(), "first", &[]).status.success());
    std::fs::write(path("config.toml"), gan("start = \"first/checkpoint.bpk\"")).unwrap();
    let second = train(folder.path(), "second", &[]);
    assert!(second.status.success(), "{}", said(&second));

    let names: Vec<_> = vectors(&path("second/checkpoint.bpk"))
        .into_iter()
        .map(|(name, _)| name)
        .collect();
    for name in [
        "parameters",
        "optimiser.1",
        "discriminator.0.parameters",
        "discriminator.0.optimiser.1",
    ] {
        assert!(names.iter().any(|known| known == name), "{name}: {names:?}");
    }
    let log = std::fs::read_to_string(path("second/log.jsonl")).unwrap();
    assert!(log.contains("discriminator_loss"), "{log}");
    let report = std::fs::read_to_string(path("second/report.md")).unwrap();
    assert!(report.contains("step 20, the last ones"), "{report}");
    assert!(path("second/samples/step-0000020.png").exists());
    // Random weights give a much lower PSNR.
    let psnr = |run: &str| {
        let log = std::fs::read_to_string(path(run).join("log.jsonl")).unwrap();
        let lines: Vec<serde_json::Value> = log
            .lines()
            .map(|l| serde_json::from_str(l).unwrap())
            .collect();
        lines
            .iter()
            .rev()
            .find_map(|line| line["psnr_y"].as_f64())
            .unwrap()
    };
    std::fs::write(path("config.toml"), gan("")).unwrap();
    assert!(train(folder.path(), "random", &[]).status.success());
    assert!(
        psnr("second") > psnr("random") + 1.0,
        "{} {}",
        psnr("second"),
        psnr("random")
    );

    std::fs::write(
        path("config.toml"),
        config(PLAIN, "start = \"first/checkpoint.bpk\""),
    )
    .unwrap();
    let other = said(&train(folder.path(), "other", &[]));
    assert!(other.contains("another network"), "{other}");
}

#[test]
fn a_training_without_improvement_stops_early() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    // With this learning rate every evaluation is worse than the first.
    let text = config(PLAIN, "")
        .replace("steps = 40", "steps = 400")
        .replace("2e-3", "0.3")
        .replace("average = 0.9\n", "")
        .replace("every_steps = 20", "every_steps = 5\npatience = 3");
    std::fs::write(path("config.toml"), text).unwrap();
    let output = train(folder.path(), "run", &[]);
    assert!(output.status.success(), "{}", said(&output));
    assert!(
        said(&output).contains("3 evaluations without an improvement"),
        "{}",
        said(&output)
    );
    let steps = |output: &std::process::Output| {
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        let words = text.split("Trained for ").nth(1).unwrap();
        words.split(' ').next().unwrap().parse::<u64>().unwrap()
    };
    assert!(steps(&output) < 400, "{}", steps(&output));
    assert!(path("run/model.bpk").exists() && path("run/report.md").exists());
    // No steps are left.
    let resumed = train(folder.path(), "run", &["--resume"]);
    assert!(resumed.status.success(), "{}", said(&resumed));
    assert_eq!(steps(&resumed), 0);
}

/// A GAN keeps its last weights, so that there is no score to wait for.
#[test]
fn patience_needs_a_score() {
    let folder = tempfile::tempdir().unwrap();
    let text = gan("").replace("hold_out = 1", "hold_out = 1\npatience = 2");
    std::fs::write(folder.path().join("config.toml"), text).unwrap();
    let output = train(folder.path(), "run", &[]);
    assert_eq!(output.status.code(), Some(1));
    assert!(
        said(&output).contains("evaluation.lpips"),
        "{}",
        said(&output)
    );
}

#[test]
fn a_training_that_diverges_names_the_step_and_saves_the_batch() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    let text = config(PLAIN, "")
        .replace("2e-3", "1e30")
        .replace("clip_norm = 0.1\n", "");
    std::fs::write(path("config.toml"), text).unwrap();
    let output = train(folder.path(), "run", &[]);
    assert_eq!(output.status.code(), Some(1));
    let text = said(&output);
    assert!(
        text.contains("not a finite number any more (step 2;") && text.contains("learning_rate"),
        "{text}"
    );
    let image = trainer::image_file::load(&path("run/broken-step-2.png")).unwrap();
    // Four patches of 24 px above their targets of 48.
    assert_eq!((image.width, image.height), (4 + 4 * 52, 4 + 28 + 52));
    let batch: Vec<_> = vectors(&path("run/broken-step-2.bpk"));
    let sizes: Vec<_> = batch
        .iter()
        .map(|(name, bytes)| (name.as_str(), bytes.len()))
        .collect();
    assert!(sizes.contains(&("input", 4 * 4 * 24 * 24)), "{sizes:?}");
    assert!(sizes.contains(&("target.0", 4 * 4 * 48 * 48)), "{sizes:?}");
    assert!(!path("run/checkpoint.bpk").exists());
}

/// Steps, batch and learning rate may change in a resumed training, but nothing else, and only if it is said.
#[test]
fn a_resumed_training_changes_what_it_is_told_to() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    std::fs::write(path("config.toml"), config(PLAIN, "")).unwrap();
    let run = |args: &[&str]| train(folder.path(), "run", args);
    assert!(run(&[]).status.success());
    let longer = [
        "--resume",
        "--steps",
        "60",
        "--batch",
        "3",
        "--set",
        "training.learning_rate=1e-3",
    ];
    let resumed = run(&longer);
    assert!(resumed.status.success(), "{}", said(&resumed));
    let words = String::from_utf8_lossy(&resumed.stdout).into_owned();
    assert!(words.contains("Going on from step 40"), "{words}");
    assert!(words.contains("Trained for 20 steps"), "{words}");

    let other = format!("{}/../samples", samples());
    for (args, words) in [
        (
            vec!["--resume"],
            vec!["training.steps was 60 and is 40", "--set"],
        ),
        (
            vec!["--resume", "--data", &other],
            vec!["data.folders", "--out"],
        ),
        (
            [&longer[..], &["--set", "seed=4"]].concat(),
            vec!["seed was 3 and is 4"],
        ),
        (
            [&longer[..], &["--set", "training.colour=3"]].concat(),
            vec!["colour"],
        ),
    ] {
        let output = run(&args);
        assert_eq!(output.status.code(), Some(1), "{args:?}");
        for word in words {
            assert!(said(&output).contains(word), "{args:?}: {}", said(&output));
        }
    }
}

#[test]
fn a_training_without_a_checkpoint_starts_anew() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    std::fs::write(path("config.toml"), config(PLAIN, "")).unwrap();
    std::fs::create_dir(path("run")).unwrap();
    std::fs::write(path("run/log.jsonl"), "").unwrap();
    let output = train(folder.path(), "run", &["--resume"]);
    assert!(output.status.success(), "{}", said(&output));
    let words = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(words.contains("starting anew"), "{words}");
}

#[cfg(unix)]
#[test]
fn ctrl_c_saves_the_training() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    // Without a checkpoint of its own accord.
    let text = config(PLAIN, "")
        .replace("steps = 40", "steps = 100000")
        .replace("checkpoint_steps = 10", "checkpoint_steps = 100000");
    std::fs::write(path("config.toml"), text).unwrap();
    let mut child = command()
        .args(["train", "--devices", "cpu", "--config"])
        .arg(path("config.toml"))
        .arg("--out")
        .arg(path("run"))
        .stderr(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    // The first evaluation, after 20 steps, writes a sample.
    while !path("run/samples/step-0000020.png").exists() {
        assert!(
            child.try_wait().unwrap().is_none(),
            "the training has ended"
        );
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
    let mut interrupt = std::process::Command::new("kill");
    interrupt.args(["-INT", &child.id().to_string()]);
    assert!(interrupt.status().unwrap().success());
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(1), "{}", said(&output));
    assert!(said(&output).contains("--resume"), "{}", said(&output));
    assert!(path("run/checkpoint.bpk").exists());
}

#[test]
fn a_dry_run_tells_the_cost_and_trains_nothing() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("config.toml"), config(PLAIN, "")).unwrap();
    let output = train(folder.path(), "run", &["--dry-run"]);
    assert!(output.status.success(), "{}", said(&output));
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    for word in [
        "multiplications per pixel",
        "held out",
        "patches/s",
        "40 steps",
    ] {
        assert!(text.contains(word), "{word} is missing: {text}");
    }
    assert!(!folder.path().join("run").exists());
}

/// The student learns from what the teacher makes, at twice the scale, and its log has all terms.
#[test]
fn a_network_learns_from_a_teacher_and_starts_from_another_scale() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    let write = |text: String| std::fs::write(path("config.toml"), text).unwrap();
    let small = config(PLAIN, "").replace("patch_px = 24", "patch_px = 16");
    let colour = small.replace("kind = \"plain\"", "kind = \"plain\"\ncolour = \"rgb\"");
    write(colour.replace("scale = 2", "scale = 4"));
    let teacher = train(folder.path(), "teacher", &[]);
    assert!(teacher.status.success(), "{}", said(&teacher));

    let loss = "0.5*l1 + 0.3*distill(teacher/model.bpk) + 0.2*ldl";
    write(colour.replace("1*l1", loss));
    let student = train(
        folder.path(),
        "student",
        &[
            "--start",
            &path("teacher/checkpoint.bpk").display().to_string(),
            "--start-partial",
        ],
    );
    assert!(student.status.success(), "{}", said(&student));
    let words = String::from_utf8_lossy(&student.stdout).into_owned();
    assert!(words.contains("Starting from"), "{words}");
    let log = std::fs::read_to_string(path("student/log.jsonl")).unwrap();
    let terms = |line: &str| {
        let line: serde_json::Value = serde_json::from_str(line).unwrap();
        let terms = line["terms"].as_object()?.clone();
        let values = terms.values().map(|value| value.as_f64().unwrap());
        Some((
            terms.len(),
            values.sum::<f64>(),
            line["loss"].as_f64().unwrap(),
        ))
    };
    let steps: Vec<_> = log.lines().filter_map(terms).collect();
    assert!(!steps.is_empty(), "{log}");
    for (count, sum, loss) in steps {
        assert_eq!(count, 3, "{log}");
        assert!((sum - loss).abs() < 1e-5 * loss, "{sum} is not {loss}");
    }

    // A network on Y cannot learn from one on RGB.
    write(small.replace("1*l1", loss));
    let other = train(folder.path(), "other", &[]);
    assert!(said(&other).contains("network.colour"), "{}", said(&other));
}

#[test]
fn tiles_of_a_photograph_stay_on_one_side() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    std::fs::create_dir(path("images")).unwrap();
    for tile in ["a_0_0", "a_0_512", "b_0_0", "b_0_512"] {
        let from = Path::new(&samples()).join("budgie_casa-mila_704_768.webp");
        std::fs::copy(from, path(&format!("images/{tile}.webp"))).unwrap();
    }
    for (key, expected) in [
        ("", "3 images to learn from"),
        ("tile = \"_#_#\"", "2 images to learn from"),
        ("tile = [\"_#\", \"_#\"]", "2 images to learn from"),
    ] {
        let text = config(PLAIN, "")
            .replace("patch_px = 24", &format!("patch_px = 24\n{key}"))
            .replace(&samples(), "images");
        std::fs::write(path("config.toml"), text).unwrap();
        let output = train(folder.path(), "run", &["--dry-run"]);
        assert!(output.status.success(), "{}", said(&output));
        let words = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(words.contains(expected), "{words}");
    }
}
