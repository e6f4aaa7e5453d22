//! Blurs: convolutions with the kernels of Real-ESRGAN (Wang et al. 2021, arXiv:2107.10833, appendix A).

use engine::image::Planes;
use engine::image::resize::mirror;
use serde::Deserialize;

/// The profile of a blur's kernel, where d² is the squared distance from its centre in standard deviations.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Shape {
    /// exp(−d² / 2)
    #[default]
    Gaussian,
    /// exp(−(d²)^β / 2)
    Generalised,
    /// 1 / (1 + (d²)^β)
    Plateau,
}

/// The weights of a convolution around its centre.
pub(super) struct Kernel {
    /// Pixels from the centre to the kernel's borders, horizontally and vertically.
    reach: [usize; 2],
    /// Row by row.
    weights: Vec<f32>,
}

impl Kernel {
    fn new(reach: [usize; 2], weight: impl Fn(f64, f64) -> f64) -> Self {
        let along = |reach: usize| -(reach as i64)..=reach as i64;
        let weights = along(reach[1]).flat_map(|y| along(reach[0]).map(move |x| (x, y)));
        let weights: Vec<f64> = weights.map(|(x, y)| weight(x as f64, y as f64)).collect();
        let sum: f64 = weights.iter().sum();
        Self {
            reach,
            weights: weights.iter().map(|weight| (weight / sum) as f32).collect(),
        }
    }

    /// A blur with the standard deviations `sigma` in pixels along a direction of `angle` radians and across it.
    pub fn blur(shape: Shape, sigma: [f64; 2], angle: f64, beta: f64) -> Self {
        // Avoids a division by 0.
        let sigma = sigma.map(|sigma| sigma.max(0.05));
        let reach = (3.0 * sigma[0].max(sigma[1])).ceil() as usize;
        let (sin, cos) = angle.sin_cos();
        Self::new([reach; 2], |x, y| {
            let along = (cos * x + sin * y) / sigma[0];
            let across = (cos * y - sin * x) / sigma[1];
            let distance = along * along + across * across;
            match shape {
                Shape::Gaussian => (-0.5 * distance).exp(),
                Shape::Generalised => (-0.5 * distance.powf(beta)).exp(),
                Shape::Plateau => 1.0 / (1.0 + distance.powf(beta)),
            }
        })
    }

    /// The ideal low-pass filter that keeps frequencies up to `cutoff` radians per pixel in every direction: it makes the
    /// rings and overshoots of sharpened images.
    pub fn sinc(cutoff: f64, reach: usize) -> Self {
        Self::new([reach; 2], |x, y| {
            let distance = x.hypot(y);
            if distance == 0.0 {
                cutoff / 2.0
            } else {
                libm::j1(cutoff * distance) / distance
            }
        })
    }

    /// One dimension of a Gaussian blur, along the axis 0 (horizontal) or 1.
    fn line(sigma: f64, axis: usize) -> Self {
        let mut reach = [0; 2];
        reach[axis] = (3.0 * sigma).ceil() as usize;
        Self::new(reach, |x, y| {
            (-(x * x + y * y) / (2.0 * sigma * sigma)).exp()
        })
    }

    /// The convolution of each plane; borders are mirrored, with the border pixel repeated.
    pub fn apply(&self, planes: &Planes) -> Planes {
        let Planes { width, height, .. } = *planes;
        let [reach_x, reach_y] = self.reach;
        let columns = width + 2 * reach_x;
        let mut padded = vec![0.0; columns * (height + 2 * reach_y)];
        let mut result = planes.clone();
        for channel in 0..planes.channels {
            let plane = planes.plane(channel);
            for (y, row) in padded.chunks_exact_mut(columns).enumerate() {
                let inside = mirror(y as i64 - reach_y as i64, height);
                let source = &plane[inside * width..][..width];
                row[reach_x..][..width].copy_from_slice(source);
                for x in (0..reach_x).chain(reach_x + width..columns) {
                    row[x] = source[mirror(x as i64 - reach_x as i64, width)];
                }
            }
            let start = channel * width * height;
            let rows = result.data[start..][..width * height].chunks_exact_mut(width);
            for (y, row) in rows.enumerate() {
                row.fill(0.0);
                for (i, weight) in self.weights.iter().enumerate() {
                    let (dx, dy) = (i % (2 * reach_x + 1), i / (2 * reach_x + 1));
                    let source = &padded[(y + dy) * columns + dx..][..width];
                    let pixels = row.iter_mut().zip(source);
                    pixels.for_each(|(sum, value)| *sum += weight * value);
                }
            }
        }
        result
    }
}

/// A Gaussian blur of the same standard deviation in pixels in all directions.
pub(crate) fn gaussian(planes: &Planes, sigma: f64) -> Planes {
    if sigma < 0.05 {
        return planes.clone();
    }
    Kernel::line(sigma, 1).apply(&Kernel::line(sigma, 0).apply(planes))
}
