//! Local weighted means, variances and covariances.

use super::Plane;

pub(super) struct Window {
    /// The weights along each axis; they sum to 1.
    line: Vec<f64>,
}

/// Means, variances and covariance at every position where the window fits.
pub(super) struct Moments {
    pub mean_a: Plane,
    pub mean_b: Plane,
    pub variance_a: Plane,
    pub variance_b: Plane,
    pub covariance: Plane,
}

impl Window {
    pub fn gaussian(side_px: usize, sigma_px: f64) -> Self {
        let centre = (side_px / 2) as f64;
        let weight = |i| (-(i as f64 - centre).powi(2) / (2.0 * sigma_px.powi(2))).exp();
        let raw: Vec<f64> = (0..side_px).map(weight).collect();
        let sum: f64 = raw.iter().sum();
        Self {
            line: raw.iter().map(|weight| weight / sum).collect(),
        }
    }

    pub fn mean(side_px: usize) -> Self {
        Self {
            line: vec![1.0 / side_px as f64; side_px],
        }
    }

    /// The weighted mean at every position where the window fits; `None` if it fits nowhere.
    pub fn blurred(&self, plane: &Plane) -> Option<Plane> {
        let side = self.line.len();
        let width = (plane.width + 1).checked_sub(side).filter(|&w| w > 0)?;
        let height = (plane.height + 1).checked_sub(side).filter(|&h| h > 0)?;
        let lines: Vec<f64> = plane
            .data
            .chunks_exact(plane.width)
            .flat_map(|row| row.windows(side))
            .map(|part| part.iter().zip(&self.line).map(|(v, w)| v * w).sum())
            .collect();
        let mut data = vec![0.0; width * height];
        for (y, row) in data.chunks_exact_mut(width).enumerate() {
            for (i, weight) in self.line.iter().enumerate() {
                let line = &lines[(y + i) * width..][..width];
                for (sum, value) in row.iter_mut().zip(line) {
                    *sum += weight * value;
                }
            }
        }
        Some(Plane {
            width,
            height,
            data,
        })
    }

    /// Population (not sample) variances; `None` if the window fits nowhere.
    pub fn moments(&self, a: &Plane, b: &Plane) -> Option<Moments> {
        assert_eq!((a.width, a.height), (b.width, b.height));
        let (mean_a, mean_b) = (self.blurred(a)?, self.blurred(b)?);
        let about = |x: &Plane, y: &Plane, mean_x: &Plane, mean_y: &Plane| {
            let product = self.blurred(&x.zip(y, |x, y| x * y))?;
            let means = mean_x.zip(mean_y, |x, y| x * y);
            Some(product.zip(&means, |product, means| product - means))
        };
        Some(Moments {
            variance_a: about(a, a, &mean_a, &mean_a)?,
            variance_b: about(b, b, &mean_b, &mean_b)?,
            covariance: about(a, b, &mean_a, &mean_b)?,
            mean_a,
            mean_b,
        })
    }
}
