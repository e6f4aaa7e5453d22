//! The command `eval`.

use std::path::{Path, PathBuf};

use anyhow::{Context, bail, ensure};
use burn::tensor::Device;
use clap::Args;
use engine::image::resize::{Method, resize};
use engine::image::{Channels, Image};
use model::burn_engine::BurnEngine;
use model::record;

use super::compare::{BICUBIC, Candidate, Comparison, compare};
use super::labels::{self, About};
use super::levels::{self, Level};
use super::{Judge, MetricNetworks, Protocol, ProtocolName, TestSet, report};
use crate::config::Config;
use crate::data::{LowResolution, held_out_files};
use crate::degrade::Degradation;
use crate::device::{DeviceName, local_device};
use crate::image_file;
use crate::metric::Metric;
use crate::planes::{to_image, to_planes};

/// Evaluates models on folders of originals: prints tables and writes a report.
///
/// Each original is cropped, downscaled by MATLAB's bicubic interpolation (and degraded, if asked for), upscaled by the
/// models and by bicubic interpolation, and compared with the results.
#[derive(Args, Clone, Debug)]
#[command(after_help = "\
Examples:
  cargo run -p trainer -- eval --model www/models/fast-x2.bpk --data ../shared/data/test/Set5 --scale 2
  cargo run -p trainer -- eval --model www/models/fast-x2.bpk --model runs/default/model.bpk \\
    --data ../shared/data/test/Set5 --data ../shared/data/test/Set14 --scale 2 --report report
  cargo run -p trainer -- eval --model www/models/fast-x2.bpk --data ../shared/data/test/Set5 --scale 2 \\
    --metrics psnr,ssim,ms_ssim,ssim_mean,vif,ifc --protocol rgb --border 4
  cargo run -p trainer -- eval --model www/models/fast-x2.bpk --data ../shared/data/test/Set5 --scale 2 \\
    --lpips ../shared/data/features/vgg16_lpips.safetensors
  cargo run -p trainer -- eval --model www/models/fast-x2.bpk --data ../shared/data/test/Set14 --scale 2 \\
    --levels trainer/protocols/compressed.toml
  cargo run -p trainer -- eval --model www/models/fast-x2.bpk --data ../shared/data/test/Set14 --scale 2 \\
    --degradation \"jpeg(75, 420)\" --metrics psnr,ssimulacra2 --dists ../shared/data/features/dists_weights.safetensors")]
pub struct EvalArgs {
    /// A model file; may be given several times.
    #[arg(long, value_name = "FILE", required = true)]
    pub model: Vec<PathBuf>,
    /// A folder of originals, or one that holds them in `HR`; may be given several times.
    #[arg(long, value_name = "DIR", required_unless_present = "held_out")]
    pub data: Vec<PathBuf>,
    /// Also evaluate on the images that this training configuration holds out.
    #[arg(long, value_name = "FILE")]
    pub held_out: Option<PathBuf>,
    /// The scale to evaluate at, which every model has to support.
    #[arg(long, value_name = "N")]
    pub scale: usize,
    /// Make low-resolution images as data.degradation of this training configuration says.
    #[arg(long, value_name = "FILE", conflicts_with = "degradation")]
    pub config: Option<PathBuf>,
    /// Make low-resolution images by these steps: "jpeg(75, 420)", "webp(50)", "avif(40)", "noise(5)", several joined
    /// by "+", after a bicubic shrink; or the name of a preset, or a list of steps as in a configuration.
    #[arg(long, value_name = "STEPS")]
    pub degradation: Option<Degradation>,
    /// Take the low-resolution images of this folder, named like their originals, with or without x2, x3, …
    #[arg(long, value_name = "DIR", conflicts_with_all = ["degradation", "config"])]
    pub low_resolution: Option<PathBuf>,
    /// Evaluate at each level of degradation in this file, such as trainer/protocols/compressed.toml.
    #[arg(long, value_name = "FILE", conflicts_with_all = ["degradation", "config", "low_resolution"])]
    pub levels: Option<PathBuf>,
    /// The metrics, separated by commas [default: psnr,ssim].
    #[arg(long, value_enum, value_delimiter = ',', value_name = "NAMES")]
    pub metrics: Vec<Metric>,
    /// The planes to compare: y is the papers' protocol, srgan that of the SRGAN paper.
    #[arg(long, value_enum, default_value_t, value_name = "NAME")]
    pub protocol: ProtocolName,
    /// Border to leave out on every side, instead of the protocol's.
    #[arg(long, value_name = "PX")]
    pub border: Option<usize>,
    /// Also write report.md, report.json, and report.html with crops side by side, to this folder.
    #[arg(long, value_name = "DIR")]
    pub report: Option<PathBuf>,
    /// Also write the scores as JSON: an object, or a list of one for each model and set.
    #[arg(long, value_name = "FILE")]
    pub json: Option<PathBuf>,
    /// Also write the upscaled images as PNG, in a subfolder for each model, those of bicubic, nearest and Lanczos
    /// interpolation, and the low-resolution images (input); several sets have subfolders in it.
    #[arg(long, value_name = "DIR")]
    pub save: Option<PathBuf>,
    /// The weights of LPIPS and DISTS.
    #[command(flatten)]
    pub networks: MetricNetworks,
    /// The device: auto, cpu, gpu or gpu:1.
    #[arg(long, value_name = "NAME", default_value_t, alias = "device")]
    pub devices: DeviceName,
}

/// Interpolations that are saved beside bicubic.
const INTERPOLATIONS: [(&str, Method); 2] =
    [("nearest", Method::Nearest), ("lanczos", Method::Lanczos)];

/// The folder of saved low-resolution images.
const INPUT: &str = "input";

/// The number of folders of saved images that are not a model's.
const NAMED: usize = 2 + INTERPOLATIONS.len();

/// Runs the command.
pub fn run(args: &EvalArgs) -> anyhow::Result<()> {
    // All input is checked before the evaluation begins.
    let (device, device_name) = local_device(&args.devices)?;
    let mut candidates = args.candidates(&device, &device_name)?;
    let judge = args.judge(&device)?;
    let sets = args.sets(&judge)?;
    let names = |names: &mut dyn Iterator<Item = &str>| unique(names.map(folder_name).collect());
    let models = candidates.iter().map(|candidate| candidate.name.as_str());
    let named: [&str; NAMED] = [INPUT, BICUBIC, INTERPOLATIONS[0].0, INTERPOLATIONS[1].0];
    let methods = names(&mut named.into_iter().chain(models));
    let folders = names(&mut sets.iter().map(|set| set.name.as_str()));
    if let Some(folder) = &args.report {
        report::prepare(folder)?;
    }
    let about = About::new(&candidates, &device_name);
    let with_crops = args.report.is_some();
    let mut comparison = compare(
        &mut candidates,
        &sets,
        &judge,
        with_crops,
        |set, method, pair, image| {
            let Some(folder) = &args.save else {
                return Ok(());
            };
            let save = |method: &str, image: &Image| {
                let set = (folders.len() > 1).then(|| folders[set].as_str());
                let folder = folder.join(method).join(set.unwrap_or_default());
                // The name of an image in a subfolder has that folder's.
                image_file::save_in_folder(image, &folder.join(&pair.name).with_extension("png"))
            };
            if method > 0 {
                return save(&methods[method + NAMED - 1], image);
            }
            save(INPUT, &pair.lr)?;
            let low = to_planes(&pair.lr.to_channels(Channels::Rgb));
            for (name, method) in INTERPOLATIONS {
                let enlarged = resize(&low, pair.hr.width, pair.hr.height, method);
                save(name, &to_image(&enlarged)?)?;
            }
            save(BICUBIC, image)
        },
    )?;

    comparison.by_level = args.levels.is_some();
    print(&comparison, &about);
    if let Some(path) = &args.json {
        let mut objects = comparison.json();
        let text = match objects.len() {
            1 => serde_json::to_string_pretty(&objects.remove(0))?,
            _ => serde_json::to_string_pretty(&objects)?,
        };
        image_file::write_atomically(path, text.as_bytes())?;
    }
    if let Some(folder) = &args.report {
        report::write(folder, &comparison, &about)?;
        println!("\nReport: {}", folder.join("report.html").display());
    }
    Ok(())
}

impl EvalArgs {
    fn candidates(&self, device: &Device, device_name: &str) -> anyhow::Result<Vec<Candidate>> {
        let read = |path: &PathBuf| read(path, self.scale, device, device_name);
        let mut candidates: Vec<Candidate> =
            self.model.iter().map(read).collect::<anyhow::Result<_>>()?;
        let names = candidates.iter().map(|candidate| candidate.name.clone());
        // A model named "bicubic" is renamed.
        let names = unique([BICUBIC.to_string()].into_iter().chain(names).collect());
        for (candidate, name) in candidates.iter_mut().zip(names.into_iter().skip(1)) {
            candidate.name = name;
        }
        Ok(candidates)
    }

    fn judge(&self, device: &Device) -> anyhow::Result<Judge> {
        let mut metrics = Vec::new();
        let standard = [Metric::Psnr, Metric::Ssim];
        let asked = if self.metrics.is_empty() {
            &standard[..]
        } else {
            &self.metrics
        };
        let lpips = self.networks.lpips.is_some().then_some(Metric::Lpips);
        let dists = self.networks.dists.is_some().then_some(Metric::Dists);
        for metric in asked.iter().copied().chain(lpips).chain(dists) {
            if !metrics.contains(&metric) {
                metrics.push(metric);
            }
        }
        if metrics.contains(&Metric::Lpips) && self.networks.lpips.is_none() {
            bail!(
                "LPIPS needs a network's weights: add --lpips FILE, such as \
                 ../shared/data/features/alexnet_lpips.safetensors"
            );
        }
        if metrics.contains(&Metric::Dists) && self.networks.dists.is_none() {
            bail!(
                "DISTS needs weights: add --dists FILE, such as \
                 ../shared/data/features/dists_weights.safetensors"
            );
        }
        let (lpips, dists) = self.networks.load(device)?;
        Ok(Judge {
            protocol: Protocol::new(self.protocol, self.scale, self.border),
            metrics,
            lpips,
            dists,
        })
    }

    /// The ways in which low-resolution images are made, with their names if there are several.
    fn low_resolutions(&self) -> anyhow::Result<Vec<(Option<String>, LowResolution)>> {
        let Some(file) = &self.levels else {
            return Ok(vec![(None, self.low_resolution()?)]);
        };
        let level = |level: Level| {
            let low = LowResolution {
                degradation: level.degradation,
                ..Default::default()
            };
            (Some(level.name), low)
        };
        Ok(levels::read(file)?.into_iter().map(level).collect())
    }

    fn low_resolution(&self) -> anyhow::Result<LowResolution> {
        let low = match (&self.config, &self.degradation) {
            (Some(file), _) => {
                let config = Config::load(file)?;
                config.data.low_resolution(config.seed)
            }
            (None, degradation) => LowResolution {
                folder: self.low_resolution.clone(),
                degradation: degradation.clone().unwrap_or_default(),
                seed: 0,
            },
        };
        let changes_nothing = low.folder.is_none() && low.degradation.is_bicubic();
        ensure!(
            self.scale > 1 || !changes_nothing,
            "at scale 1 bicubic interpolation changes nothing: say what the models undo, with --degradation, or name \
             their training configuration, with --config FILE"
        );
        Ok(low)
    }

    fn sets(&self, judge: &Judge) -> anyhow::Result<Vec<TestSet>> {
        let held_out = self.held_out.as_ref();
        let held_out = held_out.map(|file| held_out_files(&Config::load(file)?));
        let held_out = held_out.transpose()?;
        let lows = self.low_resolutions()?;
        let mut sets = Vec::new();
        for folder in &self.data {
            for (level, low) in &lows {
                sets.push(named(TestSet::read(folder, self.scale, low)?, level));
            }
        }
        if let Some(files) = &held_out {
            for (level, low) in &lows {
                let name = "held-out images".to_string();
                let set = TestSet::of(name, files, None, self.scale, low)?;
                sets.push(named(set, level));
            }
        }
        let names = unique(sets.iter().map(|set| set.name.clone()).collect());
        for (set, name) in sets.iter_mut().zip(names) {
            set.name = name;
            judge.check(set)?;
        }
        Ok(sets)
    }
}

/// The set, with a level's name behind its own.
fn named(mut set: TestSet, level: &Option<String>) -> TestSet {
    if let Some(level) = level {
        set.name = format!("{}, {level}", set.name);
    }
    set
}

fn read(
    path: &Path,
    scale: usize,
    device: &Device,
    device_name: &str,
) -> anyhow::Result<Candidate> {
    let file = path.display().to_string();
    let bytes = std::fs::read(path).with_context(|| format!("cannot read {file}"))?;
    let (network, metadata) =
        record::read_at(&bytes, Some(scale), device).with_context(|| format!("in {file}"))?;
    let spec = metadata.network.spec();
    Ok(Candidate {
        name: metadata.name,
        file,
        parameters: metadata.parameters,
        spec,
        engine: BurnEngine::new(network, device.clone(), device_name),
    })
}

/// Prints the means; for one model on one set, if a terminal is wide enough, every image.
fn print(comparison: &Comparison, about: &About) {
    println!("{}, {}", labels::title(comparison), about.device);
    for protocol in labels::protocols(comparison) {
        println!("{protocol}");
    }
    let few = comparison.methods.len() == 2 && comparison.columns.len() <= 3;
    if let ([set], true) = (comparison.sets.as_slice(), few) {
        print!("{}", comparison.everything(set).text());
        return;
    }
    for (caption, table) in comparison.summaries() {
        print!("\n{caption}\n{}", table.text());
    }
}

/// The names, with a number appended to repeated ones.
fn unique(names: Vec<String>) -> Vec<String> {
    let mut result: Vec<String> = Vec::with_capacity(names.len());
    for name in names {
        let numbered = (2..).map(|number| format!("{name}-{number}"));
        let mut candidates = std::iter::once(name.clone()).chain(numbered);
        let free = candidates.find(|candidate| !result.contains(candidate));
        result.push(free.unwrap_or(name));
    }
    result
}

/// A name that is a valid path component on every system.
fn folder_name(name: &str) -> String {
    let allowed = |c: char| c.is_alphanumeric() || "-_ ()+×".contains(c);
    let name = name.char_indices().map(|(i, c)| match c {
        '.' if i > 0 => c,
        c if allowed(c) => c,
        _ => '_',
    });
    let name: String = name.collect();
    if name.is_empty() {
        "_".to_string()
    } else {
        name
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_unique_and_fit_into_paths() {
        let names = ["a", "b", "a", "a-2", "a"].map(str::to_string).to_vec();
        assert_eq!(unique(names), ["a", "b", "a-2", "a-2-2", "a-3"]);
        let found = ["../x/y", ".", "", "fast-x2.5"].map(folder_name);
        assert_eq!(found, ["_._x_y", "_", "_", "fast-x2.5"]);
    }
}
