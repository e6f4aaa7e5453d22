//! Visual information fidelity.

use super::Plane;
use super::window::Window;

/// The smallest side with which the window fits at every scale.
pub(super) const SMALLEST_PX: usize = 41;

/// Variance of the visual system's noise (from the authors' release).
const VISUAL_NOISE: f64 = 2.0;
/// Variances below this one count as 0.
const EPSILON: f64 = 1e-10;

/// VIF in the pixel domain, VIFp (Sheikh and Bovik 2006, the authors' release `vifp_mscale`): the ratio
/// of the information that the visual system gets from the image and from the original.
///
/// 1 for equal planes, 0 without any common information, above 1 with enhanced contrast. `None` below
/// 41 px a side; planes have to be of equal size.
pub fn vif(original: &Plane, image: &Plane) -> Option<f64> {
    let (mut original, mut image) = (original.clone(), image.clone());
    let (mut kept, mut total) = (0.0, 0.0);
    for scale in 0..4 {
        let side_px = (1 << (4 - scale)) + 1;
        let window = Window::gaussian(side_px, side_px as f64 / 5.0);
        if scale > 0 {
            original = window.blurred(&original)?.subsampled(0, 2);
            image = window.blurred(&image)?.subsampled(0, 2);
        }
        let moments = window.moments(&original, &image)?;
        for i in 0..moments.covariance.data.len() {
            let variance = moments.variance_a.data[i].max(0.0);
            let signal = if variance < EPSILON { 0.0 } else { variance };
            let (gain, noise) = channel(
                variance,
                moments.variance_b.data[i].max(0.0),
                moments.covariance.data[i],
            );
            kept += (1.0 + gain * gain * signal / (noise + VISUAL_NOISE)).log10();
            total += (1.0 + signal / VISUAL_NOISE).log10();
        }
    }
    // A flat original has no information to lose.
    Some(if total > 0.0 { kept / total } else { 1.0 })
}

/// Gain and noise variance of the channel `image = gain · original + noise`, from the variances of both.
fn channel(original: f64, image: f64, covariance: f64) -> (f64, f64) {
    let gain = covariance / (original + EPSILON);
    let (gain, noise) = if image < EPSILON {
        (0.0, 0.0)
    } else if original < EPSILON || gain < 0.0 {
        (0.0, image)
    } else {
        (gain, image - gain * covariance)
    };
    (gain, noise.max(EPSILON))
}
