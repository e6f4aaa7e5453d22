//! Charts of lines as SVG.

use std::ops::Range;

use anyhow::anyhow;
use plotters::coord::Shift;
use plotters::prelude::*;

/// Title, axis and legend of a chart.
pub(crate) struct Chart<'a> {
    pub title: &'a str,
    /// Name of the horizontal axis.
    pub x_name: &'a str,
    pub x_range: Range<f64>,
    pub legend: SeriesLabelPosition,
}

pub(crate) type Point = (f64, f64);

/// A line's name, points and colour.
pub(crate) type Line<'a> = (&'a str, &'a [Point], RGBColor);

type Area<'a> = DrawingArea<SVGBackend<'a>, Shift>;

/// A white drawing of this width and height in pixels.
pub(crate) fn svg(
    size: (u32, u32),
    content: impl FnOnce(&Area<'_>) -> anyhow::Result<()>,
) -> anyhow::Result<String> {
    let mut svg = String::new();
    {
        let area = SVGBackend::with_string(&mut svg, size).into_drawing_area();
        area.fill(&WHITE).map_err(|e| failed(&e))?;
        content(&area)?;
        area.present().map_err(|e| failed(&e))?;
    }
    Ok(svg)
}

fn failed(error: &dyn std::fmt::Display) -> anyhow::Error {
    anyhow!("cannot draw the curves: {error}")
}

/// Draws one chart, or nothing if there are no points.
pub(crate) fn draw(area: &Area<'_>, chart: &Chart<'_>, lines: &[Line<'_>]) -> anyhow::Result<()> {
    let points = || {
        lines
            .iter()
            .flat_map(|(_, points, _)| points.iter().copied())
    };
    let finite = || points().map(|(_, y)| y).filter(|y| y.is_finite());
    let (low, high) = finite().fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), y| {
        (low.min(y), high.max(y))
    });
    if low > high {
        return Ok(());
    }
    let room = (high - low).max(1e-6) * 0.05;
    let mut drawn = ChartBuilder::on(area)
        .caption(chart.title, ("sans-serif", 20))
        .margin(12)
        .x_label_area_size(36)
        .y_label_area_size(64)
        .build_cartesian_2d(chart.x_range.clone(), low - room..high + room)
        .map_err(|e| failed(&e))?;
    drawn
        .configure_mesh()
        .x_desc(chart.x_name)
        .light_line_style(WHITE)
        .draw()
        .map_err(|e| failed(&e))?;
    for (name, points, color) in lines {
        let color = *color;
        drawn
            .draw_series(LineSeries::new(
                points.iter().copied(),
                color.stroke_width(2),
            ))
            .map_err(|e| failed(&e))?
            .label(*name)
            .legend(move |(x, y)| PathElement::new([(x, y), (x + 16, y)], color.stroke_width(2)));
    }
    if lines.len() > 1 {
        drawn
            .configure_series_labels()
            .border_style(BLACK)
            .background_style(WHITE)
            .position(chart.legend.clone())
            .draw()
            .map_err(|e| failed(&e))?;
    }
    Ok(())
}
