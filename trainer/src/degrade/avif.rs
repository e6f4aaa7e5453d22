//! AVIF compression. The encoder of AV1 returns the picture that a decoder will show, so that no decoder is needed.

use anyhow::Context as _;
use avif_serialize::Aviffy;
use avif_serialize::constants::MatrixCoefficients as FileMatrix;
use engine::image::colour::rgb_to_grey;
use engine::image::{Channels, Image};
use rav1e::prelude::*;

/// Encodes an RGB image as a still picture of AV1, YCbCr in full range (BT.601) with halved chroma, as most AVIF files of
/// photographs are, and returns the encoder's reconstruction. The quality is 100 minus the quantiser's index in per cent
/// of its largest. The bytes are those of AV1's data, to which a file adds about 300.
pub(super) fn compressed(image: &Image, quality: f64) -> anyhow::Result<(Image, usize)> {
    // A fast setting: the traces of compression are the same at a larger size of the file.
    let (decoded, data) = encoded(image, quality, FASTEST)?;
    Ok((decoded, data.len()))
}

/// Like [`compressed`] at one of the encoder's speeds, 0 (slowest, smallest) to 10; and the file.
pub(crate) fn file(image: &Image, quality: f64, speed: u8) -> anyhow::Result<(Image, Vec<u8>)> {
    let side = |side: usize| u32::try_from(side).context("the image is too large for AVIF");
    let (width, height) = (side(image.width)?, side(image.height)?);
    let (decoded, data) = encoded(image, quality, speed)?;
    let mut file = Aviffy::new();
    file.set_seq_profile(0)
        .set_chroma_subsampling((true, true))
        .set_matrix_coefficients(FileMatrix::Bt601)
        .set_full_color_range(true);
    Ok((decoded, file.to_vec(&data, None, width, height, 8)))
}

/// The encoder's reconstruction, and AV1's data.
fn encoded(image: &Image, quality: f64, speed: u8) -> anyhow::Result<(Image, Vec<u8>)> {
    let config = EncoderConfig {
        width: image.width,
        height: image.height,
        still_picture: true,
        quantizer: (255.0 * (1.0 - quality / 100.0)).round() as usize,
        chroma_sampling: ChromaSampling::Cs420,
        pixel_range: PixelRange::Full,
        ..EncoderConfig::with_speed_preset(speed)
    };
    let config = Config::new().with_encoder_config(config).with_threads(1);
    let mut encoder: Context<u8> = config.new_context().context("AV1's encoder")?;
    let mut frame = encoder.new_frame();
    let half = image.width.div_ceil(2);
    let planes = to_ycbcr(image).into_iter().zip([image.width, half, half]);
    for (plane, (values, columns)) in frame.planes.iter_mut().zip(planes) {
        plane.copy_from_raw_u8(&values, columns, 1);
    }
    encoder.send_frame(frame)?;
    encoder.flush();
    loop {
        match encoder.receive_packet() {
            Ok(packet) => {
                let frame = packet.rec.context("AV1's encoder kept no picture")?;
                let decoded = from_ycbcr(&frame, image.width, image.height)?;
                return Ok((decoded, packet.data));
            }
            Err(EncoderStatus::Encoded) => {}
            Err(error) => anyhow::bail!("AV1's encoder: {error}"),
        }
    }
}

/// The fastest of the encoder's presets.
const FASTEST: u8 = 10;

/// Cb is (B − Y) and Cr is (R − Y) divided by these: BT.601 in full range, as in JPEG.
const CB: f32 = 1.772;
const CR: f32 = 1.402;

/// Red, green and blue.
const PRIMARIES: [[f32; 3]; 3] = [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]];

/// Y at every pixel, and the means of Cb and Cr over 2×2 pixels.
fn to_ycbcr(image: &Image) -> [Vec<u8>; 3] {
    let (width, height) = (image.width, image.height);
    let rgb = |x: usize, y: usize| {
        let start = 3 * (y.min(height - 1) * width + x.min(width - 1));
        [0, 1, 2].map(|c| f32::from(image.data[start + c]))
    };
    let each = |columns: usize, rows: usize, value: &dyn Fn(usize, usize) -> f32| {
        let places = (0..rows).flat_map(|y| (0..columns).map(move |x| (x, y)));
        places
            .map(|(x, y)| (value(x, y) + 0.5).clamp(0.0, 255.0) as u8)
            .collect::<Vec<u8>>()
    };
    let chroma = |channel: usize, divisor: f32| {
        each(width.div_ceil(2), height.div_ceil(2), &|x, y| {
            let corners = [(0, 0), (1, 0), (0, 1), (1, 1)];
            let corners = corners.map(|(i, j)| {
                let rgb = rgb(2 * x + i, 2 * y + j);
                (rgb[channel] - rgb_to_grey(rgb)) / divisor
            });
            128.0 + corners.iter().sum::<f32>() / 4.0
        })
    };
    [
        each(width, height, &|x, y| rgb_to_grey(rgb(x, y))),
        chroma(2, CB),
        chroma(0, CR),
    ]
}

/// The picture in RGB, with chroma interpolated linearly.
fn from_ycbcr(frame: &Frame<u8>, width: usize, height: usize) -> anyhow::Result<Image> {
    let [luma, cb, cr] = &frame.planes;
    let chroma = |plane: &Plane<u8>, x: usize, y: usize| {
        // The chroma pixel that covers this one counts three times as much as the nearest other one, along each axis.
        let near = [x / 2, y / 2];
        let last = [width.div_ceil(2) - 1, height.div_ceil(2) - 1];
        let far = [x, y].map(|at| match at % 2 {
            0 => (at / 2).saturating_sub(1),
            _ => at / 2 + 1,
        });
        let far = [far[0].min(last[0]), far[1].min(last[1])];
        let value = |x: usize, y: usize| f32::from(plane.p(x, y));
        let row = |y: usize| 3.0 * value(near[0], y) + value(far[0], y);
        (3.0 * row(near[1]) + row(far[1])) / 16.0 - 128.0
    };
    // Luma is a weighted sum of all three.
    let [of_red, of_green, of_blue] = PRIMARIES.map(rgb_to_grey);
    let mut data = Vec::with_capacity(3 * width * height);
    for y in 0..height {
        for x in 0..width {
            let luma = f32::from(luma.p(x, y));
            let (cb, cr) = (chroma(cb, x, y), chroma(cr, x, y));
            let (red, blue) = (luma + CR * cr, luma + CB * cb);
            let green = (luma - of_red * red - of_blue * blue) / of_green;
            let rgb = [red, green, blue];
            data.extend(rgb.map(|value| (value + 0.5).clamp(0.0, 255.0) as u8));
        }
    }
    Ok(Image::new(width, height, Channels::Rgb, data)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quality_decides_how_much_is_left_at_any_size() {
        for (width, height) in [(17, 9), (64, 40), (1, 1)] {
            let pixel = |i: usize| {
                let (x, y) = (i % width, i / width);
                [200 - 2 * x, 40 + 3 * y, 90].map(|value| value as u8)
            };
            let data = (0..width * height).flat_map(pixel).collect();
            let image = Image::new(width, height, Channels::Rgb, data).unwrap();
            let apart = |quality| {
                let other = compressed(&image, quality).unwrap();
                let pairs = image.data.iter().zip(&other.0.data);
                let sum: f64 = pairs.map(|(a, b)| f64::from(a.abs_diff(*b))).sum();
                sum / image.data.len() as f64
            };
            let (good, bad) = (apart(90.0), apart(5.0));
            assert!(good < 2.5, "{width}×{height}: {good}");
            assert!(bad >= good, "{width}×{height}: {bad} and {good}");
        }
    }
}
