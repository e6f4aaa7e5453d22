//! Degradation: how low-resolution images are made of originals.

mod apply;
pub(crate) mod avif;
mod blur;
pub(crate) mod codec;
mod command;
mod noise;
mod number;
mod palette;
mod preset;
mod short;
mod step;

use std::fmt;

use anyhow::Context;
use engine::image::Image;
use engine::image::resize::{Method, imresize, resize};
use rand::SeedableRng;
use rand_pcg::Pcg64Mcg;
use serde::Deserialize;

use crate::planes::{to_image, to_planes};

use apply::Draw;
pub use blur::Shape;
pub(crate) use blur::gaussian as gaussian_blur;
pub use codec::Subsampling;
pub use command::{DegradeArgs, run};
pub use number::{Choice, Range, Within};
pub use step::{Part, Step};

/// The steps that make a low-resolution image of an original.
///
/// In TOML `"bicubic"`, the field's standard, the name of another preset, or a list of steps; a step draws its strength
/// at random:
///
/// ```toml
/// degradation = [
///     { kind = "blur", sigma_px = [0.2, 2.0], probability = 0.5 },
///     { kind = "shrink", method = ["bilinear", "bicubic"] },
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
    steps: Vec<Part>,
}

impl TryFrom<toml::Value> for Degradation {
    type Error = String;

    fn try_from(value: toml::Value) -> Result<Self, String> {
        let steps = match value {
            toml::Value::String(text) if text.contains('(') => return text.parse(),
            toml::Value::String(name) => match preset::find(&name) {
                Some(text) => return Self::from_text(text),
                None => {
                    let names = preset::PRESETS.map(|(name, _)| format!("\"{name}\""));
                    return Err(format!(
                        "degradation = \"{name}\": it is {} or a list of steps",
                        names.join(", ")
                    ));
                }
            },
            toml::Value::Array(steps) => {
                let steps = steps.into_iter().enumerate();
                let step = |(i, step): (usize, toml::Value)| {
                    let step: Result<Part, _> = step.try_into();
                    step.map_err(|e| format!("step {} of the degradation: {}", i + 1, e.message()))
                };
                steps.map(step).collect::<Result<_, _>>()?
            }
            _ => return Err("degradation is the name of a preset or a list of steps".to_string()),
        };
        let steps: Vec<Part> = steps;
        if steps.iter().filter(|part| part.step.shrinks()).count() > 1 {
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
    /// The degradation of a preset's text.
    fn from_text(text: &str) -> Result<Self, String> {
        #[derive(Deserialize)]
        struct Table {
            steps: toml::Value,
        }
        let table: Table = toml::from_str(text).map_err(|error| error.to_string())?;
        Self::try_from(table.steps)
    }

    /// Whether it is MATLAB's bicubic interpolation alone.
    pub fn is_bicubic(&self) -> bool {
        self.steps.is_empty()
    }

    /// The low-resolution image of an RGB original, whose sides `scale` has to divide, and the bytes of its file if it was
    /// compressed.
    ///
    /// The same seed and name give the same image.
    pub fn apply(
        &self,
        hr: &Image,
        scale: usize,
        seed: u64,
        name: &str,
    ) -> anyhow::Result<(Image, Option<usize>)> {
        let mut random = Pcg64Mcg::seed_from_u64(seed ^ hash(name));
        let low = (hr.width / scale, hr.height / scale);
        self.draw(hr, low, &mut random)
            .with_context(|| format!("in the image {name}"))
    }

    /// Like [`Self::apply`], for an image of the sides `low` with strengths drawn from `random`.
    pub fn draw(
        &self,
        hr: &Image,
        low: (usize, usize),
        random: &mut Pcg64Mcg,
    ) -> anyhow::Result<(Image, Option<usize>)> {
        let (width, height) = low;
        if self.steps.is_empty() {
            return Ok((imresize(hr, width, height), None));
        }
        let mut draw = Draw {
            low,
            random,
            bytes: None,
        };
        let mut planes = to_planes(hr);
        for part in &self.steps {
            planes = part
                .apply(planes, &mut draw)
                .with_context(|| format!("{} failed", part.step))?;
        }
        if (planes.width, planes.height) != (width, height) {
            planes = resize(&planes, width, height, Method::Bicubic);
        }
        Ok((to_image(&planes)?, draw.bytes))
    }
}

/// FNV-1a (Fowler, Noll and Vo), whose values are the same on every machine, unlike those of the standard library's
/// hasher.
fn hash(text: &str) -> u64 {
    text.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    })
}

#[cfg(test)]
mod tests {
    use engine::image::Channels;

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
        let lr = bicubic.apply(&image, 3, 0, "a").unwrap().0;
        assert_eq!(lr, imresize(&image, 16, 16));
        // In floating point it differs by rounding only.
        let shrink = parse("[{ kind = \"shrink\" }]").unwrap();
        assert!(deviation(&shrink.apply(&image, 3, 0, "a").unwrap().0, &lr) < 0.6);
    }

    #[test]
    fn each_step_has_the_expected_strength() {
        let image = ramp(96);
        let apply = |text: &str, seed| {
            let degradation = parse(text).unwrap();
            degradation.apply(&image, 2, seed, "image.png").unwrap().0
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
            (
                "{ kind = \"poisson_noise\", scale = 1.6, grey = true }",
                4.0,
                12.75,
            ),
            ("{ kind = \"jpeg\", quality = 30 }", 0.3, 9.0),
            (
                "{ kind = \"jpeg\", quality = 30, subsampling = [\"4:2:2\", \"4:4:4\"] }",
                0.3,
                9.0,
            ),
            ("{ kind = \"webp\", quality = 30 }", 0.3, 9.0),
            ("{ kind = \"avif\", quality = 30 }", 0.3, 9.0),
            ("{ kind = \"sinc\", cutoff = 0.3 }", 0.05, 4.0),
            (
                "{ kind = \"blur\", sigma_px = 2, shape = \"plateau\", beta = 1.5 }",
                0.05,
                5.0,
            ),
            (
                "{ kind = \"blur\", sigma_px = 2, shape = \"generalised\", beta = 0.7 }",
                0.05,
                5.0,
            ),
            (
                "{ kind = \"resize\", factor = 0.3, method = [\"lanczos\", \"bilinear\"] }",
                0.05,
                5.0,
            ),
            (
                "{ kind = \"twice\", steps = [{ kind = \"jpeg\", quality = 30 }, { kind = \"gaussian_noise\", sigma = 7.1 }] }",
                4.0,
                9.0,
            ),
            ("{ kind = \"quantise\", levels = 8 }", 9.0, 14.0),
            ("{ kind = \"palette\", colours = 16 }", 5.0, 25.0),
            (
                "{ kind = \"palette\", colours = [16, 64], dither = [0.5, 1] }",
                1.0,
                20.0,
            ),
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
            ("\"bilinear\"", "\"real-esrgan\""),
            ("3", "list of steps"),
            ("[{ kind = \"blurr\", sigma_px = 1 }]", "gaussian_noise"),
            ("[{ kind = \"blur\", sigma = 1 }]", "sigma_px"),
            ("[{ kind = \"blur\", sigma_px = [3, 1] }]", "low"),
            ("[{ kind = \"jpeg\", quality = 200 }]", "1 to 100"),
            (
                "[{ kind = \"jpeg\", quality = 9, subsampling = \"4:1:1\" }]",
                "4:2:0",
            ),
            (
                "[{ kind = \"jpeg\", quality = 9, probability = 2 }]",
                "0 to 1",
            ),
            (
                "[{ kind = \"blur\", sigma_px = 1, shape = \"plateau\" }]",
                "`beta`",
            ),
            ("[{ kind = \"poisson_noise\" }]", "`scale`"),
            (
                "[{ kind = \"shuffle\", steps = [{ kind = \"blr\" }] }]",
                "gaussian_noise",
            ),
            ("[{ kind = \"palette\", colours = 1000 }]", "2 to 256"),
            (
                "[{ kind = \"twice\", steps = [{ kind = \"shrink\" }] }]",
                "`resize`",
            ),
            (
                "[{ kind = \"shrink\" }, { kind = \"shrink\" }]",
                "one `shrink` only",
            ),
        ] {
            let error = parse(text).unwrap_err();
            assert!(error.contains(word), "{text}: {error}");
        }
    }

    #[test]
    fn texts_say_what_happens() {
        for (text, words) in [
            (
                "[{ kind = \"blur\", sigma_px = [0.2, 2.0] }, { kind = \"jpeg\", quality = 50 }]",
                "blur of σ 0.2–2 px, then JPEG of quality 50 (4:2:0)",
            ),
            (
                "[{ kind = \"one_of\", probability = 0.5, steps = [{ kind = \"webp\", quality = 9 }, { kind = \"quantise\", levels = 8, probability = 0.25 }] }]",
                "one of (WebP of quality 9, 8 levels (25 %)) (50 %)",
            ),
        ] {
            assert_eq!(parse(text).unwrap().to_string(), words);
        }
    }

    #[test]
    fn presets_can_be_drawn() {
        let image = ramp(96);
        for (name, _) in preset::PRESETS {
            let degradation = parse(&format!("\"{name}\"")).unwrap();
            for seed in 0..20 {
                let (low, _) = degradation.apply(&image, 4, seed, "a").unwrap();
                assert_eq!((low.width, low.height), (24, 24), "{name}");
            }
        }
    }

    #[test]
    fn probabilities_are_kept() {
        let image = ramp(8);
        let text = "[{ kind = \"quantise\", levels = 2, probability = 0.3 }]";
        let degradation = parse(text).unwrap();
        let taken = (0..1000).filter(|seed| {
            let (low, _) = degradation.apply(&image, 1, *seed, "a").unwrap();
            low.data.iter().all(|value| [0, 255].contains(value))
        });
        let taken = taken.count();
        assert!((250..350).contains(&taken), "{taken} of 1000");
        let text = "[{ kind = \"one_of\", steps = [{ kind = \"quantise\", levels = 2, probability = 0.1 }, \
                    { kind = \"quantise\", levels = 3, probability = 0.3 }] }]";
        let degradation = parse(text).unwrap();
        let two = (0..1000).filter(|seed| {
            let (low, _) = degradation.apply(&image, 1, *seed, "a").unwrap();
            !low.data.contains(&128)
        });
        let two = two.count();
        assert!((200..300).contains(&two), "{two} of 1000");
    }
}
