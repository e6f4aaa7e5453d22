//! Histograms of the grades as SVG.

use anyhow::anyhow;
use plotters::coord::Shift;
use plotters::prelude::*;

use super::analysis::Opinion;

const BAR: RGBColor = RGBColor(0x5b, 0x9a, 0x8b);
const MEAN: RGBColor = RGBColor(0x9a, 0x3b, 0x1b);

const CELL_PX: (u32, u32) = (230, 190);

const MOST_COLUMNS: usize = 6;

/// Draws for every set and method the share of each grade, and the mean opinion score with its interval.
/// Each set starts a new row.
pub fn draw(opinions: &[Opinion]) -> anyhow::Result<String> {
    let same = |opinion: &&Opinion| opinion.set == opinions[0].set;
    let methods = opinions.iter().take_while(same).count().max(1);
    let columns = methods.min(MOST_COLUMNS);
    let rows = opinions.len() / methods * methods.div_ceil(columns);
    let highest = opinions.iter().flat_map(shares).fold(0.1, f64::max) * 1.05;
    let mut svg = String::new();
    {
        let size = (CELL_PX.0 * columns as u32, CELL_PX.1 * rows as u32);
        let area = SVGBackend::with_string(&mut svg, size).into_drawing_area();
        area.fill(&WHITE).map_err(failed)?;
        let cells = area.split_evenly((rows, columns));
        let rows = cells.chunks(methods.div_ceil(columns) * columns);
        for (cells, opinions) in rows.zip(opinions.chunks(methods)) {
            for (cell, opinion) in cells.iter().zip(opinions) {
                chart(cell, opinion, highest)?;
            }
        }
        area.present().map_err(failed)?;
    }
    Ok(svg)
}

fn failed(error: impl std::fmt::Display) -> anyhow::Error {
    anyhow!("cannot draw the grades: {error}")
}

/// The share of each grade, 0…1.
fn shares(opinion: &Opinion) -> [f64; 5] {
    let count = opinion.grades.iter().sum::<usize>().max(1) as f64;
    opinion.grades.map(|grades| grades as f64 / count)
}

fn chart(
    cell: &DrawingArea<SVGBackend<'_>, Shift>,
    opinion: &Opinion,
    highest: f64,
) -> anyhow::Result<()> {
    let title = format!("{} · {}", opinion.set, opinion.method);
    let mut chart = ChartBuilder::on(cell)
        .caption(title, ("sans-serif", 14))
        .margin(8)
        .x_label_area_size(20)
        .y_label_area_size(40)
        .build_cartesian_2d(0.5..5.5, 0.0..highest)
        .map_err(failed)?;
    chart
        .configure_mesh()
        .disable_x_mesh()
        .light_line_style(WHITE)
        .x_labels(5)
        .y_labels(4)
        .x_label_formatter(&|grade| format!("{grade:.0}"))
        .y_label_formatter(&|share| format!("{:.0} %", 100.0 * share))
        .draw()
        .map_err(failed)?;
    let bars = shares(opinion).into_iter().zip(1..).map(|(share, grade)| {
        let middle = f64::from(grade);
        Rectangle::new([(middle - 0.4, 0.0), (middle + 0.4, share)], BAR.filled())
    });
    chart.draw_series(bars).map_err(failed)?;
    if let (Some(mos), Some((low, high))) = (opinion.mos, opinion.interval) {
        let band = Rectangle::new([(low, 0.0), (high, highest)], MEAN.mix(0.15).filled());
        chart.draw_series([band]).map_err(failed)?;
        let line = PathElement::new([(mos, 0.0), (mos, highest)], MEAN.stroke_width(2));
        chart.draw_series([line]).map_err(failed)?;
    }
    Ok(())
}
