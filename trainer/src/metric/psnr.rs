//! Peak signal-to-noise ratio.

use super::Plane;

/// `10 log₁₀(255² / mean (a − b)²)` in dB; infinite for equal planes. Planes have to be of equal size.
pub fn psnr_db(a: &Plane, b: &Plane) -> f64 {
    decibels(mean_square(a, b))
}

/// PSNR over the values of several planes of equal size, such as red, green and blue.
pub fn psnr_of_planes_db(a: &[Plane], b: &[Plane]) -> f64 {
    let squares = a.iter().zip(b).map(|(a, b)| mean_square(a, b));
    decibels(squares.sum::<f64>() / a.len() as f64)
}

fn decibels(mse: f64) -> f64 {
    10.0 * (255.0 * 255.0 / mse).log10()
}

fn mean_square(a: &Plane, b: &Plane) -> f64 {
    assert_eq!((a.width, a.height), (b.width, b.height));
    let squares = a.data.iter().zip(&b.data).map(|(a, b)| (a - b).powi(2));
    squares.sum::<f64>() / a.data.len() as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_difference_of_1_is_48_13_db() {
        let plane = |value| Plane {
            width: 3,
            height: 2,
            data: vec![value; 6],
        };
        let (ten, eleven) = (plane(10.0), plane(11.0));
        assert!((psnr_db(&ten, &eleven) - 48.130_803_6).abs() < 1e-6);
        assert_eq!(psnr_db(&ten, &ten), f64::INFINITY);
        // In one of four planes: a quarter of the error.
        let four = [ten.clone(), ten.clone(), ten.clone(), ten.clone()];
        let one_off = [eleven, ten.clone(), ten.clone(), ten];
        let expected = 48.130_803_6 + 10.0 * 4f64.log10();
        assert!((psnr_of_planes_db(&four, &one_off) - expected).abs() < 1e-6);
    }
}
