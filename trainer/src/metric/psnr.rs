//! Peak signal-to-noise ratio.

use super::Luma;

/// `10 log₁₀(255² / mean (a − b)²)` in dB; infinite for equal planes, which have to be of equal size.
pub fn psnr_db(a: &Luma, b: &Luma) -> f64 {
    assert_eq!((a.width, a.height), (b.width, b.height));
    let squares = a.data.iter().zip(&b.data).map(|(a, b)| (a - b).powi(2));
    let mse = squares.sum::<f64>() / a.data.len() as f64;
    10.0 * (255.0 * 255.0 / mse).log10()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_step_everywhere_is_48_13_db() {
        let plane = |value| Luma {
            width: 3,
            height: 2,
            data: vec![value; 6],
        };
        assert!((psnr_db(&plane(10.0), &plane(11.0)) - 48.130_803_6).abs() < 1e-6);
        assert_eq!(psnr_db(&plane(1.0), &plane(1.0)), f64::INFINITY);
    }
}
