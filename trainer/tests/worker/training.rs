//! Trainings that use workers.

use std::process::{Command, Stdio};

use crate::common::{PLAIN, SRRESNET, command, config, said, vectors};
use crate::fixture::{TOKEN, Worker};

#[test]
fn a_worker_asks_for_a_token_and_listens_on_its_own_machine_only() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    let fails = |args: &[&str], word: &str| {
        let output = command().arg("worker").args(args).output().unwrap();
        assert!(!output.status.success());
        assert!(said(&output).contains(word), "{}", said(&output));
    };
    std::fs::write(path("empty"), "\n").unwrap();
    std::fs::write(path("token"), format!("{TOKEN}\n")).unwrap();
    let [empty, token] = ["empty", "token"].map(|name| path(name).display().to_string());
    fails(&[], "--token-file");
    fails(&["--token-file", &empty], "holds no token");
    fails(
        &["--token-file", &token, "--listen", "0.0.0.0:0"],
        "--open-to-the-network",
    );
    fails(
        &["--token-file", &token, "--devices", "remote:127.0.0.1:1"],
        "its own ones only",
    );

    let worker = Worker::start(&path("token"), "cpu");
    std::fs::write(path("wrong"), "wrong-horse-battery-staple").unwrap();
    std::fs::write(path("config.toml"), config(PLAIN, "")).unwrap();
    let mut train = command();
    train.args(["train", "--config"]).arg(path("config.toml"));
    train
        .args(["--devices", &worker.name()])
        .arg("--out")
        .arg(path("run"));
    let output = train.output().unwrap();
    assert!(!output.status.success());
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
        said(&output).contains("refused the token"),
        "{}",
        said(&output)
    );
    assert!(!path("run").exists());
}

#[test]
fn a_worker_that_is_not_there_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    std::fs::write(path("token"), TOKEN).unwrap();
    std::fs::write(path("config.toml"), config(PLAIN, "")).unwrap();
    // A port that was free a moment ago.
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    drop(listener);
    let mut train = command();
    train.args(["train", "--config"]).arg(path("config.toml"));
    train.args(["--devices", &format!("remote:{address}"), "--token-file"]);
    train.arg(path("token")).arg("--out").arg(path("run"));
    let output = train.output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    let text = said(&output);
    assert!(
        text.contains(&format!("cannot reach a worker at {address}")),
        "{text}"
    );
}

#[test]
fn a_worker_that_dies_ends_the_training_which_resumes_to_the_same_weights() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    let token = path("token");
    std::fs::write(&token, TOKEN).unwrap();
    std::fs::write(path("config.toml"), config(PLAIN, "")).unwrap();
    let train = |workers: &[Worker; 2], out: &str, resume: bool| {
        let devices = format!("{},{}", workers[0].name(), workers[1].name());
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
    let workers = || [Worker::start(&token, "cpu"), Worker::start(&token, "cpu")];
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
    for words in [&*dying[1].name(), "has failed", "--resume"] {
        assert!(said(&broken).contains(words), "{words}: {}", said(&broken));
    }
    let others = workers();
    let resumed = train(&others, "broken", true).wait_with_output().unwrap();
    assert!(resumed.status.success(), "{}", said(&resumed));
    let whole = whole.wait_with_output().unwrap();
    assert!(whole.status.success(), "{}", said(&whole));
    assert_eq!(vectors(&path("whole/checkpoint.bpk")), vectors(&checkpoint));
}

/// Batch normalisation, a discriminator, two losses, accumulation, and a process with two devices.
#[test]
fn remote_devices_give_the_same_bits_as_local_ones() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    std::fs::write(path("token"), TOKEN).unwrap();
    let extra = "discriminator = { width = 4, dense = 8 }\naccumulate = 2\n\
                 last = { share = 0.5, loss = \"1*l1 + 0.1*ldl + 0.01*gan(relativistic)\" }";
    let text = config(SRRESNET, extra)
        .replace(
            "1*l1\"\noptimiser",
            "1*mse + 0.01*gan(relativistic)\"\noptimiser",
        )
        .replace("steps = 40", "steps = 10");
    assert!(text.contains("1*mse"));
    std::fs::write(path("config.toml"), text).unwrap();
    let train = |devices: &str, out: &str| {
        let mut train: Command = command();
        train.args(["train", "--config"]).arg(path("config.toml"));
        train.args(["--devices", devices, "--token-file"]);
        train.arg(path("token")).arg("--out").arg(path(out));
        let output = train.output().unwrap();
        assert!(output.status.success(), "{}", said(&output));
        String::from_utf8_lossy(&output.stdout).into_owned()
    };
    let worker = Worker::start(&path("token"), "cpu,cpu");
    train("cpu,cpu", "local");
    let said = train(&worker.name(), "remote");
    assert!(said.contains("Every step moves "), "{said}");
    assert_eq!(
        vectors(&path("local/checkpoint.bpk")),
        vectors(&path("remote/checkpoint.bpk"))
    );
}
