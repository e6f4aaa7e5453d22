//! Crops of an image at equal bytes.

use std::path::Path;

use engine::image::{Image, Rect};
use serde::{Deserialize, Serialize};

use super::measure::{Bench, Measured, Served, Subject, Way};
use crate::eval::crop::most_different;
use crate::image_file;

/// Budgets at which crops are shown, in bits per pixel of the full-size image.
const BUDGETS: [f64; 3] = [0.12, 0.3, 0.8];

/// Side of a crop in CSS pixels; small images have smaller crops.
pub(super) const SIDE_PX: usize = 128;

/// Crops of one part of an image.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Closeup {
    /// Left, top, width and height of the part in pixels.
    pub place: [usize; 4],
    /// The original's crop, a file in the folder of crops.
    pub original: String,
    pub rows: Vec<Row>,
}

/// Crops of files that have nearly equal bytes.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Row {
    /// Bits per pixel of the full-size image.
    pub budget: f64,
    pub crops: Vec<Crop>,
}

/// A crop of one file.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Crop {
    pub way: Way,
    pub bytes: usize,
    /// Of the whole image, by the first metric.
    pub score: f64,
    pub file: String,
}

/// Makes files of the first format for each budget that both sizes reach, adds their points to the measured ones, and
/// saves crops of them; `None` if no budget is reached.
pub(super) fn make(
    bench: &Bench,
    subject: &mut Subject,
    measured: &mut Measured,
    crops: &Path,
) -> anyhow::Result<Option<Closeup>> {
    let codec = bench.codecs[0];
    let mut rows = Vec::new();
    for budget in BUDGETS {
        let Some(full) = quality_for(measured, bench, Way::Full, budget) else {
            continue;
        };
        let mut served = bench.serve(subject, codec, true, full)?;
        let bits = measured.bits(served[0].point.bytes);
        let Some(small) = quality_for(measured, bench, Way::Model, bits) else {
            continue;
        };
        served.extend(bench.serve(subject, codec, false, small)?);
        rows.push((budget, served));
    }
    let Some((_, middle)) = rows.get(rows.len() / 2) else {
        return Ok(None);
    };
    let rivals = [Way::Full, Way::Model].map(|way| image_of(middle, way));
    let side_px = SIDE_PX * bench.density;
    let Some((place, _)) = most_different(subject.original(), &rivals, side_px) else {
        return Ok(None);
    };
    let closeup = Closeup {
        place: [place.x, place.y, place.width, place.height],
        original: save(subject.original(), place, crops, "original")?,
        rows: rows
            .iter()
            .map(|(budget, served)| row(*budget, served, place, crops))
            .collect::<anyhow::Result<_>>()?,
    };
    let points = rows.into_iter().flat_map(|(_, served)| served);
    measured.points.extend(points.map(|served| served.point));
    Ok(Some(closeup))
}

/// The quality at which a file is expected to have so many bits.
fn quality_for(measured: &Measured, bench: &Bench, way: Way, bits: f64) -> Option<f64> {
    let points = measured.points.iter();
    let points = points.filter(|point| point.codec == bench.codecs[0] && point.way == way);
    let points = points.map(|point| (measured.bits(point.bytes), point.quality));
    super::curve::Curve::new(points, false).score_at(bits)
}

fn image_of(served: &[Served], way: Way) -> Image {
    let found = served.iter().find(|served| served.point.way == way);
    found.map_or_else(|| served[0].image.clone(), |served| served.image.clone())
}

fn row(budget: f64, served: &[Served], place: Rect, crops: &Path) -> anyhow::Result<Row> {
    let crops = served.iter().map(|Served { point, image }| {
        let name = format!("{budget}-{}", format!("{:?}", point.way).to_lowercase());
        Ok(Crop {
            way: point.way,
            bytes: point.bytes,
            score: point.scores[0],
            file: save(image, place, crops, &name)?,
        })
    });
    Ok(Row {
        budget,
        crops: crops.collect::<anyhow::Result<_>>()?,
    })
}

/// Saves a part of an image, and returns the file's name.
fn save(image: &Image, place: Rect, crops: &Path, name: &str) -> anyhow::Result<String> {
    let file = format!("{}-{name}.webp", image_file::name(crops));
    image_file::save(&image.crop(place), &crops.with_file_name(&file))?;
    Ok(file)
}
