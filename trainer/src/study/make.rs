//! The command `study make`.

use std::hash::{BuildHasher, Hasher, RandomState};

use anyhow::Context;
use indicatif::ProgressBar;
use rand::SeedableRng;
use rand_pcg::Pcg64Mcg;
use rayon::prelude::*;

use super::arguments::MakeArgs;
use super::naming::{Shown, name_versions, own_calibration, random_name, separate_calibration};
use super::pairing;
use super::plan::{Calibration, KEY_FORMAT, Key, Plan, RATINGS_FORMAT};
use crate::image_file;

/// The page's own files.
const PAGE: [(&str, &str); 4] = [
    (
        "study.css",
        concat!(
            include_str!("../palette.css"),
            include_str!("page/study.css")
        ),
    ),
    ("order.js", include_str!("page/order.js")),
    ("study.js", include_str!("page/study.js")),
    ("index.html", include_str!("page/study.html")),
];

/// Runs the command.
pub fn make(args: &MakeArgs) -> anyhow::Result<()> {
    let sets = args.check()?;
    let worst = match &args.calibration {
        Some(_) => 0, // not used
        None => args.worst()?,
    };
    let folders = args.folders();
    let mut images = Vec::new();
    for set in &sets {
        images.extend(pairing::pair(set, &folders, args.crop)?);
    }
    // The hasher's keys come from the system's randomness.
    let seed = args
        .seed
        .unwrap_or_else(|| RandomState::new().build_hasher().finish());
    let mut random = Pcg64Mcg::seed_from_u64(seed);
    let id = random_name(&mut random);
    let methods = args.method_names();
    let (versions, mut files) = name_versions(&images, &methods, &mut random);
    let calibration = match &args.calibration {
        Some(folder) => {
            let (calibration, shown) =
                separate_calibration(folder, args.calibration_images(), &mut random)?;
            files.extend(shown);
            calibration
        }
        None => own_calibration(
            &versions,
            methods.len(),
            worst,
            args.calibration_images(),
            &mut random,
        ),
    };
    let key = Key {
        format: KEY_FORMAT.to_string(),
        id,
        title: args.title.clone(),
        seed,
        methods,
        sets,
        versions,
    };
    let plan = plan(args, &key, calibration);
    write(args, &key, &plan, files)?;
    summarise(args, &key, &plan);
    Ok(())
}

fn plan(args: &MakeArgs, key: &Key, calibration: Vec<Calibration>) -> Plan {
    let images = key
        .versions
        .chunks_exact(key.methods.len())
        .map(|versions| {
            let names = versions.iter().map(|version| version.name.clone());
            let mut names: Vec<String> = names.collect();
            // Sorting random names removes the order of the methods.
            names.sort();
            names
        });
    let versions = key.versions.len();
    let least = usize::from(args.repeats > 0.0);
    Plan {
        ratings_format: RATINGS_FORMAT.to_string(),
        id: key.id.clone(),
        title: args.title.clone(),
        repeats: ((args.repeats * versions as f64).round() as usize).max(least),
        calibration,
        pictures: images.collect(),
    }
}

/// Writes the key, the images and the page, which comes last: if it exists, the study is complete.
fn write(args: &MakeArgs, key: &Key, plan: &Plan, mut files: Vec<Shown<'_>>) -> anyhow::Result<()> {
    let folder = args.out.join("pictures");
    std::fs::create_dir_all(&folder)
        .with_context(|| format!("cannot create the folder {}", folder.display()))?;
    let text = serde_json::to_string_pretty(key)?;
    image_file::write_atomically(&Key::path(&args.out), text.as_bytes())?;
    // In the order of their names, so that file dates do not reveal the methods.
    files.sort_by(|a, b| a.name.cmp(&b.name));
    let progress = ProgressBar::new(files.len() as u64);
    files.par_iter().try_for_each(|Shown { name, source }| {
        image_file::save(&source.image()?, &folder.join(name).with_extension("png"))?;
        progress.inc(1);
        anyhow::Ok(())
    })?;
    progress.finish_and_clear();
    // A script, because a page opened as a file may not fetch JSON.
    let text = format!("const STUDY = {};\n", serde_json::to_string_pretty(plan)?);
    image_file::write_atomically(&args.out.join("plan.js"), text.as_bytes())?;
    for (name, text) in PAGE {
        image_file::write_atomically(&args.out.join(name), text.as_bytes())?;
    }
    Ok(())
}

const SECONDS_PER_IMAGE: usize = 4;

fn summarise(args: &MakeArgs, key: &Key, plan: &Plan) {
    let shown = plan.calibration.len() + key.versions.len() + plan.repeats;
    println!(
        "{} images in {} versions each. A rater sees {shown}, {} of them for calibration and {} for \
         the second time, which takes about {} min.",
        plan.pictures.len(),
        key.methods.len(),
        plan.calibration.len(),
        plan.repeats,
        (shown * SECONDS_PER_IMAGE).div_ceil(60),
    );
    println!(
        "For raters (double-click it, or put the folder on any web server): {}",
        args.out.join("index.html").display()
    );
    println!(
        "For you only (it reveals the methods): {}",
        Key::path(&args.out).display()
    );
}
