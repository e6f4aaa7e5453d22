//! The command `eval`: several models and sets, metrics, protocols, and reports.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use engine::image::{Channels, Image};
use trainer::image_file;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

fn eval(arguments: &[&str], folder: &Path) -> Output {
    Command::new(env!("CARGO_BIN_EXE_trainer"))
        .args(["eval", "--devices", "cpu", "--scale", "2"])
        .args(arguments)
        .current_dir(folder)
        .output()
        .unwrap()
}

/// A folder with a shipped model twice, and two sets of small images.
fn prepared() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    for name in ["one.bpk", "two.bpk"] {
        let model = root().join("www/models/fast-x2.bpk");
        std::fs::copy(model, folder.path().join(name)).unwrap();
    }
    let sample = root().join("trainer/samples/budgie_casa-mila_704_768.webp");
    let sample = image_file::load(&sample).unwrap();
    for (i, file) in ["a/<1>.png", "a/2.png", "b/3.png"].iter().enumerate() {
        let path = folder.path().join(file);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        let places = (0..90).flat_map(|y| (0..100).map(move |x| (x + 60 * i, y + 50 * i)));
        let data = places.flat_map(|(x, y)| sample.pixel(x, y)[..3].to_vec());
        let image = Image::new(100, 90, Channels::Rgb, data.collect()).unwrap();
        image_file::save(&image, &path).unwrap();
    }
    folder
}

fn json(path: &Path) -> serde_json::Value {
    serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap()
}

#[test]
fn images_of_subfolders_are_saved_in_subfolders() {
    let folder = prepared();
    let path = |name: &str| folder.path().join(name);
    std::fs::create_dir(path("a/inner")).unwrap();
    std::fs::rename(path("a/2.png"), path("a/inner/2.png")).unwrap();
    let output = eval(
        &["--model", "one.bpk", "--data", "a", "--save", "saved"],
        folder.path(),
    );
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}");
    for method in ["fast-x2", "nearest"] {
        assert!(path("saved").join(method).join("inner/2.png").is_file());
    }
    let sheet = |crop: &str| {
        Command::new(env!("CARGO_BIN_EXE_trainer"))
            .args(["sheet", "out/sheet.png", "--zoom", "3", "--crop", crop])
            .args(["--folder", "saved/input", "--folder", "saved/fast-x2"])
            .args(["--folder", "a"])
            .current_dir(folder.path())
            .output()
            .unwrap()
    };
    let output = sheet("2@10,20,30x24");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}");
    let image = image_file::load(&path("out/sheet.png")).unwrap();
    // Three columns and one row, with gaps of 4 pixels.
    assert_eq!((image.width, image.height), (3 * 94 + 4, 72 + 8));
    let low = image_file::load(&path("saved/input/inner/2.png")).unwrap();
    let original = image_file::load(&path("a/inner/2.png")).unwrap();
    assert_eq!(image.pixel(4, 4)[..3], low.pixel(5, 10)[..3]);
    assert_eq!(image.pixel(4 + 2 * 94, 4)[..3], original.pixel(10, 20)[..3]);
    for (crop, reason) in [("3@0,0,9x9", "no image 3"), ("2@90,0,20x9", "not inside")] {
        let output = sheet(crop);
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(!output.status.success() && said.contains(reason), "{said}");
    }
}

#[test]
fn several_models_and_sets_make_one_report() {
    let folder = prepared();
    let path = |name: &str| folder.path().join(name);
    let models = ["--model", "one.bpk", "--model", "two.bpk"];
    let sets = ["--data", "a", "--data", "b"];
    let outputs = [
        "--metrics",
        "psnr,ssim,ssim_mean,vif,ifc",
        "--report",
        "report",
        "--json",
        "scores.json",
        "--save",
        "saved",
    ];
    let output = eval(&[&models[..], &sets, &outputs].concat(), folder.path());
    let stdout = String::from_utf8_lossy(&output.stdout);
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    assert!(
        stdout.contains("bicubic") && stdout.contains("fast-x2-2"),
        "{stdout}"
    );
    assert!(stdout.contains("IFC-Y"), "{stdout}");

    // One object for each model and set, in the report as well.
    let scores = json(&path("scores.json"));
    let objects = scores.as_array().unwrap();
    let names: Vec<_> = objects.iter().map(|o| (&o["model"], &o["set"])).collect();
    assert_eq!(names.len(), 4);
    assert_eq!(names[3], (&"fast-x2-2".into(), &"b".into()));
    let report = json(&path("report/report.json"));
    assert_eq!(report["evaluations"], scores);
    assert_eq!(report["models"][1]["file"], "two.bpk");
    for key in ["psnr_y", "bicubic_ssim_mean_y", "vif_y", "ifc_y"] {
        // The same model twice, and a correct mean.
        let images = objects[0]["images"].as_array().unwrap();
        let mean: f64 = images
            .iter()
            .map(|image| image[key].as_f64().unwrap())
            .sum::<f64>()
            / 2.0;
        assert!(
            (objects[0]["mean"][key].as_f64().unwrap() - mean).abs() < 1e-12,
            "{key}"
        );
        assert_eq!(objects[0]["mean"], objects[2]["mean"]);
    }
    for file in [
        "fast-x2/a/2.png",
        "fast-x2-2/b/3.png",
        "bicubic/a/2.png",
        "nearest/b/3.png",
        "lanczos/b/3.png",
    ] {
        let saved = image_file::load(&path("saved").join(file)).unwrap();
        assert_eq!((saved.width, saved.height), (100, 90));
    }
    check_page(&path("report"));
    let markdown = std::fs::read_to_string(path("report/report.md")).unwrap();
    let line = markdown
        .lines()
        .find(|line| line.starts_with("| bicubic |"));
    let expected = format!(
        "{:.3}",
        objects[0]["mean"]["bicubic_psnr_y"].as_f64().unwrap()
    );
    assert!(line.unwrap().contains(&expected), "{markdown}");
    assert!(markdown.contains("| &lt;1>.png |"), "{markdown}");
}

/// The page's images are in its folder and have alternative texts; names are escaped.
fn check_page(folder: &Path) {
    let page = std::fs::read_to_string(folder.join("report.html")).unwrap();
    let images: Vec<&str> = page.split("<img ").skip(1).collect();
    // Three crops, each with an overview, three methods with the original behind each, and the original.
    assert_eq!(images.len(), 3 * (1 + 3 * 2 + 1));
    for image in images {
        let attribute = |name: &str| {
            let (_, rest) = image.split_once(&format!("{name}=\"")).unwrap();
            rest.split_once('"').unwrap().0
        };
        let file = image_file::load(&folder.join(attribute("src"))).unwrap();
        assert!(file.width >= 64 && file.height >= 64);
        attribute("alt");
    }
    assert!(page.contains("&lt;1&gt;.png") && !page.contains("<1>"));
    assert!(
        !page.contains("http"),
        "the page loads something from another host"
    );
    assert!(page.contains("prefers-color-scheme: dark"));
}

#[test]
fn protocols_differ_by_name_and_border() {
    let folder = prepared();
    let mean = |arguments: &[&str]| {
        let common = ["--model", "one.bpk", "--data", "b", "--json", "scores.json"];
        let output = eval(&[&common[..], arguments].concat(), folder.path());
        let errors = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.success(), "{errors}");
        let stdout = String::from_utf8_lossy(&output.stdout).into_owned();
        (
            json(&folder.path().join("scores.json"))["mean"].clone(),
            stdout,
        )
    };
    let (standard, stdout) = mean(&[]);
    assert!(
        stdout.contains("border 2 px") && stdout.contains("3.png"),
        "{stdout}"
    );
    assert_eq!(mean(&["--protocol", "y", "--border", "2"]).0, standard);
    let (srgan, stdout) = mean(&["--protocol", "srgan"]);
    assert!(stdout.contains("border 4 px"), "{stdout}");
    assert_ne!(srgan, standard);
    assert_eq!(mean(&["--border", "4"]).0, srgan);
    let (rgb, stdout) = mean(&["--protocol", "rgb", "--metrics", "psnr"]);
    assert!(stdout.contains("PSNR-RGB"), "{stdout}");
    let (rgb, y) = (
        rgb["psnr_rgb"].as_f64().unwrap(),
        standard["psnr_y"].as_f64().unwrap(),
    );
    // Y's range is smaller by 219/255 (1.3 dB), and colours have larger errors than luma.
    assert!(rgb < y - 1.0 && rgb > y - 6.0, "{rgb}, {y}");
}

#[test]
fn bad_arguments_fail_before_the_evaluation() {
    let folder = prepared();
    let fails = |arguments: &[&str], parts: &[&str]| {
        let common = ["--model", "one.bpk", "--data", "b"];
        let output = eval(&[&common[..], arguments].concat(), folder.path());
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert!(!output.status.success());
        for part in parts {
            assert!(stderr.contains(part), "{stderr}");
        }
    };
    fails(&["--metrics", "lpips"], &["--lpips FILE"]);
    fails(&["--metrics", "psnr,fid"], &["fid", "ms_ssim", "vif"]);
    fails(&["--metrics", "ms_ssim"], &["3.png", "161 px", "86"]);
    fails(&["--border", "45"], &["3.png", "border of 45 px"]);
    fails(&["--data", "nowhere"], &["nowhere"]);
    fails(&["--model", "b/3.png"], &["3.png", "not a model file"]);
    std::fs::write(folder.path().join("file"), "").unwrap();
    fails(&["--report", "file"], &["cannot create the folder", "file"]);
}
