//! The log of a training: a file of JSON lines, and a display on standard error.

use std::collections::BTreeMap;
use std::fs::{File, OpenOptions};
use std::io::{BufRead, BufReader, IsTerminal, Write};
use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::Context;
use indicatif::{ProgressBar, ProgressStyle};
use serde::{Deserialize, Serialize};

/// One line of the log file.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Entry {
    /// Means over the steps since the last such line.
    Step {
        /// Steps taken.
        step: u64,
        /// Mean loss.
        loss: f64,
        /// Means of the loss's terms, with their weights, if there are several.
        #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
        terms: BTreeMap<String, f64>,
        /// The discriminators' mean loss, if there are any.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        discriminator_loss: Option<f64>,
        /// Norm of the last gradient before clipping.
        gradient_norm: f64,
        /// The learning rate of the last step.
        learning_rate: f64,
        /// Patches per second.
        patches_per_s: f64,
        /// The share of the time in which steps waited for their patches.
        #[serde(default)]
        waiting: f64,
    },
    /// An evaluation on the held-out images.
    Evaluation {
        /// Steps taken.
        step: u64,
        /// Mean PSNR on Y in dB.
        psnr_y: f64,
        /// Mean PSNR of bicubic interpolation on the same images, in dB.
        bicubic_psnr_y: f64,
        /// Mean LPIPS, if configured.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        lpips: Option<f64>,
    },
}

impl Entry {
    /// Steps taken.
    pub fn step(&self) -> u64 {
        match self {
            Self::Step { step, .. } | Self::Evaluation { step, .. } => *step,
        }
    }
}

/// The log file and the display.
pub struct Log {
    file: File,
    entries: Vec<Entry>,
    display: Display,
    best_psnr_db: Option<f64>,
}

/// The shortest time between two lines if standard error is not a terminal.
const PLAIN_PAUSE: Duration = Duration::from_secs(10);

enum Display {
    Bar(ProgressBar),
    Plain {
        steps: u64,
        start: Instant,
        first: u64,
        printed: Option<Instant>,
    },
}

impl Log {
    /// Opens the log; it keeps the lines of an earlier run up to step `from`.
    pub fn open(path: &Path, from: u64, steps: u64) -> anyhow::Result<Self> {
        let mut entries = Vec::new();
        if from > 0
            && let Ok(file) = File::open(path)
        {
            // A killed run may leave an incomplete line, which comes after the checkpoint.
            let lines = BufReader::new(file).lines().map_while(Result::ok);
            let known = lines.filter_map(|line| serde_json::from_str::<Entry>(&line).ok());
            entries.extend(known.filter(|entry| entry.step() <= from));
        }
        let file = OpenOptions::new()
            .create(true)
            .write(true)
            .truncate(true)
            .open(path);
        let mut log = Self {
            file: file.with_context(|| format!("cannot write the log {}", path.display()))?,
            entries: Vec::new(),
            display: Display::new(from, steps),
            best_psnr_db: None,
        };
        for entry in entries {
            log.write(entry)?;
        }
        Ok(log)
    }

    fn write(&mut self, entry: Entry) -> anyhow::Result<()> {
        let line = serde_json::to_string(&entry)?;
        writeln!(self.file, "{line}").context("cannot write the log: is the disk full?")?;
        if let Entry::Evaluation { psnr_y, .. } = entry {
            self.best_psnr_db = Some(self.best_psnr_db.map_or(psnr_y, |best| best.max(psnr_y)));
        }
        self.entries.push(entry);
        Ok(())
    }

    /// Writes a line to the file and shows it.
    pub fn add(&mut self, entry: Entry) -> anyhow::Result<()> {
        self.write(entry)?;
        let text = self.summary();
        self.display
            .show(self.entries.last().map_or(0, Entry::step), &text);
        Ok(())
    }

    /// Prints a line above the display.
    pub fn print(&self, text: &str) {
        match &self.display {
            Display::Bar(bar) => bar.println(text),
            Display::Plain { .. } => eprintln!("{text}"),
        }
    }

    /// Every line so far.
    pub fn entries(&self) -> &[Entry] {
        &self.entries
    }

    /// Ends the display.
    pub fn finish(&mut self) {
        if let Display::Bar(bar) = &self.display {
            bar.finish();
        }
    }

    fn summary(&self) -> String {
        let mut text = String::new();
        let newest = |wanted: fn(&Entry) -> bool| self.entries.iter().rev().find(|e| wanted(e));
        if let Some(Entry::Step {
            loss,
            discriminator_loss,
            learning_rate,
            patches_per_s,
            waiting,
            ..
        }) = newest(|entry| matches!(entry, Entry::Step { .. }))
        {
            text += &format!("loss {loss:.5}");
            if let Some(loss) = discriminator_loss {
                text += &format!(" · discriminator {loss:.4}");
            }
            text += &format!(" · rate {learning_rate:.1e} · {patches_per_s:.0} patches/s");
            if *waiting >= 0.01 {
                text += &format!(", {:.0} % of the time waiting for them", 100.0 * waiting);
            }
        }
        if let Some(Entry::Evaluation {
            psnr_y,
            bicubic_psnr_y,
            lpips,
            ..
        }) = newest(|entry| matches!(entry, Entry::Evaluation { .. }))
        {
            let best = self.best_psnr_db.unwrap_or(*psnr_y);
            text += &format!(" · PSNR {psnr_y:.2} dB, best {best:.2}, bicubic {bicubic_psnr_y:.2}");
            if let Some(lpips) = lpips {
                text += &format!(" · LPIPS {lpips:.4}");
            }
        }
        text
    }
}

impl Display {
    fn new(from: u64, steps: u64) -> Self {
        if !std::io::stderr().is_terminal() {
            return Self::Plain {
                steps,
                start: Instant::now(),
                first: from,
                printed: None,
            };
        }
        let bar = ProgressBar::new(steps).with_position(from);
        let style =
            ProgressStyle::with_template("{wide_bar} {pos}/{len} steps · {eta} left\n{msg}");
        if let Ok(style) = style {
            bar.set_style(style);
        }
        bar.reset_eta();
        Self::Bar(bar)
    }

    fn show(&mut self, step: u64, text: &str) {
        match self {
            Self::Bar(bar) => {
                bar.set_position(step);
                bar.set_message(text.to_string());
            }
            Self::Plain {
                steps,
                start,
                first,
                printed,
            } => {
                let due = printed.is_none_or(|at| at.elapsed() >= PLAIN_PAUSE);
                if !due && step < *steps {
                    return;
                }
                *printed = Some(Instant::now());
                let taken = (step - *first).max(1) as f64;
                let left = start.elapsed().as_secs_f64() / taken * (*steps - step) as f64;
                eprintln!("step {step}/{steps} · {left:.0} s left · {text}");
            }
        }
    }
}
