//! `trainer study make`: folders of results become a page for raters.

use std::hash::{BuildHasher, Hasher, RandomState};

use anyhow::Context;
use indicatif::ProgressBar;
use rand::SeedableRng;
use rand_pcg::Pcg64Mcg;
use rayon::prelude::*;

use super::arguments::MakeArgs;
use super::naming::{Shown, foreign_calibration, name_versions, own_calibration, random_name};
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

/// The command.
pub fn make(args: &MakeArgs) -> anyhow::Result<()> {
    let sets = args.check()?;
    let worst = match &args.calibration {
        Some(_) => 0, // not asked for
        None => args.worst()?,
    };
    let folders = args.folders();
    let mut pictures = Vec::new();
    for set in &sets {
        pictures.extend(pairing::pair(set, &folders, args.crop)?);
    }
    // The hasher's keys come from the system's randomness.
    let seed = args
        .seed
        .unwrap_or_else(|| RandomState::new().build_hasher().finish());
    let mut random = Pcg64Mcg::seed_from_u64(seed);
    let id = random_name(&mut random);
    let methods = args.method_names();
    let (versions, mut files) = name_versions(&pictures, &methods, &mut random);
    let calibration = match &args.calibration {
        Some(folder) => {
            let (calibration, shown) = foreign_calibration(folder, args.calibrate, &mut random)?;
            files.extend(shown);
            calibration
        }
        None => own_calibration(&versions, methods.len(), worst, args.calibrate, &mut random),
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
    tell(args, &key, &plan);
    Ok(())
}

fn plan(args: &MakeArgs, key: &Key, calibration: Vec<Calibration>) -> Plan {
    let pictures = key
        .versions
        .chunks_exact(key.methods.len())
        .map(|versions| {
            let names = versions.iter().map(|version| version.name.clone());
            let mut names: Vec<String> = names.collect();
            // Sorted random names have lost the order of the methods.
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
        pictures: pictures.collect(),
    }
}

/// Writes the key, the pictures and the page, which comes last: where it is, all is.
fn write(args: &MakeArgs, key: &Key, plan: &Plan, mut files: Vec<Shown<'_>>) -> anyhow::Result<()> {
    let folder = args.out.join("pictures");
    std::fs::create_dir_all(&folder)
        .with_context(|| format!("cannot create the folder {}", folder.display()))?;
    let text = serde_json::to_string_pretty(key)?;
    image_file::write_atomically(&Key::path(&args.out), text.as_bytes())?;
    // Written in the order of their names, so that dates of files don't say the method either.
    files.sort_by(|a, b| a.name.cmp(&b.name));
    let progress = ProgressBar::new(files.len() as u64);
    files.par_iter().try_for_each(|Shown { name, source }| {
        image_file::save(&source.image()?, &folder.join(name).with_extension("png"))?;
        progress.inc(1);
        anyhow::Ok(())
    })?;
    progress.finish_and_clear();
    // A script and no JSON: pages that were double-clicked may not fetch.
    let text = format!("const STUDY = {};\n", serde_json::to_string_pretty(plan)?);
    image_file::write_atomically(&args.out.join("plan.js"), text.as_bytes())?;
    for (name, text) in PAGE {
        image_file::write_atomically(&args.out.join(name), text.as_bytes())?;
    }
    Ok(())
}

/// Seconds that a rater takes for a picture: looking, deciding, pressing a key.
const SECONDS_A_PICTURE: usize = 4;

fn tell(args: &MakeArgs, key: &Key, plan: &Plan) {
    let shown = plan.calibration.len() + key.versions.len() + plan.repeats;
    println!(
        "{} pictures in {} versions each. A rater sees {shown}, {} of them for calibration and {} a \
         second time: about {} min.",
        plan.pictures.len(),
        key.methods.len(),
        plan.calibration.len(),
        plan.repeats,
        (shown * SECONDS_A_PICTURE).div_ceil(60),
    );
    println!(
        "For raters (double-click it, or put the folder on any web server): {}",
        args.out.join("index.html").display()
    );
    println!(
        "For you alone (it says who made what): {}",
        Key::path(&args.out).display()
    );
}
