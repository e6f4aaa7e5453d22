//! The curves of a training as SVG.

use std::collections::BTreeMap;

use plotters::prelude::*;

use crate::chart::{Chart, Line, Point, draw, svg};
use crate::train::Entry;

const LOSS: RGBColor = RGBColor(0x9a, 0x67, 0x1b);
const DISCRIMINATOR: RGBColor = RGBColor(0x7a, 0x4d, 0x9e);
const PSNR: RGBColor = RGBColor(0x1b, 0x6e, 0x9a);

/// A chart of the loss and its terms above a chart of the PSNR on the held-out images, both over the steps.
pub fn curves(entries: &[Entry]) -> anyhow::Result<String> {
    svg((900, 720), |area| {
        let (above, below) = area.split_vertically(360);
        let loss: Vec<_> = entries.iter().filter_map(loss).collect();
        let (psnr, bicubic): (Vec<_>, Vec<_>) = entries.iter().filter_map(psnr).unzip();
        let discriminator: Vec<_> = entries.iter().filter_map(discriminator_loss).collect();
        let terms = terms(entries);
        let mut lines = vec![("loss", &loss[..], LOSS)];
        if !discriminator.is_empty() {
            lines.push(("discriminator", &discriminator, DISCRIMINATOR));
        }
        lines.extend(terms.iter().enumerate().map(|(i, (name, points))| {
            let (r, g, b) = Palette99::COLORS[i % Palette99::COLORS.len()];
            (name.as_str(), &points[..], RGBColor(r, g, b))
        }));
        draw(&above, &over_steps("loss", &lines), &lines)?;
        let lines = [
            ("network", psnr.as_slice(), PSNR),
            ("bicubic", &bicubic, BLACK),
        ];
        let chart = over_steps("PSNR-Y in dB, held-out images", &lines);
        draw(&below, &chart, &lines)
    })
}

/// A chart from the first step to the last.
fn over_steps<'a>(title: &'a str, lines: &[Line<'_>]) -> Chart<'a> {
    let points = lines.iter().flat_map(|(_, points, _)| points.iter());
    let last = points.map(|(step, _)| *step).fold(1.0, f64::max);
    Chart {
        title,
        x_name: "step",
        x_range: 0.0..last,
        legend: SeriesLabelPosition::LowerRight,
    }
}

fn loss(entry: &Entry) -> Option<(f64, f64)> {
    match entry {
        Entry::Step { step, loss, .. } => Some((*step as f64, *loss)),
        Entry::Evaluation { .. } => None,
    }
}

fn discriminator_loss(entry: &Entry) -> Option<(f64, f64)> {
    match entry {
        Entry::Step {
            step,
            discriminator_loss,
            ..
        } => discriminator_loss.map(|loss| (*step as f64, loss)),
        Entry::Evaluation { .. } => None,
    }
}

/// The terms of the loss, by their names.
fn terms(entries: &[Entry]) -> BTreeMap<String, Vec<Point>> {
    let mut lines: BTreeMap<String, Vec<Point>> = BTreeMap::new();
    for entry in entries {
        let Entry::Step { step, terms, .. } = entry else {
            continue;
        };
        for (name, value) in terms {
            let line = lines.entry(name.clone()).or_default();
            line.push((*step as f64, *value));
        }
    }
    lines
}

fn psnr(entry: &Entry) -> Option<(Point, Point)> {
    match entry {
        Entry::Evaluation {
            step,
            psnr_y,
            bicubic_psnr_y,
            ..
        } => {
            let step = *step as f64;
            Some(((step, *psnr_y), (step, *bicubic_psnr_y)))
        }
        Entry::Step { .. } => None,
    }
}
