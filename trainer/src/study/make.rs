//! `trainer study make`: folders of results become a page for raters.

use std::collections::HashSet;
use std::hash::{BuildHasher, Hasher, RandomState};
use std::path::{Path, PathBuf};

use anyhow::{Context, ensure};
use clap::Args;
use indicatif::ProgressBar;
use model::pixel::{Channels, Image};
use rand::seq::SliceRandom;
use rand::{RngExt, SeedableRng};
use rand_pcg::Pcg64Mcg;
use rayon::prelude::*;

use super::pairing::{self, Picture};
use super::plan::{Calibration, KEY_FORMAT, Key, ORIGINAL, Plan, RATINGS_FORMAT, Version};
use crate::image_file;

/// Makes a page on which people grade results, blind and in random order.
///
/// The page is a folder that any web server shows, and a double click too. A rater learns on a few
/// pictures what 1 and 5 are, then grades every version of every picture alone, some of them twice,
/// and sends back the file that the page saves. Names of files say nothing about methods: what they
/// stand for is in a key beside the folder, which must not be published.
#[derive(Args, Clone, Debug)]
#[command(after_help = "\
Examples:
  cargo run -p trainer -- study make --method bicubic=out/bicubic --method srgan=out/srgan \\
    --originals ../shared/data/test/Set5/HR --out studies/faces
  cargo run -p trainer -- study make --set Set5 --set Set14 --originals '../shared/data/test/{set}' \\
    --method 'bicubic=out/bicubic/{set}' --method 'srgan=out/srgan/{set}'

Files are paired by name, endings may differ. Then, with the files that raters sent back:
  cargo run -p trainer -- study report --study studies/faces ratings-*.json")]
pub struct MakeArgs {
    /// A method and the folder of its results; once for each. `{set}` in it is a set's name.
    #[arg(long = "method", value_name = "NAME=DIR", required = true, value_parser = parse_method)]
    pub methods: Vec<(String, PathBuf)>,
    /// The folder of the originals, or one that holds them in `HR`. `{set}` in it is a set's name.
    #[arg(long, value_name = "DIR")]
    pub originals: PathBuf,
    /// A set's name, for `{set}` and for the report; once for each [default: the originals' folder].
    #[arg(long = "set", value_name = "NAME")]
    pub sets: Vec<String>,
    /// The method that calibrates raters as grade 1 [default: `nearest`, else `bicubic`].
    #[arg(long, value_name = "NAME", conflicts_with = "calibration")]
    pub worst: Option<String>,
    /// How many pictures raters are calibrated on, each as worst and as original.
    #[arg(long, value_name = "N", default_value_t = 2)]
    pub calibrate: usize,
    /// A folder with the sub-folders `worst` and `best`: calibrate on their pictures, which are not
    /// graded otherwise.
    #[arg(long, value_name = "DIR")]
    pub calibration: Option<PathBuf>,
    /// The share of versions that every rater is shown twice, 0 to 1.
    #[arg(long, value_name = "SHARE", default_value_t = 0.1)]
    pub repeats: f64,
    /// Cut off up to 7 pixels at the right and at the bottom where a picture's versions differ.
    #[arg(long)]
    pub crop: bool,
    /// What raters read first.
    #[arg(
        long,
        value_name = "TEXT",
        default_value = "How good do these pictures look?"
    )]
    pub title: String,
    /// The folder to make; the key goes beside it, as NAME-key.json.
    #[arg(long, value_name = "DIR", default_value = "study")]
    pub out: PathBuf,
    /// Draw names from this instead of from chance. Whoever knows it knows what names stand for.
    #[arg(long, value_name = "N")]
    pub seed: Option<u64>,
}

fn parse_method(text: &str) -> Result<(String, PathBuf), String> {
    match text.split_once('=') {
        Some((name, folder)) if !name.trim().is_empty() && !folder.is_empty() => {
            Ok((name.trim().to_string(), folder.into()))
        }
        _ => Err("write a name and a folder, such as srgan=results/srgan".to_string()),
    }
}

/// The page's own files.
const PAGE: [(&str, &str); 3] = [
    ("study.css", include_str!("page/study.css")),
    ("study.js", include_str!("page/study.js")),
    ("index.html", include_str!("page/study.html")),
];

/// A picture file to write.
struct Shown<'a> {
    /// Its random name.
    name: String,
    source: Source<'a>,
}

/// Where its pixels come from.
enum Source<'a> {
    /// A picture's version by the method of this number.
    Version(&'a Picture, usize),
    File(PathBuf),
}

impl Source<'_> {
    fn image(&self) -> anyhow::Result<Image> {
        match self {
            Self::Version(picture, index) => picture.version(*index),
            Self::File(file) => Ok(image_file::load(file)?.to_channels(Channels::Rgb)),
        }
    }
}

/// The command.
pub fn make(args: &MakeArgs) -> anyhow::Result<()> {
    let sets = check(args)?;
    let worst = match &args.calibration {
        Some(_) => 0, // not asked for
        None => worst(args)?,
    };
    let folders: Vec<PathBuf> = args
        .methods
        .iter()
        .map(|(_, folder)| folder.clone())
        .collect();
    let folders = [folders, vec![args.originals.clone()]].concat();
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
    let methods = args.methods.iter().map(|(name, _)| name.clone());
    let methods: Vec<String> = methods.chain([ORIGINAL.to_string()]).collect();

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
        id: id.clone(),
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

/// Refuses arguments that make no study; the names of the sets.
fn check(args: &MakeArgs) -> anyhow::Result<Vec<String>> {
    ensure!(
        (0.0..=1.0).contains(&args.repeats),
        "--repeats is a share between 0 and 1, not {}",
        args.repeats
    );
    ensure!(args.calibrate > 0, "--calibrate has to be at least 1");
    let mut names = HashSet::from([ORIGINAL]);
    for (name, _) in &args.methods {
        ensure!(
            names.insert(name),
            "two methods are called {name}{}",
            match name.as_str() {
                ORIGINAL => ": that is what the originals are called",
                _ => ": give each a name of its own",
            }
        );
    }
    let unique: HashSet<&String> = args.sets.iter().collect();
    ensure!(
        unique.len() == args.sets.len(),
        "a set is named twice by --set"
    );
    if args.sets.len() > 1 {
        let folders = args.methods.iter().map(|(_, folder)| folder);
        for folder in folders.chain([&args.originals]) {
            ensure!(
                folder.to_string_lossy().contains("{set}"),
                "{} is one folder, but there are {} sets: write {{set}} where the set's name stands in it",
                folder.display(),
                args.sets.len()
            );
        }
    }
    for path in [args.out.clone(), Key::path(&args.out)] {
        ensure!(
            !path.exists(),
            "{} is there already, and ratings for it may be under way: choose another --out",
            path.display()
        );
    }
    if !args.sets.is_empty() {
        return Ok(args.sets.clone());
    }
    let absolute = args
        .originals
        .canonicalize()
        .unwrap_or(args.originals.clone());
    let parts = absolute
        .iter()
        .rev()
        .map(|part| part.to_string_lossy().into_owned());
    let name = parts.filter(|part| part != "HR").find(|part| part != "/");
    Ok(vec![name.unwrap_or("pictures".to_string())])
}

/// The number of the method that calibrates as grade 1.
fn worst(args: &MakeArgs) -> anyhow::Result<usize> {
    let position = |wanted: &str| {
        let mut names = args.methods.iter();
        names.position(|(name, _)| name.eq_ignore_ascii_case(wanted))
    };
    let found = match &args.worst {
        Some(name) => position(name),
        None => position("nearest").or_else(|| position("bicubic")),
    };
    let names: Vec<&str> = args.methods.iter().map(|(name, _)| name.as_str()).collect();
    found.with_context(|| {
        format!(
            "which method calibrates as the worst? Say --worst and one of: {}; or calibrate on other \
             pictures with --calibration",
            names.join(", ")
        )
    })
}

/// 64 random bits: unlike a hash of the method's name, nobody finds them by trying names.
fn random_name(random: &mut Pcg64Mcg) -> String {
    format!("{:016x}", random.random::<u64>())
}

/// A name for every version, and what its file will hold.
fn name_versions<'a>(
    pictures: &'a [Picture],
    methods: &[String],
    random: &mut Pcg64Mcg,
) -> (Vec<Version>, Vec<Shown<'a>>) {
    let versions = pictures.iter().flat_map(|picture| {
        let methods = methods.iter().enumerate();
        methods.map(move |(index, method)| (picture, index, method))
    });
    let named = versions.map(|(picture, index, method)| {
        let name = random_name(random);
        let version = Version {
            name: name.clone(),
            set: picture.set.clone(),
            picture: picture.name.clone(),
            method: method.clone(),
        };
        let source = Source::Version(picture, index);
        (version, Shown { name, source })
    });
    named.unzip()
}

/// Pictures of the study itself as worst and as original, in this order.
fn own_calibration(
    versions: &[Version],
    methods: usize,
    worst: usize,
    count: usize,
    random: &mut Pcg64Mcg,
) -> Vec<Calibration> {
    let mut pictures: Vec<&[Version]> = versions.chunks_exact(methods).collect();
    pictures.shuffle(random);
    let shown = pictures
        .into_iter()
        .take(count)
        .flat_map(|picture| [(&picture[worst], 1), (&picture[methods - 1], 5)]);
    shown
        .map(|(version, grade)| Calibration {
            version: version.name.clone(),
            grade,
        })
        .collect()
}

/// Pictures that are in `worst` and `best`, and what their files will hold.
fn foreign_calibration(
    folder: &Path,
    count: usize,
    random: &mut Pcg64Mcg,
) -> anyhow::Result<(Vec<Calibration>, Vec<Shown<'static>>)> {
    let folders = ["worst", "best"].map(|name| folder.join(name));
    let mut pictures = pairing::pair("the calibration", &folders, false)?;
    pictures.shuffle(random);
    pictures.truncate(count);
    let files = pictures
        .into_iter()
        .flat_map(|picture| picture.files.into_iter().zip([1, 5]));
    let named = files.map(|(file, grade)| {
        let version = random_name(random);
        let shown = Shown {
            name: version.clone(),
            source: Source::File(file),
        };
        (Calibration { version, grade }, shown)
    });
    Ok(named.unzip())
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
