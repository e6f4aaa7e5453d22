//! Noise.

use engine::image::Planes;
use rand_distr::{Distribution, Normal, Poisson};
use rand_pcg::Pcg64Mcg;

/// Adds white Gaussian noise of the standard deviation `sigma` (white is 1); in grey, all channels get the same.
pub(super) fn gaussian(
    planes: &mut Planes,
    sigma: f64,
    grey: bool,
    random: &mut Pcg64Mcg,
) -> anyhow::Result<()> {
    let noise = Normal::new(0.0, sigma as f32)?;
    let size = planes.width * planes.height;
    if grey {
        for i in 0..size {
            let noise = noise.sample(random);
            (0..planes.channels).for_each(|channel| planes.data[channel * size + i] += noise);
        }
    } else {
        let values = planes.data.iter_mut();
        values.for_each(|value| *value += noise.sample(random));
    }
    Ok(())
}

/// Adds shot noise: a value v becomes a Poisson number of mean v·photons, divided by `photons`; in grey, all channels
/// get the noise of their mean.
pub(super) fn poisson(
    planes: &mut Planes,
    photons: f64,
    grey: bool,
    random: &mut Pcg64Mcg,
) -> anyhow::Result<()> {
    let mut noisy = |value: f32| -> anyhow::Result<f32> {
        let mean = f64::from(value.max(0.0)) * photons;
        // The distribution is not defined for a mean of 0.
        if mean <= 0.0 {
            return Ok(value);
        }
        Ok((Poisson::new(mean)?.sample(random) / photons) as f32)
    };
    if !grey {
        for value in &mut planes.data {
            *value = noisy(*value)?;
        }
        return Ok(());
    }
    let size = planes.width * planes.height;
    for i in 0..size {
        let channels = (0..planes.channels).map(|channel| channel * size + i);
        let mean = channels.clone().map(|i| planes.data[i]).sum::<f32>() / planes.channels as f32;
        let noise = noisy(mean)? - mean;
        channels.for_each(|i| planes.data[i] += noise);
    }
    Ok(())
}
