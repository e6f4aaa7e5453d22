//! Helpers of the trainer's tests: a small training, run as a command.

#![allow(dead_code, reason = "each test file uses a part")]

use std::path::Path;
use std::process::{Child, Command};

pub fn command() -> Command {
    Command::new(env!("CARGO_BIN_EXE_trainer"))
}

pub fn samples() -> String {
    format!("{}/samples", env!("CARGO_MANIFEST_DIR"))
}

pub const PLAIN: &str = r#"
kind = "plain"
scale = 2
width = 8
depth = 1
long_skip = true
expansion = 16
"#;

/// Has batch normalisation, whose running statistics are a state beside the parameters.
pub const SRRESNET: &str = r#"
kind = "srresnet"
scale = 2
width = 6
blocks = 2
"#;

/// A small network on the samples, 40 steps.
pub fn config(network: &str, extra: &str) -> String {
    format!(
        r#"
name = "tiny"
seed = 3
[network]
{network}
[data]
folders = ["{}"]
patch_px = 24
[training]
steps = 40
batch = 4
loss = "1*l1"
optimiser = {{ kind = "adam" }}
learning_rate = 2e-3
schedule = {{ warm_up_steps = 5, decay = "cosine" }}
clip_norm = 0.1
average = 0.9
checkpoint_steps = 10
{extra}
[evaluation]
every_steps = 20
hold_out = 1
"#,
        samples()
    )
}

pub fn train(folder: &Path, out: &str, args: &[&str]) -> std::process::Output {
    command()
        .args(["train", "--devices", "cpu", "--config"])
        .arg(folder.join("config.toml"))
        .arg("--out")
        .arg(folder.join(out))
        .args(args)
        .output()
        .unwrap()
}

/// The checkpoint's vectors: parameters, moments, average.
pub fn vectors(path: &Path) -> Vec<(String, Vec<u8>)> {
    let reader = burn_pack::Reader::from_file_exact(path).unwrap();
    let tensors = reader.into_tensors().unwrap().into_iter();
    tensors
        .map(|t| (t.name.clone(), t.into_bytes().unwrap().to_vec()))
        .collect()
}

/// A command's standard error.
pub fn said(output: &std::process::Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// Kills a training as soon as there is a checkpoint to resume from.
pub fn kill_after_its_first_checkpoint(child: &mut Child, checkpoint: &Path) {
    while !checkpoint.exists() {
        assert!(
            child.try_wait().unwrap().is_none(),
            "it ended before its first checkpoint"
        );
        std::thread::sleep(std::time::Duration::from_millis(5));
    }
    child.kill().unwrap();
    child.wait().unwrap();
}
