//! Makes the images of `www/demo.html`: each one reduced to half its size, and in full size compressed to about the
//! same number of bytes.
//!
//! `cargo run -p tests --bin make-demo -- ../shared/data` writes `www/demo/small` and `www/demo/full` and prints a
//! table of them. Both are WebP files of Chromium's encoder. fast-x2 was trained on none of the images.
//!
//! Before that it compresses one photograph as AVIF to three budgets, in both sizes, into `www/demo/budgets`, and prints
//! the SSIMULACRA 2 of what a visitor sees.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, ensure};
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use engine::CpuEngine;
use engine::image::resize::imresize;
use engine::image::{Channels, Image, Rect};
use serde_json::json;
use tests::chrome::Chrome;
use trainer::image_file;
use trainer::metric::ssimulacra2;
use trainer::rate::{Codec, Encoded};

/// Size at which the page shows the images.
const FULL_PX: [usize; 2] = [480, 360];

/// Size of the reduced files, which the page upscales.
const SMALL_PX: [usize; 2] = [240, 180];

/// Quality of the reduced files, as sites commonly choose it.
const SMALL_QUALITY: u8 = 85;

/// Largest size of the compressed file, relative to the reduced one.
const MOST: f64 = 1.03;

/// The package that carries three of the originals.
const SCIKIT_IMAGE: &str = "scikit-image==0.26.0";

/// An original image, and which part of it is shown.
struct Original {
    name: &'static str,
    /// Path below the data's folder `train`, or below `skimage/data`.
    file: &'static str,
    /// Vertical position of the part: 0 is the top, 1 the bottom.
    down: f64,
}

const fn original(name: &'static str, file: &'static str, down: f64) -> Original {
    Original { name, file, down }
}

/// Images of fast-x2's held-out set, by which its weights were chosen.
const HELD_OUT: [Original; 5] = [
    original("burger", "cid22/t_551991.webp", 0.5),
    original("portrait", "cid22/t_pexels-photo-3568544.webp", 0.0),
    original("liberty", "cid22/t_670530.webp", 0.3),
    original("car", "cid22/t_3214023.webp", 0.4),
    original("runner", "cid22/t_209864.webp", 0.9),
];

/// Drawings that no network of this project was trained on.
const DRAWINGS: [Original; 4] = [
    original("lion", "lineart/089_leone_02_architetto_fran_01.webp", 0.5),
    original("kitten", "lineart/007_kitten_gerald_g._01.webp", 0.5),
    original(
        "capitol",
        "lineart/039_us_capitol_building_cli_01.webp",
        0.5,
    ),
    original("stamps", "lineart/083_collection_of_passport__01.webp", 0.0),
];

/// Photographs that no network of this project was trained on.
const PHOTOGRAPHS: [Original; 3] = [
    original("astronaut", "astronaut.png", 0.0),
    original("coffee", "coffee.png", 0.5),
    original("rocket", "rocket.jpg", 0.5),
];

/// Name and size in bytes of the files of each budget: 0.15, 0.4 and 1 bit per pixel of the full-size image.
const BUDGETS: [(&str, usize); 3] = [("low", 3_240), ("middle", 8_640), ("high", 21_600)];

/// The photograph that is compressed to them.
const BUDGETS_OF: &Original = &PHOTOGRAPHS[1];

/// Speed of AVIF's encoder.
const AVIF_SPEED: u8 = 4;

fn main() -> anyhow::Result<()> {
    let data = std::env::args().nth(1);
    let data = data.context("say where the data lie: make-demo -- ../shared/data")?;
    let train = Path::new(&data).join("train");
    let photographs = scikit_image()?;
    budgets(&photographs)?;
    let downloads = tempfile::tempdir()?;
    let chrome = Chrome::start(&[], downloads.path());
    println!("| picture | small, {SMALL_QUALITY} % | full size | its quality |\n|---|---|---|---|");
    for (folder, originals) in [
        (&train, &HELD_OUT[..]),
        (&photographs, &PHOTOGRAPHS),
        (&train, &DRAWINGS),
    ] {
        for original in originals {
            make(&chrome, folder, original)?;
        }
    }
    Ok(())
}

/// Writes both files of an image, and prints its row of the table.
fn make(chrome: &Chrome, folder: &Path, original: &Original) -> anyhow::Result<()> {
    let Original { name, file, down } = original;
    let image = image_file::load(&folder.join(file))?.to_channels(Channels::Rgb);
    let image = part(&image, *down);
    let [full, small] = [FULL_PX, SMALL_PX].map(|[width, height]| imresize(&image, width, height));
    let small = webp(chrome, &small, SMALL_QUALITY)?;
    let (quality, full) = squeeze(chrome, &full, (small.len() as f64 * MOST) as usize)?;
    println!(
        "| {name} | {} B | {} B | {quality} % |",
        small.len(),
        full.len()
    );
    for (kind, bytes) in [("small", small), ("full", full)] {
        let folder = xtask::root().join("www/demo").join(kind);
        std::fs::create_dir_all(&folder)?;
        image_file::write_atomically(&folder.join(format!("{name}.webp")), &bytes)?;
    }
    Ok(())
}

/// Writes a small and a full-size file for each budget, and prints their sizes and scores.
fn budgets(folder: &Path) -> anyhow::Result<()> {
    let model = std::fs::read(xtask::root().join("www/models/fast-x2.bpk"))?;
    let (plan, metadata) = tests::plan(&model)?;
    let mut engine = CpuEngine::new(&plan, 1);
    let image = image_file::load(&folder.join(BUDGETS_OF.file))?.to_channels(Channels::Rgb);
    let image = part(&image, BUDGETS_OF.down);
    let [full, small] = [FULL_PX, SMALL_PX].map(|[width, height]| imresize(&image, width, height));
    let target = xtask::root().join("www/demo/budgets");
    std::fs::create_dir_all(&target)?;
    println!("| budget | small, enlarged by fast-x2 | full size |\n|---|---|---|");
    for (name, most) in BUDGETS {
        let small = squeeze_avif(&small, most)?;
        let enlarged = tests::upscaled_by(&mut engine, &metadata, &small.image, None)?;
        let other = squeeze_avif(&full, small.bytes.len())?;
        println!(
            "| {name} | {} B, SSIMULACRA2 {:.1} | {} B, {:.1} |",
            small.bytes.len(),
            ssimulacra2(&full, &enlarged)?,
            other.bytes.len(),
            ssimulacra2(&full, &other.image)?
        );
        for (size, file) in [("small", small), ("full", other)] {
            let path = target.join(format!("{}-{name}-{size}.avif", BUDGETS_OF.name));
            image_file::write_atomically(&path, &file.bytes)?;
        }
    }
    Ok(())
}

/// The AVIF file of the highest quality that fits into `most` bytes.
fn squeeze_avif(image: &Image, most: usize) -> anyhow::Result<Encoded> {
    let encode = |quality: u8| Codec::Avif.encode(image, f64::from(quality), AVIF_SPEED);
    let (mut quality, mut best) = (0u8, encode(0)?);
    ensure!(
        best.bytes.len() <= most,
        "at no quality it fits into {most} bytes"
    );
    let mut too_much = 101u8;
    while too_much - quality > 1 {
        let middle = quality.midpoint(too_much);
        let file = encode(middle)?;
        if file.bytes.len() <= most {
            (quality, best) = (middle, file);
        } else {
            too_much = middle;
        }
    }
    Ok(best)
}

/// Largest part of the image that has the aspect ratio of [`FULL_PX`].
fn part(image: &Image, down: f64) -> Image {
    let [width, height] = FULL_PX;
    let scale = (image.width as f64 / width as f64).min(image.height as f64 / height as f64);
    let [width, height] = [width, height].map(|side| (side as f64 * scale) as usize);
    image.crop(Rect {
        x: (image.width - width) / 2,
        y: ((image.height - height) as f64 * down) as usize,
        width,
        height,
    })
}

/// Encodes the image with the highest quality, in percent, that fits into `most` bytes.
fn squeeze(chrome: &Chrome, image: &Image, most: usize) -> anyhow::Result<(u8, Vec<u8>)> {
    let mut best = (0u8, webp(chrome, image, 0)?);
    ensure!(
        best.1.len() <= most,
        "at no quality it fits into {most} bytes"
    );
    // At 100 %, Chromium's WebP is lossless.
    let mut too_much = 100u8;
    while too_much - best.0 > 1 {
        let quality = best.0.midpoint(too_much);
        let bytes = webp(chrome, image, quality)?;
        if bytes.len() <= most {
            best = (quality, bytes);
        } else {
            too_much = quality;
        }
    }
    Ok(best)
}

fn webp(chrome: &Chrome, image: &Image, percent: u8) -> anyhow::Result<Vec<u8>> {
    let script = "const [pixels, width, height, quality] = arguments;
        const rgba = Uint8ClampedArray.from(atob(pixels), (byte) => byte.charCodeAt(0));
        const canvas = new OffscreenCanvas(width, height);
        canvas.getContext('2d').putImageData(new ImageData(rgba, width, height), 0, 0);
        const blob = await canvas.convertToBlob({ type: 'image/webp', quality });
        const bytes = new Uint8Array(await blob.arrayBuffer());
        return btoa(String.fromCharCode(...bytes));";
    let pixels = BASE64_STANDARD.encode(image.to_channels(Channels::Rgba).data);
    let quality = f64::from(percent) / 100.0;
    let arguments = [
        json!(pixels),
        json!(image.width),
        json!(image.height),
        json!(quality),
    ];
    let text = chrome.run(script, &arguments);
    let bytes = BASE64_STANDARD.decode(text.as_str().unwrap_or_default())?;
    ensure!(bytes.starts_with(b"RIFF"), "Chromium encoded no WebP");
    Ok(bytes)
}

/// Folder of scikit-image's images; installs the package from PyPI if it is missing.
fn scikit_image() -> anyhow::Result<PathBuf> {
    let target = xtask::target_dir()?.join("demo-originals");
    let folder = target.join("skimage/data");
    if !folder.exists() {
        let quiet = ["--quiet", "--root-user-action=ignore"];
        let status = Command::new("python3")
            .args(["-m", "pip", "install"])
            .args(quiet)
            .args(["--no-deps", "--target"])
            .args([target.as_os_str(), SCIKIT_IMAGE.as_ref()])
            .status()
            .context("python3 is missing: pip fetches the originals")?;
        ensure!(status.success(), "pip could not fetch {SCIKIT_IMAGE}");
    }
    Ok(folder)
}
