//! Runs a fuzz target with many damaged inputs. `cargo xtask fuzz` starts it with a target, a number of executions, a
//! seed, and a folder for failing inputs.

use std::io::Cursor;
use std::path::PathBuf;

use anyhow::{Context, bail, ensure};
use burn::tensor::Device;
use engine::image::{Channels, Image};
use engine::reference::random::Random;
use image::{ExtendedColorType, ImageFormat};
use model::network::Network;
use model::record::Metadata;
use model::{export, record};
use tempfile::TempDir;
use tests::fuzz::foreign::Foreign;
use tests::fuzz::graphs::Graphs;
use tests::fuzz::mutate;
use tests::fuzz::records::Records;
use tests::fuzz::round::{Round, Target, run};
use tests::fuzz::text::Texts;
use trainer::image_file;

const SHIPPED: [&str; 3] = ["fast-x2", "mnist", "srcnn-x3"];

/// Records of this size or more are not read in full: building large networks takes time and finds no further defects.
const FULLY_READ_BYTES: usize = 1 << 20;

fn main() -> anyhow::Result<()> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let [target, runs, seed, folder] = &args[..] else {
        bail!("four arguments are expected; `cargo xtask fuzz` gives them");
    };
    let target: Box<dyn Target> = match target.as_str() {
        "records" => Box::new(records()?),
        "text" => Box::new(Texts::default()),
        "graphs" => Box::new(Graphs),
        "images" => Box::new(Images::new()?),
        "pytorch" => Box::new(Foreign {
            name: "pytorch",
            files: vec![fixture("compact.pth")?, fixture("compact-legacy.pth")?],
        }),
        "safetensors" => Box::new(Foreign {
            name: "safetensors",
            files: exported(export::safetensors, &SAFETENSORS)?,
        }),
        "onnx" => Box::new(Foreign {
            name: "onnx",
            files: exported(export::onnx, &ONNX)?,
        }),
        other => bail!("there is no target {other}"),
    };
    let round = Round {
        runs: runs.parse().context("executions")?,
        seed: seed.parse().context("seed")?,
        folder: PathBuf::from(folder),
        progress: true,
    };
    let outcome = run(&*target, &round);
    for failure in outcome
        .failures
        .iter()
        .filter(|text| text.contains("memory"))
    {
        eprintln!("{failure}");
    }
    println!(
        "{}: {} executions, {} failed",
        target.name(),
        outcome.runs,
        outcome.failed
    );
    ensure!(
        outcome.failed == 0,
        "{} has defects: see above",
        target.name()
    );
    Ok(())
}

fn records() -> anyhow::Result<Records> {
    let files = SHIPPED.iter().map(|name| tests::shipped(name));
    let read = |bytes: &[u8]| {
        if record::metadata(bytes).is_ok() && bytes.len() < FULLY_READ_BYTES {
            // Refusing a damaged file is no defect.
            drop(record::read(bytes, &Device::flex()).map(|_| ()));
        }
    };
    Ok(Records::new(
        files.collect::<Result<_, _>>()?,
        Some(Box::new(read)),
    ))
}

/// Small networks that are read from safetensors files.
const SAFETENSORS: [&str; 3] = [
    "kind = \"compact\"\nscale = 2\nwidth = 3\ndepth = 1",
    "kind = \"span\"\nscale = 2\nwidth = 2",
    "kind = \"rrdb\"\nscale = 2\nwidth = 2\ngrowth = 1\nblocks = 1\nunshuffle = 2",
];

/// Small networks whose ONNX files have many operators.
const ONNX: [&str; 6] = [
    "kind = \"compact\"\nscale = 2\nwidth = 3\ndepth = 1",
    "kind = \"span\"\nscale = 2\nwidth = 2",
    "kind = \"rrdb\"\nscale = 2\nwidth = 2\ngrowth = 1\nblocks = 1",
    "kind = \"srresnet\"\nscale = 2\nwidth = 3\nblocks = 1",
    "kind = \"fsrcnn\"\nscale = 2\ncolour = \"rgb\"\nwide = 3\nnarrow = 2\ndepth = 1",
    "kind = \"espcn\"\nscale = 2\ncolour = \"rgb\"\nmaps = [3, 2]",
];

/// A way to write a network.
type Export = fn(&Network, &Metadata) -> Result<Vec<u8>, export::ExportError>;

/// Files of networks with random weights.
fn exported(write: Export, configs: &[&str]) -> anyhow::Result<Vec<Vec<u8>>> {
    let file = |config: &&str| {
        let (network, metadata) = record::read(&tests::model_file(config)?, &Device::flex())?;
        Ok(write(&network, &metadata)?)
    };
    configs.iter().map(file).collect()
}

fn fixture(name: &str) -> anyhow::Result<Vec<u8>> {
    let path = xtask::root().join("trainer/tests/fixtures").join(name);
    std::fs::read(&path).with_context(|| format!("cannot read {}", path.display()))
}

struct Images {
    files: Vec<Vec<u8>>,
    folder: TempDir,
}

impl Images {
    fn new() -> anyhow::Result<Self> {
        let mut random = Random::new(1);
        let mut files = Vec::new();
        for [width, height] in [[1, 1], [13, 7], [40, 33]] {
            for channels in [Channels::Rgb, Channels::Grey] {
                let count = width * height * channels.count();
                let data = (0..count).map(|_| random.bits() as u8).collect();
                let image = Image::new(width, height, channels, data)?;
                for format in [
                    ImageFormat::Png,
                    ImageFormat::Jpeg,
                    ImageFormat::WebP,
                    ImageFormat::Bmp,
                ] {
                    files.push(encoded(&image, format)?);
                }
            }
        }
        let lossy = xtask::root().join("trainer/tests/fixtures/lossy.webp");
        files.push(std::fs::read(lossy)?);
        Ok(Self {
            files,
            folder: tempfile::tempdir()?,
        })
    }
}

fn encoded(image: &Image, format: ImageFormat) -> anyhow::Result<Vec<u8>> {
    let mut file = Cursor::new(Vec::new());
    let color = match image.channels {
        Channels::Grey => ExtendedColorType::L8,
        Channels::GreyAlpha => ExtendedColorType::La8,
        Channels::Rgb => ExtendedColorType::Rgb8,
        Channels::Rgba => ExtendedColorType::Rgba8,
    };
    let [width, height] = [image.width, image.height].map(|side| side as u32);
    image::write_buffer_with_format(&mut file, &image.data, width, height, color, format)?;
    Ok(file.into_inner())
}

impl Target for Images {
    fn name(&self) -> &'static str {
        "images"
    }

    fn input(&self, random: &mut Random) -> Vec<u8> {
        let mut bytes = self.files[random.below(self.files.len())].clone();
        let other = &self.files[random.below(self.files.len())];
        match random.below(2) {
            // Damage the header, which holds sizes and tables.
            0 => {
                let rest = bytes.split_off(bytes.len().min(64));
                mutate::bytes(random, &mut bytes, &other[..other.len().min(64)]);
                bytes.extend(rest);
            }
            _ => mutate::bytes(random, &mut bytes, other),
        }
        bytes
    }

    fn run(&self, input: &[u8]) -> Result<(), String> {
        let file = format!("{:?}.png", std::thread::current().id());
        let path = self.folder.path().join(file);
        std::fs::write(&path, input).map_err(|error| error.to_string())?;
        match image_file::load(&path) {
            Ok(image) => {
                let values = image.width * image.height * image.channels.count();
                if image.data.len() != values || values == 0 {
                    let [width, height] = [image.width, image.height];
                    return Err(format!("{width}×{height} of {} bytes", image.data.len()));
                }
                Ok(())
            }
            Err(error) => {
                drop(format!("{:#}", anyhow::Error::from(error)));
                Ok(())
            }
        }
    }
}
