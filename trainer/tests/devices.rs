//! Several devices and several machines.

mod common;

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Stdio};

use burn::tensor::Device;
use common::{PLAIN, command, config, said, vectors};
use trainer::config::Config;
use trainer::data::{Dataset, Sampler};
use trainer::device::Devices;
use trainer::train::Trainer;

/// The parameters after one step of gradient descent at rate 1: the gradient's image.
fn after_a_step(devices: usize, accumulate: usize) -> Vec<f32> {
    let text = config(PLAIN, &format!("accumulate = {accumulate}"))
        .replace("kind = \"adam\"", "kind = \"sgd\", momentum = 0.0")
        .replace("learning_rate = 2e-3", "learning_rate = 1")
        .replace("schedule = { warm_up_steps = 5, decay = \"cosine\" }\n", "")
        .replace("clip_norm = 0.1\n", "")
        .replace("batch = 4", "batch = 7");
    let config = Config::parse(&text, Path::new(".")).unwrap();
    let dataset = Dataset::load(&config.data, &config.network, 0, config.seed).unwrap();
    let batch = Sampler::new(dataset.into(), &config).batch(0);
    let mut all = Devices::from(Device::flex());
    all.workers = vec![all.workers[0].clone(); devices];
    let mut trainer = Trainer::on(&config, all).unwrap();
    trainer.step(batch).unwrap();
    let vectors = trainer.checkpoint().vectors;
    let (_, parameters) = vectors
        .into_iter()
        .find(|(name, _)| name == "parameters")
        .unwrap();
    parameters.into_data().iter::<f32>().collect()
}

#[test]
fn shares_of_a_batch_give_the_gradient_of_the_whole() {
    let whole = after_a_step(1, 1);
    for (devices, accumulate) in [(2, 1), (1, 3), (3, 2)] {
        let parts = after_a_step(devices, accumulate);
        for (a, b) in whole.iter().zip(&parts) {
            assert!(
                (a - b).abs() < 1e-6,
                "{devices} × {accumulate}: {a} and {b}"
            );
        }
    }
}

/// `trainer worker` on a port of its own; it dies with the test.
struct Worker {
    child: Child,
    url: String,
}

impl Worker {
    fn start(token: &Path) -> Self {
        let mut child = command()
            .args([
                "worker",
                "--listen",
                "127.0.0.1:0",
                "--devices",
                "cpu",
                "--token-file",
            ])
            .arg(token)
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut line = String::new();
        let stdout = child.stdout.as_mut().unwrap();
        BufReader::new(stdout).read_line(&mut line).unwrap();
        let url = line
            .split_whitespace()
            .find(|word| word.starts_with("ws://"));
        let url = url.unwrap_or_else(|| panic!("{line:?}"));
        Self {
            url: format!("remote:{}", url.trim_end_matches(';')),
            child,
        }
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn a_worker_wants_a_token_and_stays_at_home() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    let fails = |args: &[&str], word: &str| {
        let output = command().arg("worker").args(args).output().unwrap();
        assert!(!output.status.success());
        assert!(said(&output).contains(word), "{}", said(&output));
    };
    std::fs::write(path("empty"), "\n").unwrap();
    std::fs::write(path("token"), "correct-horse-battery\n").unwrap();
    let [empty, token] = ["empty", "token"].map(|name| path(name).display().to_string());
    fails(&[], "--token-file");
    fails(&["--token-file", &empty], "holds no token");
    fails(
        &["--token-file", &token, "--listen", "0.0.0.0:0"],
        "--open-to-the-network",
    );

    let worker = Worker::start(&path("token"));
    std::fs::write(path("wrong"), "wrong-horse-battery-staple").unwrap();
    std::fs::write(path("config.toml"), config(PLAIN, "")).unwrap();
    let mut train = command();
    train.args(["train", "--config"]).arg(path("config.toml"));
    train
        .args(["--devices", &worker.url])
        .arg("--out")
        .arg(path("run"));
    let output = train.output().unwrap();
    assert!(
        said(&output).contains("asks for a token"),
        "{}",
        said(&output)
    );
    let output = train
        .arg("--token-file")
        .arg(path("wrong"))
        .output()
        .unwrap();
    assert!(!output.status.success());
    assert!(
        said(&output).contains("rejected the credential"),
        "{}",
        said(&output)
    );
    assert!(!path("run").exists());
}

#[test]
fn a_worker_that_dies_ends_the_training_which_resumes_to_the_same_weights() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    let token = path("token");
    std::fs::write(&token, "correct-horse-battery").unwrap();
    std::fs::write(path("config.toml"), config(PLAIN, "")).unwrap();
    let train = |workers: &[Worker; 2], out: &str, resume: bool| {
        let devices = format!("{},{}", workers[0].url, workers[1].url);
        let mut train = command();
        train.args(["train", "--config"]).arg(path("config.toml"));
        train
            .args(["--devices", &devices, "--token-file"])
            .arg(&token);
        train.arg("--out").arg(path(out));
        if resume {
            train.arg("--resume");
        }
        train.stderr(Stdio::piped()).spawn().unwrap()
    };
    let workers = || [Worker::start(&token), Worker::start(&token)];
    let steady = workers();
    let whole = train(&steady, "whole", false);

    let mut dying = workers();
    let mut broken = train(&dying, "broken", false);
    let checkpoint = path("broken/checkpoint.bpk");
    while !checkpoint.exists() {
        assert!(broken.try_wait().unwrap().is_none(), "it ended too early");
        std::thread::sleep(std::time::Duration::from_millis(5));
    }
    dying[1].child.kill().unwrap();
    let broken = broken.wait_with_output().unwrap();
    assert_eq!(broken.status.code(), Some(1), "{}", said(&broken));
    for words in [&dying[1].url, "has failed", "go on with --resume"] {
        assert!(said(&broken).contains(words), "{words}: {}", said(&broken));
    }
    let others = workers();
    let resumed = train(&others, "broken", true).wait_with_output().unwrap();
    assert!(resumed.status.success(), "{}", said(&resumed));
    let whole = whole.wait_with_output().unwrap();
    assert!(whole.status.success(), "{}", said(&whole));
    assert_eq!(vectors(&path("whole/checkpoint.bpk")), vectors(&checkpoint));
}
