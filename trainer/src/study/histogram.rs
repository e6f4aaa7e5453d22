//! The grades as a picture.

use anyhow::anyhow;
use plotters::prelude::*;

use super::analysis::Opinion;

const BAR: RGBColor = RGBColor(0x5b, 0x9a, 0x8b);
const MEAN: RGBColor = RGBColor(0x9a, 0x3b, 0x1b);

/// One chart's width and height in pixels.
const CELL_PX: (u32, u32) = (230, 190);

/// A row for every set, a column for every method: the share of each grade, and the mean opinion score
/// as a line with its interval.
pub fn draw(opinions: &[Opinion]) -> anyhow::Result<String> {
    let columns = opinions
        .iter()
        .take_while(|opinion| opinion.set == opinions[0].set)
        .count()
        .max(1);
    let rows = opinions.len() / columns;
    let share = |opinion: &Opinion| {
        let count = opinion.grades.iter().sum::<usize>().max(1) as f64;
        opinion.grades.map(|grades| grades as f64 / count)
    };
    let highest = opinions.iter().flat_map(share).fold(0.1, f64::max) * 1.05;
    let mut svg = String::new();
    {
        let size = (CELL_PX.0 * columns as u32, CELL_PX.1 * rows as u32);
        let area = SVGBackend::with_string(&mut svg, size).into_drawing_area();
        let failed = |e: &dyn std::fmt::Display| anyhow!("cannot draw the grades: {e}");
        area.fill(&WHITE).map_err(|e| failed(&e))?;
        for (cell, opinion) in area.split_evenly((rows, columns)).iter().zip(opinions) {
            let mut chart = ChartBuilder::on(cell)
                .caption(
                    format!("{} · {}", opinion.set, opinion.method),
                    ("sans-serif", 14),
                )
                .margin(8)
                .x_label_area_size(20)
                .y_label_area_size(40)
                .build_cartesian_2d(0.5..5.5, 0.0..highest)
                .map_err(|e| failed(&e))?;
            chart
                .configure_mesh()
                .disable_x_mesh()
                .light_line_style(WHITE)
                .x_labels(5)
                .y_labels(4)
                .x_label_formatter(&|grade| format!("{grade:.0}"))
                .y_label_formatter(&|share| format!("{:.0} %", 100.0 * share))
                .draw()
                .map_err(|e| failed(&e))?;
            let bars = share(opinion).into_iter().zip(1..).map(|(share, grade)| {
                let middle = f64::from(grade);
                Rectangle::new([(middle - 0.4, 0.0), (middle + 0.4, share)], BAR.filled())
            });
            chart.draw_series(bars).map_err(|e| failed(&e))?;
            let (Some(mos), Some((low, high))) = (opinion.mos, opinion.interval) else {
                continue;
            };
            let line = PathElement::new([(mos, 0.0), (mos, highest)], MEAN.stroke_width(2));
            chart.draw_series([line]).map_err(|e| failed(&e))?;
            let band = Rectangle::new([(low, 0.0), (high, highest)], MEAN.mix(0.15).filled());
            chart.draw_series([band]).map_err(|e| failed(&e))?;
        }
        area.present().map_err(|e| failed(&e))?;
    }
    Ok(svg)
}
