//! The information fidelity criterion.

use super::Plane;
use super::pyramid::{self, LEVELS};

/// The smallest side with which the coarsest level has a block inside its border.
pub(super) const SMALLEST_PX: usize = 65;

/// Side of the blocks of coefficients that form vectors.
const BLOCK: usize = 3;
const SIZE: usize = BLOCK * BLOCK;
/// Added to the channel's noise to keep the division finite (from the authors' release).
const NOISE_FLOOR: f64 = 1e-10;

type Matrix = [[f64; SIZE]; SIZE];

/// IFC (Sheikh, Bovik and de Veciana 2005): the mutual information of image and original in bits per
/// pixel.
///
/// In the wavelet domain, as in the authors' release `ifcvec`: the vertical and horizontal bands of four
/// levels of a steerable pyramid, 3×3 neighbours as vectors of a Gaussian scale mixture, and a channel
/// with gain and noise that are estimated around every block. It has no upper bound: equal planes give
/// about 60, good results 4 to 8, and even rounding noise changes it much. `None` below 65 px a side;
/// planes have to be of equal size.
pub fn ifc(original: &Plane, image: &Plane) -> Option<f64> {
    assert_eq!(
        (original.width, original.height),
        (image.width, image.height)
    );
    if original.width.min(original.height) < SMALLEST_PX {
        return None;
    }
    let levels = pyramid::bands(original).into_iter();
    let levels = levels.zip(pyramid::bands(image)).enumerate();
    let bits: f64 = levels
        .flat_map(|(level, (original, image))| {
            let bands = original.into_iter().zip(image);
            bands.map(move |(original, image)| information(&original, &image, level))
        })
        .sum();
    Some(bits / original.data.len() as f64)
}

/// The bits of a band.
fn information(original: &Plane, image: &Plane, level: usize) -> f64 {
    let (original, image) = (whole_blocks(original), whole_blocks(image));
    // 17, 9, 5 and 3 coefficients, from the finest level to the coarsest.
    let window = (1_usize << (LEVELS - level)) + 1;
    // Blocks whose window would extend beyond the edge are skipped.
    let skip = (window / 2).div_ceil(BLOCK);
    let mean = |plane: &Plane| pyramid::means(plane, window, BLOCK / 2, BLOCK);
    let product = |a: &Plane, b: &Plane| mean(&a.zip(b, |a, b| a * b));
    let (mean_a, mean_b) = (mean(&original), mean(&image));
    let (squares_a, squares_b) = (product(&original, &original), product(&image, &image));
    let products = product(&original, &image);
    let (eigenvalues, eigenvectors) = eigen(covariance(&original));
    // Directions without variance, as in a flat band, carry no information.
    let floor = 1e-12 * eigenvalues.iter().copied().fold(0.0, f64::max);
    let source: Vec<(f64, [f64; SIZE])> = eigenvalues.into_iter().zip(eigenvectors).collect();
    let source = source.iter().filter(|(value, _)| *value > floor);

    let mut bits = 0.0;
    for y in skip..mean_a.height - skip {
        for x in skip..mean_a.width - skip {
            let i = y * mean_a.width + x;
            let variance_a = squares_a.data[i] - mean_a.data[i].powi(2);
            let variance_b = squares_b.data[i] - mean_b.data[i].powi(2);
            let covariance = products.data[i] - mean_a.data[i] * mean_b.data[i];
            let gain = covariance / variance_a;
            if !(variance_a > 0.0 && variance_b > 0.0 && gain > 0.0) {
                continue;
            }
            let noise = (variance_b - gain * covariance).max(0.0) + NOISE_FLOOR;
            let block = block(&original, x * BLOCK, y * BLOCK);
            let part = |(value, vector): &(f64, [f64; SIZE])| dot(vector, &block).powi(2) / value;
            let scale = source.clone().map(part).sum::<f64>() / SIZE as f64;
            let share = gain * gain * scale / noise;
            let values = source.clone().map(|(value, _)| value);
            bits += values
                .map(|value| f64::log2(1.0 + share * value))
                .sum::<f64>();
        }
    }
    bits
}

/// The plane without rows and columns at its end that do not fill a block.
fn whole_blocks(plane: &Plane) -> Plane {
    let cut = |side: usize| side / BLOCK * BLOCK;
    let (width, height) = (cut(plane.width), cut(plane.height));
    let rows = plane.data.chunks_exact(plane.width).take(height);
    Plane {
        width,
        height,
        data: rows.flat_map(|row| &row[..width]).copied().collect(),
    }
}

fn block(plane: &Plane, x: usize, y: usize) -> [f64; SIZE] {
    std::array::from_fn(|i| plane.data[(y + i / BLOCK) * plane.width + x + i % BLOCK])
}

fn dot(a: &[f64; SIZE], b: &[f64; SIZE]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

/// The covariance over all blocks, including overlapping ones.
fn covariance(plane: &Plane) -> Matrix {
    let places =
        (0..=plane.height - BLOCK).flat_map(|y| (0..=plane.width - BLOCK).map(move |x| (x, y)));
    let mut sum = [0.0; SIZE];
    let mut products = [[0.0; SIZE]; SIZE];
    let mut count = 0.0;
    for (x, y) in places {
        let block = block(plane, x, y);
        count += 1.0;
        for i in 0..SIZE {
            sum[i] += block[i];
            for j in 0..=i {
                products[i][j] += block[i] * block[j];
            }
        }
    }
    std::array::from_fn(|i| {
        std::array::from_fn(|j| {
            products[i.max(j)][i.min(j)] / count - sum[i] / count * (sum[j] / count)
        })
    })
}

/// Eigenvalues and eigenvectors of a symmetric matrix, by Jacobi's rotations.
fn eigen(mut matrix: Matrix) -> ([f64; SIZE], Matrix) {
    let mut vectors: Matrix = std::array::from_fn(|i| std::array::from_fn(|j| f64::from(i == j)));
    // Convergence is quadratic: about six sweeps are enough.
    for _ in 0..30 {
        let diagonal: f64 = (0..SIZE).map(|i| matrix[i][i].powi(2)).sum();
        let pairs = (0..SIZE).flat_map(|i| (0..i).map(move |j| (i, j)));
        let rest: f64 = pairs.clone().map(|(i, j)| matrix[i][j].powi(2)).sum();
        if rest <= 1e-30 * diagonal {
            break;
        }
        for (p, q) in pairs {
            rotate(&mut matrix, &mut vectors, p, q);
        }
    }
    (std::array::from_fn(|i| matrix[i][i]), vectors)
}

/// Rotates the axes `p` and `q` so that `matrix[p][q]` becomes 0, and the rows of `vectors` with them.
fn rotate(matrix: &mut Matrix, vectors: &mut Matrix, p: usize, q: usize) {
    if matrix[p][q] == 0.0 {
        return;
    }
    let theta = (matrix[q][q] - matrix[p][p]) / (2.0 * matrix[p][q]);
    let tangent = theta.signum() / (theta.abs() + (theta * theta + 1.0).sqrt());
    let cosine = 1.0 / (tangent * tangent + 1.0).sqrt();
    let sine = tangent * cosine;
    let turn = |a: f64, b: f64| (cosine * a - sine * b, sine * a + cosine * b);
    for row in matrix.iter_mut() {
        (row[p], row[q]) = turn(row[p], row[q]);
    }
    for i in 0..SIZE {
        (matrix[p][i], matrix[q][i]) = turn(matrix[p][i], matrix[q][i]);
        (vectors[p][i], vectors[q][i]) = turn(vectors[p][i], vectors[q][i]);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn eigenvectors_reconstruct_the_matrix() {
        let matrix: Matrix = std::array::from_fn(|i| {
            std::array::from_fn(|j| {
                let (low, high) = (i.min(j) as f64, i.max(j) as f64);
                (low * 3.0 + high * high).sin() + f64::from(i == j) * 2.0
            })
        });
        let (values, vectors) = eigen(matrix);
        for i in 0..SIZE {
            for j in 0..SIZE {
                let parts = (0..SIZE).map(|k| values[k] * vectors[k][i] * vectors[k][j]);
                assert!((parts.sum::<f64>() - matrix[i][j]).abs() < 1e-12);
            }
        }
    }
}
