//! The arguments of `study make`.

use std::collections::HashSet;
use std::path::PathBuf;

use anyhow::{Context, ensure};
use clap::Args;

use super::pairing::SET;
use super::plan::{Key, ORIGINAL};

/// Makes a page on which people grade results, blind and in random order.
///
/// The page is a folder, which can be opened by a double click or put on any web server. A rater first
/// sees on a few images what 1 and 5 mean, then grades every version of every image separately, some of
/// them twice, and sends back the file that the page saves. File names do not reveal the methods; the key
/// beside the folder does, and must not be published.
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
    /// A method and the folder of its results; may be given several times. `{set}` stands for the set's
    /// name.
    #[arg(long = "method", value_name = "NAME=DIR", required = true, value_parser = parse_method)]
    pub methods: Vec<(String, PathBuf)>,
    /// The folder of the originals, or one that holds them in `HR`. `{set}` stands for the set's name.
    #[arg(long, value_name = "DIR")]
    pub originals: PathBuf,
    /// A set's name, for `{set}` and the report; may be given several times [default: the name of the
    /// originals' folder].
    #[arg(long = "set", value_name = "NAME")]
    pub sets: Vec<String>,
    /// The method that raters are shown as grade 1 [default: `nearest`, or else `bicubic`].
    #[arg(long, value_name = "NAME", conflicts_with = "calibration")]
    pub worst: Option<String>,
    /// How many images raters are calibrated on, each by the worst method and as original [default: 2, or 20 of
    /// --calibration, as in the SRGAN paper].
    #[arg(long, value_name = "N")]
    pub calibrate: Option<usize>,
    /// A folder with the subfolders `worst` and `best`: calibrate on their images, which are not graded.
    #[arg(long, value_name = "DIR")]
    pub calibration: Option<PathBuf>,
    /// The share of versions that every rater is shown twice, 0 to 1.
    #[arg(long, value_name = "SHARE", default_value_t = 0.1)]
    pub repeats: f64,
    /// Crop up to 7 pixels at the right and at the bottom if an image's versions differ in size.
    #[arg(long)]
    pub crop: bool,
    /// The title that raters see.
    #[arg(
        long,
        value_name = "TEXT",
        default_value = "How good do these images look?"
    )]
    pub title: String,
    /// The folder to write; the key is written beside it, as NAME-key.json.
    #[arg(long, value_name = "DIR", default_value = "study")]
    pub out: PathBuf,
    /// Seed of the random names. The methods can be derived from it, so keep it secret.
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

impl MakeArgs {
    /// Checks the arguments; returns the names of the sets.
    pub(super) fn check(&self) -> anyhow::Result<Vec<String>> {
        ensure!(
            (0.0..=1.0).contains(&self.repeats),
            "--repeats is a share between 0 and 1, not {}",
            self.repeats
        );
        ensure!(
            self.calibrate != Some(0),
            "--calibrate has to be at least 1"
        );
        let mut names = HashSet::from([ORIGINAL]);
        for (name, _) in &self.methods {
            ensure!(
                names.insert(name),
                "two methods are called {name}{}",
                match name.as_str() {
                    ORIGINAL => ", which is the name of the originals",
                    _ => ": give them different names",
                }
            );
        }
        for path in [self.out.clone(), Key::path(&self.out)] {
            ensure!(
                !path.exists(),
                "{} exists already, and people may be rating it: choose another --out",
                path.display()
            );
        }
        self.check_sets()
    }

    /// The names of the sets: those of --set, or the name of the originals' folder.
    fn check_sets(&self) -> anyhow::Result<Vec<String>> {
        let unique: HashSet<&String> = self.sets.iter().collect();
        ensure!(
            unique.len() == self.sets.len(),
            "a set is named twice by --set"
        );
        if self.sets.len() > 1 {
            for folder in self.folders() {
                ensure!(
                    folder.to_string_lossy().contains(SET),
                    "{} is one folder, but there are {} sets: write {{set}} in place of the set's name",
                    folder.display(),
                    self.sets.len()
                );
            }
        }
        if !self.sets.is_empty() {
            return Ok(self.sets.clone());
        }
        let absolute = self.originals.canonicalize();
        let absolute = absolute.unwrap_or(self.originals.clone());
        let parts = absolute
            .iter()
            .rev()
            .map(|part| part.to_string_lossy().into_owned());
        // Data sets keep their originals in a folder HR.
        let mut parts = parts.filter(|part| part != "HR" && part != "/");
        Ok(vec![parts.next().unwrap_or("images".to_string())])
    }

    /// How many images raters are calibrated on, at most.
    pub(super) fn calibration_images(&self) -> usize {
        let default = if self.calibration.is_some() { 20 } else { 2 };
        self.calibrate.unwrap_or(default)
    }

    /// The index of the method that is shown as grade 1.
    pub(super) fn worst(&self) -> anyhow::Result<usize> {
        let position = |wanted: &str| {
            let mut names = self.methods.iter();
            names.position(|(name, _)| name.eq_ignore_ascii_case(wanted))
        };
        let found = match &self.worst {
            Some(name) => position(name),
            None => position("nearest").or_else(|| position("bicubic")),
        };
        let names: Vec<&str> = self.methods.iter().map(|(name, _)| name.as_str()).collect();
        found.with_context(|| {
            format!(
                "no method is known to be the worst: name one of {} with --worst, or calibrate on other \
                 images with --calibration",
                names.join(", ")
            )
        })
    }

    /// The folders of the methods, then that of the originals.
    pub(super) fn folders(&self) -> Vec<PathBuf> {
        let folders = self.methods.iter().map(|(_, folder)| folder);
        folders.chain([&self.originals]).cloned().collect()
    }

    /// The names of the methods, then that of the originals.
    pub(super) fn method_names(&self) -> Vec<String> {
        let names = self.methods.iter().map(|(name, _)| name.as_str());
        names.chain([ORIGINAL]).map(str::to_string).collect()
    }
}
