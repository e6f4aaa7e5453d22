//! SSIM, SSIM with a uniform window, and MS-SSIM.

use super::Plane;
use super::window::Window;

/// Side and standard deviation of the Gaussian window in pixels.
pub(super) const WINDOW_PX: usize = 11;
const SIGMA_PX: f64 = 1.5;

/// Side of the uniform window, scikit-image's default.
pub(super) const MEAN_WINDOW_PX: usize = 7;

/// Stabilise the divisions (Wang et al. 2004: K₁ = 0.01, K₂ = 0.03).
const C1: f64 = (0.01 * 255.0) * (0.01 * 255.0);
const C2: f64 = (0.03 * 255.0) * (0.03 * 255.0);

/// The weights of the five scales (Wang, Simoncelli and Bovik 2003, table 1).
const SCALE_WEIGHTS: [f64; 5] = [0.0448, 0.2856, 0.3001, 0.2363, 0.1333];

/// The smallest side with which the last of five scales has the window's 11 px.
pub(super) const MULTI_SCALE_PX: usize = (WINDOW_PX - 1) * 16 + 1;

/// SSIM (Wang, Bovik, Sheikh and Simoncelli 2004): the mean over all positions where the 11×11
/// Gaussian window (σ 1.5) fits; at most 1.
///
/// `None` for planes smaller than the window; they have to be of equal size.
pub fn ssim(a: &Plane, b: &Plane) -> Option<f64> {
    let window = Window::gaussian(WINDOW_PX, SIGMA_PX);
    Some(similarity(a, b, &window, 1.0)?.whole)
}

/// SSIM with a uniform window of 7×7 pixels and sample covariances, the default of scikit-image's
/// `structural_similarity`; at most 1.
///
/// `None` for planes smaller than the window; they have to be of equal size.
pub fn ssim_mean(a: &Plane, b: &Plane) -> Option<f64> {
    let pixels = (MEAN_WINDOW_PX * MEAN_WINDOW_PX) as f64;
    let window = Window::mean(MEAN_WINDOW_PX);
    Some(similarity(a, b, &window, pixels / (pixels - 1.0))?.whole)
}

/// MS-SSIM (Wang, Simoncelli and Bovik 2003): the product of contrast and structure at each of five
/// scales, and of luminance at the last one, each to the power of its scale's weight; 0…1.
///
/// 2×2 pixels are averaged from scale to scale; the last pixel of an odd side counts twice, as in the
/// authors' release. `None` below 161 px a side; planes have to be of equal size.
pub fn ms_ssim(a: &Plane, b: &Plane) -> Option<f64> {
    if a.width.min(a.height) < MULTI_SCALE_PX {
        return None;
    }
    let window = Window::gaussian(WINDOW_PX, SIGMA_PX);
    let (mut a, mut b) = (a.clone(), b.clone());
    let mut product = 1.0;
    for (scale, weight) in SCALE_WEIGHTS.iter().enumerate() {
        if scale > 0 {
            (a, b) = (halved(&a), halved(&b));
        }
        let similarity = similarity(&a, &b, &window, 1.0)?;
        let factor = if scale + 1 == SCALE_WEIGHTS.len() {
            similarity.whole
        } else {
            similarity.contrast
        };
        // A negative similarity has no real power.
        product *= factor.max(0.0).powf(*weight);
    }
    Some(product)
}

/// Means over all positions where the window fits.
struct Similarity {
    /// Luminance, contrast and structure.
    whole: f64,
    /// Contrast and structure.
    contrast: f64,
}

/// `share` is a factor on variances and covariances.
fn similarity(a: &Plane, b: &Plane, window: &Window, share: f64) -> Option<Similarity> {
    let moments = window.moments(a, b)?;
    let (mut whole, mut contrast) = (0.0, 0.0);
    let places = moments.covariance.data.len();
    for i in 0..places {
        let (mean_a, mean_b) = (moments.mean_a.data[i], moments.mean_b.data[i]);
        let variances = share * (moments.variance_a.data[i] + moments.variance_b.data[i]);
        let covariance = share * moments.covariance.data[i];
        let luminance = (2.0 * mean_a * mean_b + C1) / (mean_a * mean_a + mean_b * mean_b + C1);
        let structure = (2.0 * covariance + C2) / (variances + C2);
        whole += luminance * structure;
        contrast += structure;
    }
    Some(Similarity {
        whole: whole / places as f64,
        contrast: contrast / places as f64,
    })
}

/// Halves the size by averaging 2×2 pixels.
fn halved(plane: &Plane) -> Plane {
    let (width, height) = (plane.width.div_ceil(2), plane.height.div_ceil(2));
    let at = |x: usize, y: usize| {
        plane.data[y.min(plane.height - 1) * plane.width + x.min(plane.width - 1)]
    };
    let mean = |x, y| (at(x, y) + at(x + 1, y) + at(x, y + 1) + at(x + 1, y + 1)) / 4.0;
    let places = (0..height).flat_map(|y| (0..width).map(move |x| (2 * x, 2 * y)));
    Plane {
        width,
        height,
        data: places.map(|(x, y)| mean(x, y)).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_pixel_of_an_odd_side_counts_twice() {
        let plane = Plane {
            width: 3,
            height: 1,
            data: vec![1.0, 3.0, 8.0],
        };
        let half = halved(&plane);
        assert_eq!((half.width, half.height), (2, 1));
        assert_eq!(half.data, [2.0, 8.0]);
    }
}
