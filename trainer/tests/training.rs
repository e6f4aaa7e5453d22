//! Training as a whole: it learns, it resumes, and what it exports is what it trained.

use std::path::Path;
use std::process::Command;

use burn::tensor::{Device, Tensor, TensorData};
use model::network::Network;
use trainer::config::Config;
use trainer::data::{LowResolution, Pair, Sample};

fn command() -> Command {
    Command::new(env!("CARGO_BIN_EXE_trainer"))
}

fn samples() -> String {
    format!("{}/samples", env!("CARGO_MANIFEST_DIR"))
}

const PLAIN: &str = r#"
kind = "plain"
scale = 2
width = 8
depth = 1
long_skip = true
expansion = 16
"#;

/// Its batch normalisation has a state beside the parameters.
const SRRESNET: &str = r#"
kind = "srresnet"
scale = 2
width = 6
blocks = 2
"#;

/// A small network on the samples, 40 steps.
fn config(network: &str, extra: &str) -> String {
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

fn train(folder: &Path, out: &str, args: &[&str]) -> std::process::Output {
    command()
        .args(["train", "--device", "cpu", "--config"])
        .arg(folder.join("config.toml"))
        .arg("--out")
        .arg(folder.join(out))
        .args(args)
        .output()
        .unwrap()
}

/// The checkpoint's vectors: parameters, moments, average.
fn vectors(path: &Path) -> Vec<(String, Vec<u8>)> {
    let reader = burn_pack::Reader::from_file_exact(path).unwrap();
    let tensors = reader.into_tensors().unwrap().into_iter();
    tensors
        .map(|t| (t.name.clone(), t.into_bytes().unwrap().to_vec()))
        .collect()
}

#[test]
fn a_killed_training_resumes_to_the_same_bits() {
    for network in [PLAIN, SRRESNET] {
        resumes_to_the_same_bits(network);
    }
}

fn resumes_to_the_same_bits(network: &str) {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("config.toml"), config(network, "")).unwrap();
    assert!(train(folder.path(), "whole", &[]).status.success());

    let mut child = command()
        .args(["train", "--device", "cpu", "--config"])
        .arg(folder.path().join("config.toml"))
        .arg("--out")
        .arg(folder.path().join("broken"))
        .spawn()
        .unwrap();
    let checkpoint = folder.path().join("broken/checkpoint.bpk");
    while !checkpoint.exists() {
        assert!(
            child.try_wait().unwrap().is_none(),
            "it ended before its first checkpoint"
        );
        std::thread::sleep(std::time::Duration::from_millis(5));
    }
    child.kill().unwrap();
    child.wait().unwrap();

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
    // Another configuration must not go on from it.
    std::fs::write(
        folder.path().join("config.toml"),
        config(network, "last_layer_rate = 0.5"),
    )
    .unwrap();
    let other = train(folder.path(), "broken", &["--resume"]);
    assert!(String::from_utf8_lossy(&other.stderr).contains("another configuration"));
}

fn noise(count: usize, seed: u32) -> Vec<f32> {
    let mut state = seed;
    (0..count)
        .map(|_| {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (state >> 8) as f32 / (1 << 24) as f32
        })
        .collect()
}

fn output(network: &Network, x: &Tensor<4>) -> Vec<f32> {
    network
        .forward(x.clone())
        .into_data()
        .iter::<f32>()
        .collect()
}

#[test]
fn folding_changes_nothing() {
    for (network, parameters) in [
        (
            "kind = \"plain\"\nscale = 3\nwidth = 9\ndepth = 2\nends_px = 5\nlong_skip = true\nexpansion = 40",
            None,
        ),
        (
            "kind = \"plain\"\nscale = 2\ncolour = \"rgb\"\nwidth = 8\ndepth = 1\nskip = \"bicubic\"\nexpansion = 7",
            None,
        ),
        ("kind = \"srcnn\"\nscale = 3", Some(8_129)),
        (
            "kind = \"srcnn\"\nscale = 3\nkernels_px = [9, 5, 5]",
            Some(57_281),
        ),
        // 12,464 weights in the paper's table, and here the biases and slopes that it leaves out.
        ("kind = \"fsrcnn\"\nscale = 2", Some(12_464 + 345)),
        ("kind = \"espcn\"\nscale = 3", Some(22_729)),
        (
            "kind = \"srresnet\"\nscale = 4\nwidth = 8\nblocks = 2",
            None,
        ),
        ("kind = \"lapsrn\"\nscale = 4\nwidth = 6\ndepth = 2", None),
        ("kind = \"hourglass\"\nscale = 2\nwidth = 4", None),
        ("kind = \"residualdense\"\nscale = 2", None),
        ("kind = \"autoencoder\"", Some(23_873)),
        (
            "kind = \"dbpn\"\nscale = 2\nfeatures = 8\nwidth = 6\nstages = 3",
            None,
        ),
    ] {
        let config: model::network::NetworkConfig = toml::from_str(network).unwrap();
        let device = Device::flex();
        let trained = config.init_training(5, &device);
        let channels = config.spec().colour.channels();
        let x = TensorData::new(noise(channels * 13 * 17, 9), [1, channels, 13, 17]);
        let x = Tensor::from_data(x, &device);
        let before = output(&trained, &x);
        let folded = trained.fold();
        let after = output(&folded, &x);
        for (a, b) in before.iter().zip(&after) {
            assert!((a - b).abs() < 1e-5, "{network}: {a} became {b}");
        }
        let held = burn::module::Module::num_params(&folded);
        assert_eq!(held, config.parameters(&Device::flex()), "{network}");
        if let Some(parameters) = parameters {
            assert_eq!(held, parameters, "{network}");
        }
    }
}

/// Trains on a single patch; the losses of the first and of the last step.
fn learn_one_patch(network: &str, training: &str) -> [f32; 2] {
    let text = format!(
        r#"
name = "patch"
[network]
{network}
[data]
folders = ["unused"]
patch_px = 12
[training]
batch = 1
loss = "1*mse"
optimiser = {{ kind = "adam" }}
{training}
"#
    );
    let config = Config::parse(&text, Path::new(".")).unwrap();
    let side = 12 * config.network.spec().scale;
    let file = Path::new(&samples()).join("budgie_casa-mila_704_768.webp");
    let image = trainer::image_file::load(&file).unwrap();
    let mut data = Vec::new();
    for y in 0..side {
        data.extend_from_slice(&image.data[3 * ((200 + y) * image.width + 200)..][..3 * side]);
    }
    let target = model::pixel::Image::new(side, side, model::pixel::Channels::Rgb, data).unwrap();
    let low = LowResolution::default();
    let scale = config.network.spec().scale;
    let pair = Pair::from_hr("patch".into(), &target, scale, &low).unwrap();
    let sample = Sample::new(pair, &config.network);
    let dataset = trainer::data::Dataset {
        training: vec![sample],
        held_out: Vec::new(),
        sources: Vec::new(),
    };
    let mut trainer = trainer::train::Trainer::new(&config, &Device::flex()).unwrap();
    let mut losses = Vec::new();
    for batch in trainer::data::Batches::start(std::sync::Arc::new(dataset), &config, 0) {
        losses.push(trainer.step(batch).loss.into_scalar::<f32>());
    }
    [losses[0], losses[losses.len() - 1]]
}

/// A network that cannot learn one patch by heart cannot learn.
#[test]
fn one_patch_is_learnt_past_40_db() {
    let network = "kind = \"plain\"\nscale = 2\nwidth = 16\ndepth = 2\nexpansion = 32";
    let training = "steps = 1500\nlearning_rate = 5e-3\nclip_norm = 0.5\n\
                    schedule = { warm_up_steps = 20, decay = \"cosine\" }";
    let [_, last] = learn_one_patch(network, training);
    let psnr_db = -10.0 * last.log10();
    assert!(psnr_db > 40.0, "{psnr_db} dB");
}

#[test]
fn every_network_learns() {
    for network in [
        "kind = \"fsrcnn\"\nscale = 2\nwide = 16",
        "kind = \"espcn\"\nscale = 3\nmaps = [16, 16]",
        "kind = \"srresnet\"\nscale = 4\nwidth = 8\nblocks = 2",
        "kind = \"lapsrn\"\nscale = 4\nwidth = 8\ndepth = 2",
        "kind = \"hourglass\"\nscale = 2\nwidth = 8",
        "kind = \"residualdense\"\nscale = 2\nwidth = 8\ngrowth = 6",
        "kind = \"dbpn\"\nscale = 2\nfeatures = 12\nwidth = 8\nstages = 2",
        "kind = \"autoencoder\"\nmaps = [8]",
    ] {
        let [first, last] = learn_one_patch(network, "steps = 120\nlearning_rate = 3e-3");
        assert!(last < 0.3 * first, "{network}: {first} became {last}");
    }
}

#[test]
fn one_sees_what_the_network_sees() {
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

/// An idx file of bright squares at varying places.
fn digits(count: usize) -> Vec<u8> {
    let mut bytes = Vec::new();
    for number in [2051, count as u32, 28, 28] {
        bytes.extend(number.to_be_bytes());
    }
    for digit in 0..count {
        let (left, top) = (4 + digit * 7 % 11, 4 + digit * 5 % 13);
        bytes.extend((0..28 * 28).map(|i| {
            let inside = (left..left + 7).contains(&(i % 28)) && (top..top + 7).contains(&(i / 28));
            if inside { 255 } else { 0 }
        }));
    }
    bytes
}

#[test]
fn digits_are_sharpened_and_a_killed_training_of_them_goes_on() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    std::fs::write(path("train-images-idx3-ubyte"), digits(256)).unwrap();
    std::fs::write(path("t10k-images-idx3-ubyte"), digits(40)).unwrap();
    let mnist = |out: &str| {
        let mut command = command();
        command.args(["mnist", "--device", "cpu", "--epochs", "3", "--data"]);
        command.arg(folder.path()).arg("--out").arg(path(out));
        command
    };
    let output = mnist("whole").output().unwrap();
    let text = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{text}");

    let mut child = mnist("broken").spawn().unwrap();
    while !path("broken/checkpoint.bpk").exists() {
        assert!(
            child.try_wait().unwrap().is_none(),
            "it ended before its first checkpoint"
        );
        std::thread::sleep(std::time::Duration::from_millis(5));
    }
    child.kill().unwrap();
    child.wait().unwrap();
    assert_eq!(mnist("broken").output().unwrap().status.code(), Some(1));
    let resumed = mnist("broken").arg("--resume").output().unwrap();
    let text = String::from_utf8_lossy(&resumed.stderr).into_owned();
    assert!(resumed.status.success(), "{text}");
    for name in ["log.jsonl", "report.md"] {
        let read = |run: &str| std::fs::read_to_string(path(run).join(name)).unwrap();
        assert_eq!(read("whole"), read("broken"), "{name}");
    }
    assert_eq!(
        vectors(&path("whole/checkpoint.bpk")),
        vectors(&path("broken/checkpoint.bpk"))
    );
    let log = std::fs::read_to_string(path("whole/log.jsonl")).unwrap();
    let losses: Vec<f64> = log
        .lines()
        .map(|line| {
            line.rsplit_once(':')
                .unwrap()
                .1
                .trim_end_matches('}')
                .parse()
                .unwrap()
        })
        .collect();
    assert!(
        losses.len() == 3 && losses[2] < 0.8 * losses[0],
        "{losses:?}"
    );
    assert!(path("whole/digits.png").exists());
}

#[test]
fn bad_input_is_a_sentence_and_leaves_nothing_behind() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    let fails = |command: &mut Command, words: &[&str]| {
        let output = command.output().unwrap();
        let text = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(1), "{text}");
        for word in words {
            assert!(text.contains(word), "{word:?} is missing in {text:?}");
        }
        assert!(!text.contains("panicked"), "{text}");
    };
    let config = config(PLAIN, "");
    std::fs::write(
        path("unknown.toml"),
        config.replace("batch = 4", "batch = 4\nbatsch = 5"),
    )
    .unwrap();
    std::fs::write(path("loss.toml"), config.replace("1*l1", "1*l2")).unwrap();
    std::fs::write(
        path("network.toml"),
        config.replace("scale = 2", "scale = 7"),
    )
    .unwrap();
    std::fs::write(path("good.toml"), &config).unwrap();
    std::fs::create_dir(path("empty")).unwrap();
    std::fs::write(path("text.png"), "this is no picture").unwrap();
    std::fs::write(path("text.bpk"), "this is no model").unwrap();
    let train = |name: &str| {
        let mut command = command();
        command
            .arg("train")
            .arg("--config")
            .arg(path(name))
            .arg("--out")
            .arg(path("out"));
        command
    };
    fails(&mut train("unknown.toml"), &["batsch", "unknown field"]);
    fails(&mut train("loss.toml"), &["l2", "charbonnier"]);
    fails(&mut train("network.toml"), &["scale is 7", "2, 3 or 4"]);
    fails(&mut train("missing.toml"), &["missing.toml"]);
    fails(
        train("good.toml").arg("--data").arg(path("empty")),
        &["no pictures", "empty"],
    );
    let gpu = train("good.toml")
        .args(["--device", "gpu"])
        .output()
        .unwrap();
    if !gpu.status.success() {
        let text = String::from_utf8_lossy(&gpu.stderr).into_owned();
        assert!(text.contains("--device cpu"), "{text}");
    }
    let upscale = |input: &str, model: &str| {
        let mut command = command();
        command
            .args(["upscale", "--device", "cpu", "--model"])
            .arg(path(model));
        command.arg(path(input)).arg(path("large.png"));
        command
    };
    fails(&mut upscale("text.png", "text.bpk"), &["not a model file"]);
    fails(&mut upscale("nowhere.png", "text.bpk"), &["nowhere.png"]);
    assert!(!path("large.png").exists());
}

#[test]
fn upscale_and_eval_use_the_exported_record() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("config.toml"), config(PLAIN, "")).unwrap();
    assert!(train(folder.path(), "run", &[]).status.success());
    let model = folder.path().join("run/model.bpk");
    let originals = folder.path().join("originals");
    std::fs::create_dir(&originals).unwrap();
    for name in [
        "elementary_Mr._Lee_512_0.webp",
        "lomiri_Dragonfly_by_Bolly_1024_512.webp",
    ] {
        std::fs::copy(Path::new(&samples()).join(name), originals.join(name)).unwrap();
    }
    let json = folder.path().join("scores.json");
    let eval = |scale: &str| {
        let mut command = command();
        command
            .args(["eval", "--device", "cpu", "--scale", scale, "--model"])
            .arg(&model);
        command
            .arg("--data")
            .arg(&originals)
            .arg("--json")
            .arg(&json);
        command
            .arg("--save")
            .arg(folder.path().join("saved"))
            .output()
            .unwrap()
    };
    let wrong = eval("3");
    assert!(String::from_utf8_lossy(&wrong.stderr).contains("×2, not ×3"));
    let right = eval("2");
    assert!(right.status.success());
    assert!(String::from_utf8_lossy(&right.stdout).contains("border 2 px"));
    let scores: serde_json::Value = serde_json::from_slice(&std::fs::read(&json).unwrap()).unwrap();
    assert_eq!(scores["scale"], 2);
    assert_eq!(scores["images"].as_array().unwrap().len(), 2);
    for key in ["psnr_y", "ssim_y", "bicubic_psnr_y", "bicubic_ssim_y"] {
        assert!(scores["mean"][key].as_f64().unwrap() > 0.5, "{key}");
        assert!(scores["images"][0][key].is_f64(), "{key}");
    }

    // A folder with a bad file among good ones: the good ones are done, the bad one is named.
    std::fs::write(originals.join("bad.png"), "no picture").unwrap();
    let large = folder.path().join("large");
    let output = command()
        .args(["upscale", "--device", "cpu", "--model"])
        .arg(&model)
        .arg(&originals)
        .arg(&large)
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&output.stderr).contains("bad.png"));
    let first = trainer::image_file::load(&large.join("elementary_Mr._Lee_512_0.png")).unwrap();
    assert_eq!((first.width, first.height), (1024, 1024));
    assert!(!large.join("bad.png").exists());
}
