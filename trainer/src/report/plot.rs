//! The curves of a training as SVG.

use std::collections::BTreeMap;

use anyhow::anyhow;
use plotters::coord::Shift;
use plotters::prelude::*;

use crate::train::Entry;

const LOSS: RGBColor = RGBColor(0x9a, 0x67, 0x1b);
const DISCRIMINATOR: RGBColor = RGBColor(0x7a, 0x4d, 0x9e);
const PSNR: RGBColor = RGBColor(0x1b, 0x6e, 0x9a);

/// A chart of the loss and its terms above a chart of the PSNR on the held-out images, both over the steps.
pub fn curves(entries: &[Entry]) -> anyhow::Result<String> {
    let mut svg = String::new();
    {
        let area = SVGBackend::with_string(&mut svg, (900, 720)).into_drawing_area();
        let failed = |e: &dyn std::fmt::Display| anyhow!("cannot draw the curves: {e}");
        area.fill(&WHITE).map_err(|e| failed(&e))?;
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
        chart(&above, "loss", &lines)?;
        let lines = [
            ("network", psnr.as_slice(), PSNR),
            ("bicubic", &bicubic, BLACK),
        ];
        chart(&below, "PSNR-Y in dB, held-out images", &lines)?;
        area.present().map_err(|e| failed(&e))?;
    }
    Ok(svg)
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

type Point = (f64, f64);

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

/// Draws one chart, or nothing if there are no points.
fn chart(
    area: &DrawingArea<SVGBackend<'_>, Shift>,
    title: &str,
    lines: &[(&str, &[Point], RGBColor)],
) -> anyhow::Result<()> {
    let failed = |e: &dyn std::fmt::Display| anyhow!("cannot draw the curves: {e}");
    let points = || {
        lines
            .iter()
            .flat_map(|(_, points, _)| points.iter().copied())
    };
    let finite = || points().map(|(_, y)| y).filter(|y| y.is_finite());
    let end = points().map(|(x, _)| x).fold(1.0, f64::max);
    let (low, high) = finite().fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), y| {
        (low.min(y), high.max(y))
    });
    if low > high {
        return Ok(());
    }
    let room = (high - low).max(1e-6) * 0.05;
    let mut chart = ChartBuilder::on(area)
        .caption(title, ("sans-serif", 20))
        .margin(12)
        .x_label_area_size(36)
        .y_label_area_size(64)
        .build_cartesian_2d(0.0..end, low - room..high + room)
        .map_err(|e| failed(&e))?;
    chart
        .configure_mesh()
        .x_desc("step")
        .light_line_style(WHITE)
        .draw()
        .map_err(|e| failed(&e))?;
    for (name, points, color) in lines {
        let color = *color;
        chart
            .draw_series(LineSeries::new(
                points.iter().copied(),
                color.stroke_width(2),
            ))
            .map_err(|e| failed(&e))?
            .label(*name)
            .legend(move |(x, y)| PathElement::new([(x, y), (x + 16, y)], color.stroke_width(2)));
    }
    if lines.len() > 1 {
        chart
            .configure_series_labels()
            .border_style(BLACK)
            .background_style(WHITE)
            .position(SeriesLabelPosition::LowerRight)
            .draw()
            .map_err(|e| failed(&e))?;
    }
    Ok(())
}
