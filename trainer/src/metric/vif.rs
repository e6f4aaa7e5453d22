//! Visual information fidelity.

use super::Plane;
use super::window::Window;

/// The smallest side that leaves every scale a place.
pub(super) const SMALLEST_PX: usize = 41;

/// The variance of the noise in the eye (its authors' release).
const EYE_NOISE: f64 = 2.0;
/// Variances below this one are none.
const NOTHING: f64 = 1e-10;

/// VIF in the pixel domain (Sheikh and Bovik 2006; the release `vifp_mscale` of its authors, often
/// called VIFp): how much of what the eye learns from the original it still learns from the picture.
///
/// 1 for equal planes, 0 where nothing is left, above 1 where contrast was added. `None` below
/// 41 px a side; planes have to be of equal size.
pub fn vif(original: &Plane, picture: &Plane) -> Option<f64> {
    let (mut original, mut picture) = (original.clone(), picture.clone());
    let (mut kept, mut there) = (0.0, 0.0);
    for scale in 0..4 {
        let side_px = (1 << (4 - scale)) + 1;
        let window = Window::gaussian(side_px, side_px as f64 / 5.0);
        if scale > 0 {
            original = window.blurred(&original)?.thinned(0, 2);
            picture = window.blurred(&picture)?.thinned(0, 2);
        }
        let moments = window.moments(&original, &picture)?;
        for i in 0..moments.covariance.data.len() {
            let variance = moments.variance_a.data[i].max(0.0);
            let signal = if variance < NOTHING { 0.0 } else { variance };
            let (gain, noise) = channel(
                variance,
                moments.variance_b.data[i].max(0.0),
                moments.covariance.data[i],
            );
            kept += (1.0 + gain * gain * signal / (noise + EYE_NOISE)).log10();
            there += (1.0 + signal / EYE_NOISE).log10();
        }
    }
    // A flat original holds nothing, of which nothing can be lost.
    Some(if there > 0.0 { kept / there } else { 1.0 })
}

/// Gain and noise of the channel `picture = gain · original + noise`.
fn channel(original: f64, picture: f64, covariance: f64) -> (f64, f64) {
    let gain = covariance / (original + NOTHING);
    let (gain, noise) = if picture < NOTHING {
        (0.0, 0.0)
    } else if original < NOTHING || gain < 0.0 {
        (0.0, picture)
    } else {
        (gain, picture - gain * covariance)
    };
    (gain, noise.max(NOTHING))
}
