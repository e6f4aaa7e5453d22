//! Crops of images, for visual comparison.

use engine::image::{Channels, Image, Rect, resize};

use crate::metric::Plane;

/// The largest number of crops of a set; an image has at most one.
const CROPS_A_SET: usize = 4;
/// The side of a crop in pixels of the original; small images have smaller crops.
const SIDE_PX: usize = 64;
/// Candidate positions lie this far apart.
const STEP_PX: usize = 8;
const OVERVIEW_PX: usize = 4 * SIDE_PX;

/// The same part of the original and of every method's output.
pub(super) struct Crop {
    /// The image's index in its set.
    pub image: usize,
    /// The part.
    pub place: Rect,
    /// The image's width and height in pixels.
    pub size: [usize; 2],
    /// The whole original, reduced.
    pub overview: Image,
    pub original: Image,
    /// Bicubic interpolation, then the models.
    pub methods: Vec<Image>,
    /// The models' mean squared error on Y within the part, averaged over the models.
    disagreement: f64,
}

impl Crop {
    /// The part of an image in which the models differ most from the original.
    ///
    /// The first of `methods` is bicubic interpolation.
    pub fn of(image: usize, original: &Image, methods: &[Image]) -> Option<Self> {
        let (place, disagreement) = most_different(original, methods.get(1..)?, SIDE_PX)?;
        let part = |image: &Image| image.crop(place).to_channels(Channels::Rgb);
        Some(Self {
            image,
            place,
            size: [original.width, original.height],
            overview: overview(original),
            original: part(original),
            methods: methods.iter().map(part).collect(),
            disagreement,
        })
    }

    /// Adds a crop to those of a set, of which it keeps the ones with the largest errors, in the order of images.
    pub fn keep(self, crops: &mut Vec<Self>) {
        crops.push(self);
        if crops.len() > CROPS_A_SET {
            let differences = crops.iter().map(|crop| crop.disagreement).enumerate();
            let least = differences.min_by(|a, b| a.1.total_cmp(&b.1));
            crops.remove(least.map_or(0, |(i, _)| i));
        }
    }
}

/// The part of an image, `side_px` a side, in which these differ most from it, and their mean squared error on Y there.
pub(crate) fn most_different(
    original: &Image,
    models: &[Image],
    side_px: usize,
) -> Option<(Rect, f64)> {
    let luma = Plane::luma(original, 0)?;
    let mut errors = vec![0.0; luma.data.len()];
    for model in models {
        let model = Plane::luma(model, 0)?;
        let values = luma.data.iter().zip(&model.data);
        for (error, (a, b)) in errors.iter_mut().zip(values) {
            *error += (a - b).powi(2);
        }
    }
    let sums = sums(&errors, luma.width);
    let (width, height) = (side_px.min(luma.width), side_px.min(luma.height));
    let along = |whole: usize, part: usize| (0..=whole - part).step_by(STEP_PX);
    let places = along(luma.height, height)
        .flat_map(|y| along(luma.width, width).map(move |x| (x, y)))
        .map(|(x, y)| Rect {
            x,
            y,
            width,
            height,
        });
    let pixels = (width * height * models.len().max(1)) as f64;
    places
        .map(|place| (place, within(&sums, luma.width, place) / pixels))
        .max_by(|a, b| a.1.total_cmp(&b.1))
}

/// Summed-area table: the sum of all values above and left of each corner, `[height + 1, width + 1]`.
fn sums(values: &[f64], width: usize) -> Vec<f64> {
    let mut above = vec![0.0; width + 1];
    let mut sums = above.clone();
    for row in values.chunks_exact(width) {
        let mut left = 0.0;
        for (x, value) in row.iter().enumerate() {
            left += value;
            above[x + 1] += left;
        }
        sums.extend(&above);
    }
    sums
}

fn within(sums: &[f64], width: usize, place: Rect) -> f64 {
    let at = |x: usize, y: usize| sums[y * (width + 1) + x];
    let (right, bottom) = (place.x + place.width, place.y + place.height);
    at(right, bottom) - at(place.x, bottom) - at(right, place.y) + at(place.x, place.y)
}

fn overview(image: &Image) -> Image {
    let image = image.to_channels(Channels::Rgb);
    let ratio = (OVERVIEW_PX as f64 / image.width.max(image.height) as f64).min(1.0);
    let side = |side: usize| ((side as f64 * ratio).round() as usize).max(1);
    resize::imresize(&image, side(image.width), side(image.height))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn grey(value: impl Fn(usize, usize) -> u8) -> Image {
        let places = (0..100).flat_map(|y| (0..150).map(move |x| (x, y)));
        let data = places.map(|(x, y)| value(x, y)).collect();
        Image::new(150, 100, Channels::Grey, data).unwrap()
    }

    #[test]
    fn the_crop_is_where_the_model_differs() {
        let original = grey(|x, y| (x + y) as u8);
        let spot = |x: usize, y: usize| (100..110).contains(&x) && (40..50).contains(&y);
        let bicubic = grey(|_, _| 0);
        let model = grey(|x, y| (x + y) as u8 + if spot(x, y) { 9 } else { 0 });
        let crop = Crop::of(0, &original, &[bicubic.clone(), model]).unwrap();
        let Rect { x, y, .. } = crop.place;
        assert!(
            x <= 100 && x + 64 >= 110 && y <= 40 && y + 64 >= 50,
            "{:?}",
            crop.place
        );
        let expected = 81.0 * 100.0 / (64.0 * 64.0);
        assert!((crop.disagreement - expected).abs() < 1e-9);
        assert_eq!(crop.original.data[0], (x + y) as u8);
        assert_eq!((crop.original.width, crop.methods.len()), (64, 2));

        // One too many: the crop with the smallest error is dropped.
        let same = || Crop::of(1, &original, &[bicubic.clone(), original.clone()]).unwrap();
        let mut crops = vec![same(), same(), same(), same()];
        crop.keep(&mut crops);
        assert_eq!(crops.len(), 4);
        assert_eq!(crops[3].image, 0);
    }
}
