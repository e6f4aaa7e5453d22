//! The command `rate`: do small files that are enlarged in the page save bytes?

mod arguments;
mod charts;
mod closeup;
mod codec;
mod curve;
mod measure;
mod page;
mod sources;
mod store;
mod summary;
mod words;

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use anyhow::{Context, ensure};
use burn::tensor::Device;
use indicatif::{ProgressBar, ProgressStyle};
use model::record;
use rayon::prelude::*;

use crate::data::LeftOut;
use crate::device::local_device;
use crate::eval::{Judge, Protocol, ProtocolName, labels};
use crate::image_file::{self, LoadError};
use crate::metric::Metric;
use crate::train::interrupt;

pub use arguments::RateArgs;
pub use codec::{Codec, Encoded};
use measure::{Bench, Measured};
use page::About;
use sources::Source;
use store::{Options, Store};
use summary::Summary;

/// Smallest side of an image as it is compared: smaller files consist of headers above all, and LPIPS needs as much.
const SMALLEST_PX: usize = 64;

/// Runs the command.
pub fn run(args: &RateArgs) -> anyhow::Result<()> {
    let file = args.model.display();
    let bytes = std::fs::read(&args.model).with_context(|| format!("cannot read {file}"))?;
    let (bench, model) = bench(args, &bytes).with_context(|| format!("in {file}"))?;
    let (sources, left_out) = sources::usable(args, SMALLEST_PX * bench.density)?;
    LeftOut::report(&left_out);
    let origin = sources::origin(args);
    ensure!(
        !sources.is_empty(),
        "no image in {origin} can be used: the reasons are above"
    );
    let weights = args.networks.files();
    let options = Options::new(
        &bytes,
        bench.codecs.clone(),
        args.avif_speed,
        bench.density,
        &weights,
    )?;
    let store = Store::open(&args.out, options)?;
    let images = measure_all(args, &bench, &store, &sources)?;

    let names = bench.judge.metrics.iter();
    let metrics = names.map(|metric| (*metric, bench.judge.label(*metric)));
    let summary = Summary {
        images: &images,
        metrics: metrics.collect(),
        codecs: &bench.codecs,
        scale: bench.spec.scale,
        model: &model,
    };
    let about = About {
        title: format!("{model} on {origin}: bytes and quality"),
        notes: notes(&bench),
        command: labels::command(),
    };
    for (caption, table) in page::tables(&summary) {
        println!("{caption}\n{}", table.text());
    }
    for verdict in summary.verdicts() {
        println!("{verdict}");
    }
    page::write(&args.out, &summary, &about)?;
    println!("\nReport: {}", args.out.join("report.html").display());
    Ok(())
}

/// The model, formats and metrics, and the model's name.
fn bench(args: &RateArgs, model: &[u8]) -> anyhow::Result<(Bench, String)> {
    let (network, metadata) = record::read(model, &Device::flex())?;
    let spec = metadata.network.spec();
    ensure!(
        spec.scale > 1,
        "the model {} keeps the size of images: `rate` needs one that enlarges them, such as www/models/fast-x2.bpk",
        metadata.name
    );
    let (device, _) = local_device(&args.devices)?;
    let (lpips, dists) = args.networks.load(&device)?;
    let mut metrics = vec![Metric::Ssimulacra2];
    metrics.extend(dists.is_some().then_some(Metric::Dists));
    metrics.extend(lpips.is_some().then_some(Metric::Lpips));
    let mut codecs: Vec<Codec> = Vec::new();
    for codec in &args.codec {
        if !codecs.contains(codec) {
            codecs.push(*codec);
        }
    }
    let bench = Bench {
        plan: network.plan()?,
        codecs,
        avif_speed: args.avif_speed,
        density: usize::from(args.density),
        judge: Judge {
            // All metrics compare whole images.
            protocol: Protocol::new(ProtocolName::Rgb, spec.scale, Some(0)),
            metrics,
            lpips,
            dists,
        },
        spec,
    };
    Ok((bench, metadata.name))
}

/// Measures the images that have no results yet.
fn measure_all(
    args: &RateArgs,
    bench: &Bench,
    store: &Store,
    sources: &[Source],
) -> anyhow::Result<Vec<(String, Measured)>> {
    interrupt::watch("the images that are being measured")?;
    let steps = 2 * bench.codecs.len() as u64;
    let progress = ProgressBar::new(steps * sources.len() as u64).with_style(
        ProgressStyle::with_template("{wide_bar} {percent:>3} % · {eta} left\n{msg}")?,
    );
    progress.enable_steady_tick(Duration::from_secs(1));
    let kept = AtomicUsize::new(0);
    let one = |source: &Source| -> anyhow::Result<Option<Result<(String, Measured), LeftOut>>> {
        let (path, name) = (&source.path, source.name.clone());
        let bytes =
            std::fs::read(path).with_context(|| format!("cannot read {}", path.display()))?;
        let key = store.key(&bytes)?;
        if let Some(measured) = store.read(&key) {
            kept.fetch_add(1, Ordering::Relaxed);
            progress.inc(steps);
            return Ok(Some(Ok((name, measured))));
        }
        if interrupt::is_requested() {
            return Ok(None);
        }
        progress.set_message(name.clone());
        let image = match image_file::load(path) {
            Ok(image) => image,
            Err(error @ LoadError::File { .. }) => return Err(error.into()),
            Err(error) => return Ok(Some(Err(LeftOut::Damaged(error)))),
        };
        let measured = bench.measure(&image, &store.crops(&key), || progress.inc(1));
        let measured = measured.with_context(|| format!("cannot measure {}", path.display()))?;
        store.write(&key, &name, &measured)?;
        Ok(Some(Ok((name, measured))))
    };
    let threads = args.threads.map_or(0, usize::from);
    let pool = rayon::ThreadPoolBuilder::new().num_threads(threads);
    let results: Vec<_> = pool
        .build()?
        .install(|| sources.par_iter().map(one).collect::<anyhow::Result<_>>())?;
    progress.finish_and_clear();
    let (mut images, mut left_out, mut waiting) = (Vec::new(), Vec::new(), 0);
    for result in results {
        match result {
            Some(Ok(image)) => images.push(image),
            Some(Err(image)) => left_out.push(image),
            None => waiting += 1,
        }
    }
    LeftOut::report(&left_out);
    ensure!(
        waiting == 0,
        "stopped: the results of {} of {} images are kept in {}; the same command goes on",
        images.len(),
        sources.len(),
        args.out.display()
    );
    ensure!(
        !images.is_empty(),
        "no image in {} can be decoded",
        sources::origin(args)
    );
    let kept = kept.into_inner();
    if kept > 0 {
        println!(
            "{kept} of {} images had been measured before\n",
            images.len()
        );
    }
    Ok(images)
}

/// Sentences about how the files were made and compared.
fn notes(bench: &Bench) -> Vec<String> {
    let scale = bench.spec.scale;
    let codecs = bench.codecs.iter();
    let mut notes: Vec<String> = codecs.map(|codec| codec.about(bench.avif_speed)).collect();
    notes.push(format!(
        "Small files have 1/{scale} of the width and height, shrunk by MATLAB's bicubic interpolation (antialiased). \
         Bits per pixel (bpp) are those of the whole file, for a pixel of the full-size image."
    ));
    notes.push(match bench.density {
        1 => "Images are compared in full size, as on a screen of one device pixel per CSS pixel.".to_string(),
        density => format!(
            "Images are compared as on a screen of {density} device pixels per CSS pixel: both sides are shrunk by \
             {density} before."
        ),
    });
    notes
}
