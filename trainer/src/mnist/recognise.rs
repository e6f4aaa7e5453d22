//! The command `digits`: evaluates the autoencoder by how well its outputs are classified.

use std::fmt::Write;
use std::path::{Path, PathBuf};

use anyhow::{Context, ensure};
use burn::module::Module;
use burn::tensor::Device;
use clap::Args;
use model::record;

use super::classifier::{self, Classifier};
use super::digits::{Blur, Digits, outputs, values};
use super::{MODEL, REPORT, ensure_for_digits, idx};
use crate::device::{DeviceName, local_device};
use crate::image_file;

/// Counts how many digits a classifier recognises: original, blurred, and sharpened ones.
///
/// The classifier is a small network that is trained once, on MNIST's original digits only. The table is
/// printed, and written to the end of report.md.
#[derive(Args, Clone, Debug)]
#[command(after_help = "\
Examples:
  cargo run -p trainer -- digits --data ../shared/data/mnist
  cargo run -p trainer -- digits --data ../shared/data/mnist --model www/models/mnist.bpk")]
pub struct DigitsArgs {
    /// The folder of MNIST's idx files, gzipped or not.
    #[arg(long, value_name = "DIR", default_value = "../shared/data/mnist")]
    pub data: PathBuf,
    /// The autoencoder's model file [default: that of `mnist` in --out, or else the shipped one].
    #[arg(long, value_name = "FILE")]
    pub model: Option<PathBuf>,
    /// The classifier's file, which is trained and written if it does not exist [default:
    /// classifier.bpk in --out].
    #[arg(long, value_name = "FILE")]
    pub classifier: Option<PathBuf>,
    /// The number of passes over all digits in the classifier's training.
    #[arg(long, value_name = "N", default_value_t = 5)]
    pub epochs: usize,
    /// Train the classifier on the first N digits only.
    #[arg(long, value_name = "N", default_value_t = 60_000)]
    pub digits: usize,
    /// The device: auto, cpu, gpu or gpu:1.
    #[arg(long, value_name = "NAME", default_value_t, alias = "device")]
    pub devices: DeviceName,
    /// The folder of the report.
    #[arg(long, value_name = "DIR", default_value = "runs/mnist")]
    pub out: PathBuf,
}

const CLASSIFIER: &str = "classifier.bpk";

/// The heading of the section in the report, which the next run replaces.
const HEADING: &str = "## Recognised by a classifier";

struct Row {
    kind: &'static str,
    right: usize,
}

/// Runs the command.
pub fn run(args: &DigitsArgs) -> anyhow::Result<()> {
    ensure!(
        args.epochs > 0 && args.digits > 0,
        "--epochs and --digits have to be at least 1"
    );
    let model = args.model.clone().unwrap_or_else(|| {
        let own = args.out.join(MODEL);
        if own.exists() { own } else { shipped() }
    });
    let name = model.display();
    let bytes = std::fs::read(&model).with_context(|| format!("cannot read {name}"))?;
    let (device, device_name) = local_device(&args.devices)?;
    let (network, metadata) =
        record::read(&bytes, &device).with_context(|| format!("in {name}"))?;
    ensure_for_digits(&metadata.network.spec()).with_context(|| format!("in {name}"))?;
    let (images, labels) = load(args, idx::TEST_IMAGES, idx::TEST_LABELS)?;
    std::fs::create_dir_all(&args.out)
        .with_context(|| format!("cannot create the folder {}", args.out.display()))?;
    println!("{} ({name}) on {device_name}", metadata.name);
    let (classifier, training) = classifier(args, &device)?;

    let digits = Digits::new(&images, Blur::of(&metadata.degradation));
    let sharpened = outputs(&network, &digits.input, &device)?;
    let row = |kind, digits: &[Vec<f32>]| Row {
        kind,
        right: classifier.recognises(digits, &labels, &device),
    };
    let rows = [
        row("originals", &digits.target),
        row("blurred (10×10 pixels, enlarged)", &digits.input),
        row("sharpened by the autoencoder", &sharpened),
    ];
    let table = table(&rows, digits.len());
    print!("{table}");
    let section = format!(
        "{HEADING}\n\nOf {} test digits, which have no influence on the training: by {training}, {} \
         parameters, on originals only. The autoencoder is {}, after {} steps. The intervals are \
         those of Wilson (1927).\n\n{table}",
        digits.len(),
        classifier.num_params(),
        metadata.name,
        metadata.origin.steps
    );
    let path = args.out.join(REPORT);
    let report = std::fs::read_to_string(&path).unwrap_or_else(|_| format!("# {}", metadata.name));
    image_file::write_atomically(&path, with_section(&report, &section).as_bytes())?;
    println!("Report: {}", path.display());
    Ok(())
}

fn shipped() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../www/models/mnist.bpk")
}

fn load(args: &DigitsArgs, images: &str, labels: &str) -> anyhow::Result<(Vec<Vec<u8>>, Vec<u8>)> {
    let (digits, known) = (
        idx::images(&args.data, images)?,
        idx::labels(&args.data, labels)?,
    );
    ensure!(
        digits.len() == known.len(),
        "{images} holds {} digits, but {labels} holds {} labels: download both again",
        digits.len(),
        known.len()
    );
    Ok((digits, known))
}

/// The classifier, read or trained, and a description of its training.
fn classifier(args: &DigitsArgs, device: &Device) -> anyhow::Result<(Classifier, String)> {
    let path = args.classifier.clone();
    let path = path.unwrap_or_else(|| args.out.join(CLASSIFIER));
    let training = classifier::training(args.digits, args.epochs);
    if path.exists() {
        let classifier = Classifier::load(&path, &training, device)?;
        println!("Classifier: {}", path.display());
        return Ok((classifier, training));
    }
    let (mut images, labels) = load(args, idx::TRAINING_IMAGES, idx::TRAINING_LABELS)?;
    ensure!(
        args.digits <= images.len(),
        "there are {} digits to train on, not {}: use --digits {0}",
        images.len(),
        args.digits
    );
    images.truncate(args.digits);
    let digits = values(&images);
    println!("Making {training}");
    let classifier = Classifier::train(&digits, &labels, args.epochs, device)?;
    classifier.save(&path, &training)?;
    println!("Classifier: {}", path.display());
    Ok((classifier, training))
}

fn table(rows: &[Row], digits: usize) -> String {
    let width = rows.iter().map(|row| row.kind.chars().count()).max();
    let width = width.unwrap_or_default();
    let mut text = format!(
        "| {:<width$} | recognised | accuracy | 95 % interval   |\n|-{:-<width$}-|------------|----------|-----------------|\n",
        "digits", ""
    );
    for Row { kind, right } in rows {
        let [low, high] = wilson(*right, digits).map(|share| 100.0 * share);
        let share = 100.0 * *right as f64 / digits as f64;
        // Writing into a string cannot fail.
        let _ = writeln!(
            text,
            "| {kind:<width$} | {right:>10} | {share:>6.2} % | {low:>5.2}–{high:>6.2} % |"
        );
    }
    text
}

/// The 95 % confidence interval of a share (Wilson 1927, "Probable inference, the law of
/// succession, and statistical inference"), for `right` of `all`.
fn wilson(right: usize, all: usize) -> [f64; 2] {
    /// The normal distribution's 97.5 % quantile.
    const Z: f64 = 1.959_963_984_540_054;
    let (n, share) = (all as f64, right as f64 / all as f64);
    let middle = share + Z * Z / (2.0 * n);
    let reach = Z * (share * (1.0 - share) / n + (Z / (2.0 * n)).powi(2)).sqrt();
    [middle - reach, middle + reach].map(|end| end / (1.0 + Z * Z / n))
}

/// The report with this section at its end, which replaces an older one.
fn with_section(report: &str, section: &str) -> String {
    let rest = report.split(HEADING).next().unwrap_or_default().trim_end();
    format!("{rest}\n\n{section}")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// SciPy's `binomtest(k, n).proportion_ci(method="wilson")` gave the expected values.
    #[test]
    fn intervals_equal_scipys() {
        for (right, all, expected) in [
            (
                9_893,
                10_000,
                [0.987_087_233_947_654_7, 0.991_136_985_246_801_2],
            ),
            (7, 10, [0.396_778_147_461_145_26, 0.892_208_732_593_699]),
            (10, 10, [0.722_467_200_137_110_1, 1.0]),
        ] {
            let found = wilson(right, all);
            for (found, expected) in found.into_iter().zip(expected) {
                assert!((found - expected).abs() < 1e-9, "{right} of {all}: {found}");
            }
        }
    }

    #[test]
    fn a_new_section_replaces_the_old_one() {
        let once = with_section("# a\n\ntable\n", "## Recognised by a classifier\n\n1\n");
        assert_eq!(once, "# a\n\ntable\n\n## Recognised by a classifier\n\n1\n");
        let twice = with_section(&once, "## Recognised by a classifier\n\n2\n");
        assert_eq!(twice, once.replace('1', "2"));
    }
}
