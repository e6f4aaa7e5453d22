//! Degradation: how low-resolution images are made of originals.

mod command;
mod steps;

use std::fmt;

use anyhow::Context;
use engine::image::resize::{Method, imresize, resize};
use engine::image::{Channels, Image, Planes};
use rand::SeedableRng;
use rand_pcg::Pcg64Mcg;
use serde::Deserialize;

pub use command::{DegradeArgs, run};
pub use steps::{Range, Step};

/// The steps that make a low-resolution image of an original.
///
/// In TOML either `"bicubic"`, the field's standard, or a list of steps; a step draws its strength for
/// each image at random:
///
/// ```toml
/// degradation = [
///     { kind = "blur", sigma_px = [0.2, 2.0] },
///     { kind = "shrink", method = "bilinear" },
///     { kind = "gaussian_noise", sigma = [1, 10] },
///     { kind = "jpeg", quality = [50, 95] },
/// ]
/// ```
///
/// `shrink` resizes the image to the low resolution. Without it, bicubic interpolation does so at the
/// end.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(try_from = "toml::Value")]
pub struct Degradation {
    /// Empty: MATLAB's bicubic `imresize` on 8-bit images.
    steps: Vec<Step>,
}

impl TryFrom<toml::Value> for Degradation {
    type Error = String;

    fn try_from(value: toml::Value) -> Result<Self, String> {
        let steps = match value {
            toml::Value::String(name) if name == "bicubic" => Vec::new(),
            toml::Value::Array(steps) => {
                let steps = steps.into_iter().enumerate();
                let step = |(i, step): (usize, toml::Value)| {
                    let step: Result<Step, _> = step.try_into();
                    step.map_err(|e| format!("step {} of the degradation: {}", i + 1, e.message()))
                };
                steps.map(step).collect::<Result<_, _>>()?
            }
            _ => return Err("degradation is \"bicubic\" or a list of steps".to_string()),
        };
        let shrinks = steps
            .iter()
            .filter(|step| matches!(step, Step::Shrink { .. }));
        if shrinks.count() > 1 {
            let hint = "for another resizing, use `resize` with a factor";
            return Err(format!("a degradation can have one `shrink` only: {hint}"));
        }
        Ok(Self { steps })
    }
}

impl fmt::Display for Degradation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.steps.is_empty() {
            return f.write_str("bicubic (MATLAB imresize, 8 bit)");
        }
        for (i, step) in self.steps.iter().enumerate() {
            let then = if i == 0 { "" } else { ", then " };
            write!(f, "{then}{step}")?;
        }
        Ok(())
    }
}

impl Degradation {
    /// Whether it is MATLAB's bicubic interpolation alone.
    pub fn is_bicubic(&self) -> bool {
        self.steps.is_empty()
    }

    /// The low-resolution image of an RGB original, whose sides `scale` has to divide.
    ///
    /// The same seed and name give the same image.
    pub fn apply(&self, hr: &Image, scale: usize, seed: u64, name: &str) -> anyhow::Result<Image> {
        let (width, height) = (hr.width / scale, hr.height / scale);
        if self.steps.is_empty() {
            return Ok(imresize(hr, width, height));
        }
        let mut random = Pcg64Mcg::seed_from_u64(seed ^ hash(name));
        let mut planes = to_planes(hr);
        for step in &self.steps {
            planes = step
                .apply(planes, (width, height), &mut random)
                .with_context(|| format!("{step} failed on {name}"))?;
        }
        if (planes.width, planes.height) != (width, height) {
            planes = resize(&planes, width, height, Method::Bicubic);
        }
        to_image(&planes)
    }
}

/// FNV-1a (Fowler, Noll and Vo), whose values are the same on every machine, unlike those of the standard library's
/// hasher.
fn hash(text: &str) -> u64 {
    text.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    })
}

/// An RGB image's planes in 0…1.
fn to_planes(image: &Image) -> Planes {
    let value = |channel: usize| {
        let bytes = image.data.iter().skip(channel).step_by(3);
        bytes.map(|byte| f32::from(*byte) / 255.0)
    };
    Planes {
        channels: 3,
        width: image.width,
        height: image.height,
        data: (0..3).flat_map(value).collect(),
    }
}

/// Three planes as an RGB image, rounded and clamped.
fn to_image(planes: &Planes) -> anyhow::Result<Image> {
    let channels = [0, 1, 2].map(|channel| planes.plane(channel));
    let byte = |value: f32| (255.0 * value + 0.5).clamp(0.0, 255.0) as u8;
    let data = (0..planes.width * planes.height)
        .flat_map(|i| channels.map(|plane| byte(plane[i])))
        .collect();
    Ok(Image::new(
        planes.width,
        planes.height,
        Channels::Rgb,
        data,
    )?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Deserialize)]
    struct Table {
        degradation: Degradation,
    }

    fn parse(text: &str) -> Result<Degradation, String> {
        let table = toml::from_str::<Table>(&format!("degradation = {text}"));
        table
            .map(|table| table.degradation)
            .map_err(|e| e.to_string())
    }

    fn ramp(side: usize) -> Image {
        let pixel = |i: usize| {
            let (x, y) = (i % side, i / side);
            [x * 255 / side, y * 255 / side, 128].map(|value| value as u8)
        };
        let data = (0..side * side).flat_map(pixel).collect();
        Image::new(side, side, Channels::Rgb, data).unwrap()
    }

    fn deviation(a: &Image, b: &Image) -> f64 {
        assert_eq!((a.width, a.height), (b.width, b.height));
        let squares = a.data.iter().zip(&b.data).map(|(a, b)| {
            let difference = f64::from(*a) - f64::from(*b);
            difference * difference
        });
        (squares.sum::<f64>() / a.data.len() as f64).sqrt()
    }

    #[test]
    fn the_default_is_matlabs_bicubic() {
        let image = ramp(48);
        let bicubic = parse("\"bicubic\"").unwrap();
        assert_eq!(bicubic, Degradation::default());
        let lr = bicubic.apply(&image, 3, 0, "a").unwrap();
        assert_eq!(lr, imresize(&image, 16, 16));
        // In floating point it differs by rounding only.
        let shrink = parse("[{ kind = \"shrink\" }]").unwrap();
        assert!(deviation(&shrink.apply(&image, 3, 0, "a").unwrap(), &lr) < 0.6);
    }

    #[test]
    fn each_step_has_the_expected_strength() {
        let image = ramp(96);
        let apply = |text: &str, seed| {
            let degradation = parse(text).unwrap();
            degradation.apply(&image, 2, seed, "image.png").unwrap()
        };
        let clean = apply("[{ kind = \"shrink\", method = \"box\" }]", 0);
        for (steps, least, most) in [
            ("{ kind = \"blur\", sigma_px = 2 }", 0.05, 4.0),
            (
                "{ kind = \"blur\", sigma_px = [0.5, 3], other_sigma_px = [0.5, 3], angle_deg = [0, 180] }",
                0.05,
                4.0,
            ),
            (
                "{ kind = \"resize\", factor = 0.5, method = \"nearest\" }",
                0.3,
                6.0,
            ),
            ("{ kind = \"gaussian_noise\", sigma = 10 }", 4.0, 6.0),
            (
                "{ kind = \"gaussian_noise\", sigma = 10, grey = true }",
                4.0,
                6.0,
            ),
            // The variance of a value v is v / 100: a deviation of at most 25.5 levels, halved by the box.
            ("{ kind = \"poisson_noise\", photons = 100 }", 4.0, 12.75),
            ("{ kind = \"jpeg\", quality = 30 }", 0.3, 9.0),
            ("{ kind = \"quantise\", levels = 8 }", 9.0, 14.0),
        ] {
            let text = format!("[{steps}, {{ kind = \"shrink\", method = \"box\" }}]");
            let found = deviation(&apply(&text, 1), &clean);
            assert!((least..most).contains(&found), "{steps}: {found}");
            assert_eq!(apply(&text, 1), apply(&text, 1), "{steps}");
        }
        let noise = "[{ kind = \"gaussian_noise\", sigma = [1, 20] }]";
        assert_ne!(apply(noise, 1), apply(noise, 2), "the seed decides");
    }

    #[test]
    fn errors_name_the_mistake() {
        for (text, word) in [
            ("\"bilinear\"", "list of steps"),
            ("[{ kind = \"blurr\", sigma_px = 1 }]", "gaussian_noise"),
            ("[{ kind = \"blur\", sigma = 1 }]", "sigma_px"),
            ("[{ kind = \"blur\", sigma_px = [3, 1] }]", "low"),
            ("[{ kind = \"jpeg\", quality = 200 }]", "1 to 100"),
            (
                "[{ kind = \"shrink\" }, { kind = \"shrink\" }]",
                "one `shrink` only",
            ),
        ] {
            let error = parse(text).unwrap_err();
            assert!(error.contains(word), "{text}: {error}");
        }
        let text =
            "[{ kind = \"blur\", sigma_px = [0.2, 2.0] }, { kind = \"jpeg\", quality = 50 }]";
        let words = parse(text).unwrap().to_string();
        assert_eq!(words, "blur of σ 0.2–2 px, then JPEG of quality 50");
    }
}
