//! Structural similarity (Wang, Bovik, Sheikh and Simoncelli 2004).

use super::Luma;

const WINDOW_PX: usize = 11;
const SIGMA_PX: f64 = 1.5;
const C1: f64 = (0.01 * 255.0) * (0.01 * 255.0);
const C2: f64 = (0.03 * 255.0) * (0.03 * 255.0);

/// The mean over all places where the whole 11×11 Gaussian window (σ 1.5) fits; at most 1.
///
/// `None` for planes smaller than the window; they have to be of equal size.
pub fn ssim(a: &Luma, b: &Luma) -> Option<f64> {
    assert_eq!((a.width, a.height), (b.width, b.height));
    if a.width < WINDOW_PX || a.height < WINDOW_PX {
        return None;
    }
    let product = |x: &Luma, y: &Luma| Luma {
        width: x.width,
        height: x.height,
        data: x.data.iter().zip(&y.data).map(|(x, y)| x * y).collect(),
    };
    let (mean_a, mean_b) = (blurred(a), blurred(b));
    let (aa, bb) = (blurred(&product(a, a)), blurred(&product(b, b)));
    let ab = blurred(&product(a, b));
    let sum: f64 = (0..ab.len())
        .map(|i| {
            let (ma, mb) = (mean_a[i], mean_b[i]);
            let (variance_a, variance_b) = (aa[i] - ma * ma, bb[i] - mb * mb);
            let covariance = ab[i] - ma * mb;
            (2.0 * ma * mb + C1) * (2.0 * covariance + C2)
                / ((ma * ma + mb * mb + C1) * (variance_a + variance_b + C2))
        })
        .sum();
    Some(sum / ab.len() as f64)
}

/// The window's weights in one direction; they sum to 1.
fn window() -> [f64; WINDOW_PX] {
    let centre = (WINDOW_PX / 2) as f64;
    let raw: [f64; WINDOW_PX] =
        std::array::from_fn(|i| (-(i as f64 - centre).powi(2) / (2.0 * SIGMA_PX.powi(2))).exp());
    let sum: f64 = raw.iter().sum();
    raw.map(|weight| weight / sum)
}

/// The weighted mean at every place where the window fits.
fn blurred(plane: &Luma) -> Vec<f64> {
    let window = window();
    let width = plane.width - WINDOW_PX + 1;
    let height = plane.height - WINDOW_PX + 1;
    let lines: Vec<f64> = plane
        .data
        .chunks_exact(plane.width)
        .flat_map(|row| row.windows(WINDOW_PX))
        .map(|part| part.iter().zip(&window).map(|(v, w)| v * w).sum())
        .collect();
    let mut result = vec![0.0; width * height];
    for (y, row) in result.chunks_exact_mut(width).enumerate() {
        for (i, weight) in window.iter().enumerate() {
            let line = &lines[(y + i) * width..][..width];
            for (sum, value) in row.iter_mut().zip(line) {
                *sum += weight * value;
            }
        }
    }
    result
}
