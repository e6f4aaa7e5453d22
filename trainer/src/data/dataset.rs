//! The images of the configured folders, divided into those to learn from and those to evaluate by.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use anyhow::ensure;
use indicatif::ProgressBar;
use rand::SeedableRng;
use rand::seq::SliceRandom;
use rand_pcg::Pcg64Mcg;
use rayon::prelude::*;

use super::group::photograph;
use super::images::{File, Images};
use super::loader::Loader;
use super::sample::positions;
use super::{LeftOut, Pair, Sample};
use crate::config::{Config, DataConfig};
use crate::image_file::{self, LoadError};

/// Everything a training learns from.
pub struct Dataset {
    /// The images that patches are drawn from.
    pub training: Images,
    /// The images by which the best weights are chosen. No tile of their photographs is learnt from.
    pub held_out: Vec<Pair>,
    /// The folders, with their numbers of images.
    pub sources: Vec<String>,
}

impl Dataset {
    /// Reads the images of the configured folders.
    ///
    /// They are decoded once if all of them fit into `data.memory_gb`, and while the training goes on if not. Bicubic
    /// images are made of them then; another degradation is drawn for every patch (see [`super::Sampler`]).
    ///
    /// Images that are damaged or too small are named on standard error and left out. Fails if no others remain.
    pub fn load(config: &Config) -> anyhow::Result<Self> {
        let Config { data, network, .. } = config;
        let hold_out = config.evaluation.hold_out;
        let folders = list(data)?;
        let loader = Loader::new(data, network, config.seed);
        let mut left_out = Vec::new();
        let held = HeldOutImages::choose(&loader, config, &folders, &mut left_out)?;
        let is_free = |file: &PathBuf| !held.shows(file, data);
        let (rest, tiles): (Vec<_>, Vec<_>) = held.rest.iter().cloned().partition(is_free);
        let needed_px = loader.needed_px();
        let training = read(loader, rest, config, &mut left_out)?;
        LeftOut::report(&left_out);
        ensure!(
            !training.is_empty() && held.pairs.len() == hold_out,
            "of the images in the configured folders, {} can be used to learn from and {} of {hold_out} \
             can be held out; the others are damaged, smaller than {needed_px} px, or tiles of a photograph that is \
             held out: add images, or lower data.patch_px or evaluation.hold_out",
            training.len(),
            held.pairs.len(),
        );
        let unused: BTreeSet<&Path> = left_out
            .iter()
            .map(LeftOut::path)
            .chain(tiles.iter().map(PathBuf::as_path))
            .collect();
        let source = |(folder, files): (&PathBuf, &Vec<PathBuf>)| {
            let is_used = |file: &&PathBuf| !unused.contains(file.as_path());
            let used = files.iter().filter(is_used).count();
            format!("{} ({used} images)", short_name(folder))
        };
        let mut sources: Vec<String> = data.folders.iter().zip(&folders).map(source).collect();
        if let (Some(last), false) = (sources.last_mut(), tiles.is_empty()) {
            *last += &format!(
                "; without {} other tiles of the photographs that are held out",
                tiles.len()
            );
        }
        Ok(Self {
            training,
            held_out: held.pairs,
            sources,
        })
    }
}

/// The files of the images that a training with this configuration holds out.
pub fn held_out_files(config: &Config) -> anyhow::Result<Vec<PathBuf>> {
    let loader = Loader::new(&config.data, &config.network, config.seed);
    let folders = list(&config.data)?;
    let held = HeldOutImages::choose(&loader, config, &folders, &mut Vec::new())?;
    Ok(held.files)
}

/// The files of each folder.
fn list(config: &DataConfig) -> anyhow::Result<Vec<Vec<PathBuf>>> {
    let folders = config.folders.iter();
    folders.map(|folder| image_file::list(folder)).collect()
}

/// The images that are held out, each of another photograph.
struct HeldOutImages {
    files: Vec<PathBuf>,
    pairs: Vec<Pair>,
    photographs: BTreeSet<String>,
    /// The other files.
    rest: Vec<PathBuf>,
}

impl HeldOutImages {
    /// The first files that can be evaluated, in an order that the seed gives.
    fn choose(
        loader: &Loader,
        config: &Config,
        folders: &[Vec<PathBuf>],
        left_out: &mut Vec<LeftOut>,
    ) -> anyhow::Result<Self> {
        let count = config.evaluation.hold_out;
        let mut files = folders.concat();
        ensure!(
            count < files.len(),
            "{count} images are to be held out for evaluation, but there are only {}: \
             add images or lower evaluation.hold_out",
            files.len()
        );
        // Shuffled before the split, so that images of every folder are held out.
        files.shuffle(&mut Pcg64Mcg::seed_from_u64(config.seed));
        let config = &config.data;
        let mut files = files.into_iter();
        let mut held = Self {
            files: Vec::new(),
            pairs: Vec::new(),
            photographs: BTreeSet::new(),
            rest: Vec::new(),
        };
        while held.pairs.len() < count {
            let Some(file) = files.next() else { break };
            if held.shows(&file, config) {
                held.rest.push(file);
                continue;
            }
            let pair = match loader.pair(&file, 1)? {
                Ok(pair) => pair,
                Err(damaged) => {
                    left_out.push(damaged);
                    continue;
                }
            };
            match LeftOut::check_size(&file, &pair.hr, loader.evaluation_px()) {
                Ok(()) => {
                    let name = photograph(&file, &config.tile);
                    held.photographs.insert(name);
                    held.pairs.push(pair);
                    held.files.push(file);
                }
                // It may still be large enough to train on.
                Err(_) => held.rest.push(file),
            }
        }
        held.rest.extend(files);
        Ok(held)
    }

    /// Whether a file shows one of these photographs.
    fn shows(&self, file: &Path, config: &DataConfig) -> bool {
        let name = photograph(file, &config.tile);
        self.photographs.contains(&name)
    }
}

/// The images of these files, without those that are left out.
fn read(
    loader: Loader,
    paths: Vec<PathBuf>,
    config: &Config,
    left_out: &mut Vec<LeftOut>,
) -> anyhow::Result<Images> {
    let data = &config.data;
    let needed_px = loader.needed_px().max(config.network.spec().scale);
    let headers = paths.into_par_iter().map(|path| {
        let (width, height) = match image_file::size(&path) {
            Ok(size) => size,
            Err(error @ LoadError::File { .. }) => return Err(error.into()),
            Err(error) => return Ok(Err(LeftOut::Damaged(error))),
        };
        if width.min(height) < needed_px {
            return Ok(Err(LeftOut::TooSmall {
                path,
                size_px: [width, height],
                needed_px,
            }));
        }
        let (size, bytes) = loader.input_size((width, height));
        Ok(Ok(File {
            positions: positions(size, data.patch_px, data.stride_px),
            path,
            bytes,
        }))
    });
    let headers: Vec<Result<File, LeftOut>> = headers.collect::<anyhow::Result<_>>()?;
    let files = usable(headers, left_out);
    let memory = (data.memory_gb * 1e9) as usize;
    if files.iter().map(|file| file.bytes).sum::<usize>() > memory {
        let batch = config.training.batch;
        return Ok(Images::window(loader, files, memory, batch, config.seed));
    }
    let progress = ProgressBar::new(files.len() as u64);
    let samples = files.par_iter().map(|file| {
        let sample = loader.sample(&file.path);
        progress.inc(1);
        sample
    });
    let samples: Vec<Result<Sample, LeftOut>> = samples.collect::<anyhow::Result<_>>()?;
    progress.finish_and_clear();
    Ok(Images::of(usable(samples, left_out)))
}

fn usable<T>(results: Vec<Result<T, LeftOut>>, left_out: &mut Vec<LeftOut>) -> Vec<T> {
    let keep = |result: Result<T, LeftOut>| result.map_err(|error| left_out.push(error)).ok();
    results.into_iter().filter_map(keep).collect()
}

/// The last two parts of a path, which name the data set in reports.
fn short_name(folder: &Path) -> String {
    let absolute = folder.canonicalize().unwrap_or(folder.to_path_buf());
    let parts: Vec<_> = absolute.iter().map(|part| part.to_string_lossy()).collect();
    parts[parts.len().saturating_sub(2)..].join("/")
}
