//! Runs the commands as separate processes.

mod common;

use std::path::Path;
use std::process::Command;

use common::{PLAIN, command, config, kill_after_its_first_checkpoint, samples, train, vectors};

#[test]
fn data_cuts_tiles_without_copies_and_without_those_that_teach_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    for name in ["photos/more", "test"] {
        std::fs::create_dir_all(path(name)).unwrap();
    }
    let sample = |name: &str| image::open(Path::new(&samples()).join(name)).unwrap();
    let sea = sample("budgie_casa-mila_704_768.webp");
    let otters = sample("budgie_oakland-zoo-otters_1408_568.webp");
    sea.save(path("photos/sea.png")).unwrap();
    otters.save(path("photos/otters.jpg")).unwrap();
    // A smaller copy, turned, in another format; a copy of a test image; an image without detail; a plain one.
    let half = |image: &image::DynamicImage| image.thumbnail_exact(300, 300);
    half(&sea.rotate90())
        .into_rgb8()
        .save(path("photos/more/sea.jpg"))
        .unwrap();
    let hippo = sample("mate_hu-chen-unsplash-baby-hippo-with-mother_0_0.webp");
    hippo.save(path("photos/hippo.png")).unwrap();
    half(&hippo.fliph()).save(path("test/hippo.png")).unwrap();
    let blurred = sample("budgie_lake-sherburne_704_568.webp").blur(4.0);
    blurred.save(path("photos/more/blurred.png")).unwrap();
    image::RgbImage::from_pixel(300, 280, image::Rgb([90, 120, 200]))
        .save(path("photos/plain.png"))
        .unwrap();
    image::RgbImage::new(300, 100)
        .save(path("photos/small.png"))
        .unwrap();
    let whole = std::fs::read(path("photos/sea.png")).unwrap();
    std::fs::write(path("photos/half.png"), &whole[..whole.len() / 2]).unwrap();
    let licences = "path\tlicence\tsource\nphotos/sea.png\tCC0\tme\nmore/blurred.png\tCC0\tme\n";
    std::fs::write(path("licences.tsv"), licences).unwrap();

    let data = |more: &[&str]| {
        let mut data = command();
        data.arg("data")
            .arg(path("photos"))
            .arg("--out")
            .arg(path("out"))
            .args(["--tile", "256"]);
        data.arg("--apart-from")
            .arg(path("test"))
            .arg("--licences")
            .arg(path("licences.tsv"));
        let output = data.args(more).output().unwrap();
        let [out, errors] =
            [output.stdout, output.stderr].map(|text| String::from_utf8(text).unwrap());
        (output.status.success(), out + &errors)
    };
    let (success, text) = data(&["--dry-run"]);
    assert!(success && !path("out").exists(), "{text}");
    let (success, text) = data(&[]);
    assert!(success, "{text}");
    assert!(
        text.contains("8 images: 2 damaged or too small, 2 copies, 4 used"),
        "{text}"
    );
    assert!(text.contains("left out 1 flat"), "{text}");
    assert!(text.contains("No licence is recorded"), "{text}");
    let manifest = std::fs::read_to_string(path("out/manifest.tsv")).unwrap();
    let rows: Vec<Vec<&str>> = manifest
        .lines()
        .skip(1)
        .map(|row| row.split('\t').collect())
        .collect();
    let of = |name: &str| rows.iter().filter(|row| row[0].starts_with(name)).count();
    assert_eq!(
        (of("sea_"), of("otters_"), of("more/"), of("hippo")),
        (4, 4, 0, 0),
        "{manifest}"
    );
    let sea = rows.iter().find(|row| row[0] == "sea_256_0.png").unwrap();
    assert_eq!(sea[2..], ["256", "0", "256", "256", "CC0", "me"]);
    let tile = trainer::image_file::load(&path("out/sea_256_0.png")).unwrap();
    assert_eq!((tile.width, tile.height), (256, 256));
    let left_out = std::fs::read_to_string(path("out/left-out.tsv")).unwrap();
    for (file, reason) in [
        ("more/sea.jpg", "copy of"),
        ("hippo.png", "test/hippo.png"),
        ("half.png", "truncated"),
        ("small.png", "300×100"),
    ] {
        let is_said = |line: &str| line.contains(file) && line.contains(reason);
        assert!(left_out.lines().any(is_said), "{file}: {left_out}");
    }
    let (success, text) = data(&[]);
    assert!(!success && text.contains("another --out"), "{text}");
}

/// An IDX file of bright squares at varying positions.
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
fn mnist_learns_and_resumes_after_being_killed() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    std::fs::write(path("train-images-idx3-ubyte"), digits(256)).unwrap();
    std::fs::write(path("t10k-images-idx3-ubyte"), digits(40)).unwrap();
    let mnist = |out: &str| {
        let mut command = command();
        command.args(["mnist", "--devices", "cpu", "--epochs", "3", "--data"]);
        command.arg(folder.path()).arg("--out").arg(path(out));
        command
    };
    let output = mnist("whole").output().unwrap();
    let text = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{text}");

    kill_after_its_first_checkpoint(
        &mut mnist("broken").spawn().unwrap(),
        &path("broken/checkpoint.bpk"),
    );
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
fn a_training_starts_from_an_imported_model() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    let succeeds = |command: &mut Command| {
        let output = command.output().unwrap();
        let text = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{text}");
        String::from_utf8_lossy(&output.stdout).into_owned()
    };
    let weights = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/compact.pth");
    let model = path("compact.bpk");
    succeeds(
        command()
            .arg("import")
            .arg(weights)
            .arg("--out")
            .arg(&model),
    );
    let network = "kind = \"compact\"\nscale = 2\nwidth = WIDTH\ndepth = 1";
    let train = |name: &str, width: &str| {
        std::fs::write(path(name), config(&network.replace("WIDTH", width), "")).unwrap();
        let mut command = command();
        command.arg("train").arg("--config").arg(path(name));
        command.args(["--devices", "cpu", "--start"]);
        command
            .arg(&model)
            .arg("--out")
            .arg(path(&format!("{name}-out")));
        command
    };
    let text = succeeds(&mut train("same.toml", "4"));
    assert!(text.contains("Starting from the weights"), "{text}");
    assert!(path("same.toml-out/model.bpk").exists());
    let output = train("wider.toml", "5").output().unwrap();
    let text = String::from_utf8_lossy(&output.stderr);
    assert!(
        text.contains("another network") && text.contains("width = 4"),
        "{text}"
    );
}

#[test]
fn bad_input_is_an_error_that_writes_nothing() {
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
    std::fs::write(
        path("restore.toml"),
        config.replace("scale = 2", "scale = 1"),
    )
    .unwrap();
    std::fs::write(path("good.toml"), &config).unwrap();
    std::fs::create_dir(path("empty")).unwrap();
    std::fs::write(path("text.png"), "this is not an image").unwrap();
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
    fails(
        &mut train("restore.toml"),
        &["scale 1", "data.degradation", "jpeg"],
    );
    fails(&mut train("missing.toml"), &["missing.toml"]);
    fails(
        train("good.toml").arg("--data").arg(path("empty")),
        &["no images", "empty"],
    );
    let gpu = train("good.toml")
        .args(["--devices", "gpu"])
        .output()
        .unwrap();
    if !gpu.status.success() {
        let text = String::from_utf8_lossy(&gpu.stderr).into_owned();
        assert!(text.contains("--devices cpu"), "{text}");
    }
    let upscale = |input: &str, model: &str| {
        let mut command = command();
        command
            .args(["upscale", "--devices", "cpu", "--model"])
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
            .args(["eval", "--devices", "cpu", "--scale", scale, "--model"])
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

    // A bad file in a folder: the others are upscaled, and the bad one is named.
    std::fs::write(originals.join("bad.png"), "not an image").unwrap();
    let large = folder.path().join("large");
    let output = command()
        .args(["upscale", "--devices", "cpu", "--model"])
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

#[test]
fn the_page_of_options_is_what_the_commands_print() {
    let output = command().arg("options").output().unwrap();
    assert!(output.status.success());
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/options.md");
    let page = std::fs::read_to_string(page).unwrap();
    let found = String::from_utf8(output.stdout).unwrap();
    assert!(
        found == page,
        "docs/options.md is of other options: cargo run -p trainer -- options > docs/options.md"
    );
}
