//! Colour conversion around the network: from a tile's bytes to planes, and from planes to bytes.
//!
//! Bytes per pixel are constants, so that a page, which has RGBA images alone, carries no code for others.
//! All loops run over whole rows of slices, which compile to vector code.

#[cfg(feature = "threads")]
use crate::image::bands::BAND_ROWS;
use crate::image::bands::for_bands;
use crate::image::enlarge::Enlarger;
use crate::image::{Channels, Image, Planes, Rect, colour};
use crate::{Colour, Spec};

/// The pixel formats that a caller supports.
pub trait Layout {
    /// The planes of a tile, which lies at `part` of an image of `whole` (width, height).
    fn cut(image: &Image, part: Rect, whole: [usize; 2], colour: Colour) -> Cut;

    /// Writes a part of the larger image; `places` are the place of the network's result (`sharp`) and of
    /// that part.
    fn stitch(rest: &Rest, sharp: &Planes, places: [Rect; 2], spec: &Spec, output: &mut Image);
}

/// All formats.
pub struct AnyChannels;

impl Layout for AnyChannels {
    fn cut(image: &Image, part: Rect, whole: [usize; 2], colour: Colour) -> Cut {
        let of = match image.channels {
            Channels::Grey => Cut::of::<1>,
            Channels::GreyAlpha => Cut::of::<2>,
            Channels::Rgb => Cut::of::<3>,
            Channels::Rgba => Cut::of::<4>,
        };
        of(image, part, whole, colour)
    }

    fn stitch(rest: &Rest, sharp: &Planes, places: [Rect; 2], spec: &Spec, output: &mut Image) {
        let stitch = match output.channels {
            Channels::Grey => Rest::stitch::<1>,
            Channels::GreyAlpha => Rest::stitch::<2>,
            Channels::Rgb => Rest::stitch::<3>,
            Channels::Rgba => Rest::stitch::<4>,
        };
        stitch(rest, sharp, places, spec, output);
    }
}

/// RGBA alone, the format of a canvas.
pub struct Rgba;

// Not inlined: the page's crate is compiled for size, and these loops are compiled for speed.
impl Layout for Rgba {
    #[inline(never)]
    fn cut(image: &Image, part: Rect, whole: [usize; 2], colour: Colour) -> Cut {
        Cut::of::<4>(image, part, whole, colour)
    }

    #[inline(never)]
    fn stitch(rest: &Rest, sharp: &Planes, places: [Rect; 2], spec: &Spec, output: &mut Image) {
        rest.stitch::<4>(sharp, places, spec, output);
    }
}

/// A tile's planes.
pub struct Cut {
    /// The network's input.
    pub network: Planes,
    /// The planes that are enlarged by interpolation.
    pub rest: Rest,
}

/// The planes of a tile that the network does not see.
pub struct Rest {
    part: Rect,
    /// Width and height of the whole image.
    whole: (usize, usize),
    /// Cb and Cr of a colour image, for a network on Y.
    chroma: Option<[Vec<f32>; 2]>,
    /// Absent if the tile is opaque.
    alpha: Option<Vec<f32>>,
}

impl Cut {
    /// The planes of a tile of `N` bytes per pixel, which lies at `part` of an image of `whole`.
    fn of<const N: usize>(image: &Image, part: Rect, whole: [usize; 2], colour: Colour) -> Self {
        assert_eq!(image.channels.count(), N);
        let size = part.width * part.height;
        let rows = Rows::<N>(image);
        let mut network = vec![0.0; colour.channels() * size];
        let mut chroma = None;
        match (colour, is_colour(N)) {
            (Colour::Y, true) => {
                let [cb, cr] = chroma.insert([vec![0.0; size], vec![0.0; size]]);
                rows.fill_three([&mut network, cb, cr], |pixel| {
                    colour::rgb_to_ycbcr(rgb(pixel))
                });
            }
            (Colour::Grey, true) => {
                rows.fill(&mut network, |pixel| colour::rgb_to_grey(rgb(pixel)));
            }
            (Colour::Y | Colour::Grey, false) => rows.fill(&mut network, |pixel| value(pixel[0])),
            (Colour::Rgb, _) => {
                let (red, others) = network.split_at_mut(size);
                let (green, blue) = others.split_at_mut(size);
                rows.fill_three([red, green, blue], rgb);
            }
        }
        let alpha = (has_alpha(N) && !rows.are_opaque()).then(|| {
            let mut alpha = vec![0.0; size];
            rows.fill(&mut alpha, |pixel| value(pixel[N - 1]));
            alpha
        });
        Self {
            network: Planes {
                channels: colour.channels(),
                width: part.width,
                height: part.height,
                data: network,
            },
            rest: Rest {
                part,
                whole: whole.into(),
                chroma,
                alpha,
            },
        }
    }
}

/// The rows of an image of `N` bytes per pixel.
struct Rows<'a, const N: usize>(&'a Image);

impl<const N: usize> Rows<'_, N> {
    fn pixels(&self) -> &[[u8; N]] {
        self.0.data.as_chunks().0
    }

    fn are_opaque(&self) -> bool {
        // Whole rows without an early exit are faster.
        let lowest = |row: &[[u8; N]]| row.iter().fold(255, |all, pixel| all & pixel[N - 1]);
        let mut rows = self.pixels().chunks_exact(self.0.width);
        rows.all(|row| lowest(row) == 255)
    }

    fn fill(&self, plane: &mut [f32], value: impl Fn(&[u8; N]) -> f32 + Sync) {
        let width = self.0.width;
        for_bands(plane, width, |first, out| {
            let pixels = &self.pixels()[first * width..][..out.len()];
            for (pixel, out) in pixels.iter().zip(out) {
                *out = value(pixel);
            }
        });
    }

    fn fill_three(&self, planes: [&mut [f32]; 3], values: impl Fn(&[u8; N]) -> [f32; 3] + Sync) {
        let fill = |pixels: &[[u8; N]], [a, b, c]: [&mut [f32]; 3]| {
            for (pixel, ((a, b), c)) in pixels.iter().zip(a.iter_mut().zip(b).zip(c)) {
                [*a, *b, *c] = values(pixel);
            }
        };
        #[cfg(feature = "threads")]
        {
            use rayon::prelude::*;
            let band = (BAND_ROWS * self.0.width).max(1);
            let [a, b, c] = planes.map(|plane| plane.par_chunks_mut(band));
            let bands = self.pixels().par_chunks(band).zip(a.zip(b.zip(c)));
            bands.for_each(|(pixels, (a, (b, c)))| fill(pixels, [a, b, c]));
        }
        #[cfg(not(feature = "threads"))]
        fill(self.pixels(), planes);
    }
}

const fn is_colour(bytes: usize) -> bool {
    bytes >= 3
}

const fn has_alpha(bytes: usize) -> bool {
    bytes.is_multiple_of(2)
}

fn value(byte: u8) -> f32 {
    f32::from(byte) / 255.0
}

/// Red, green and blue; grey is repeated.
fn rgb<const N: usize>(pixel: &[u8; N]) -> [f32; 3] {
    std::array::from_fn(|channel| value(pixel[if N < 3 { 0 } else { channel }]))
}

impl Rest {
    /// Writes the part `output` of the larger image, which has `N` bytes per pixel and lies at `target`;
    /// `sharp` is the network's result for the part `seen`.
    fn stitch<const N: usize>(
        &self,
        sharp: &Planes,
        [seen, target]: [Rect; 2],
        spec: &Spec,
        output: &mut Image,
    ) {
        assert_eq!(output.channels.count(), N);
        let width = target.width;
        for_bands(&mut output.data, width * N, |first, rows| {
            let band = target.band(first, rows.len() / (width * N));
            self.stitch_band::<N>(sharp, [seen, band], spec, rows);
        });
    }

    /// The same for some rows, whose bytes are `output`.
    fn stitch_band<const N: usize>(
        &self,
        sharp: &Planes,
        [seen, target]: [Rect; 2],
        spec: &Spec,
        output: &mut [u8],
    ) {
        let enlarger = |plane| Enlarger::new(plane, self.part, self.whole, spec.scale, target);
        let mut chroma = self
            .chroma
            .as_ref()
            .map(|[cb, cr]| [enlarger(cb), enlarger(cr)]);
        let mut alpha = self.alpha.as_deref().map(enlarger);
        let [mut cb, mut cr] = [(); 2].map(|()| vec![0.0; target.width]);
        let mut opacity = vec![1.0; target.width];

        let place = target.within(seen);
        for y in 0..target.height {
            if let Some([blue, red]) = &mut chroma {
                blue.next_row(&mut cb);
                red.next_row(&mut cr);
            }
            if let Some(alpha) = &mut alpha {
                alpha.next_row(&mut opacity);
            }
            let row = |channel| {
                let start = (place.y + y) * seen.width + place.x;
                &sharp.plane(channel)[start..][..target.width]
            };
            let out = &mut output[y * target.width * N..][..target.width * N];
            let opacity = has_alpha(N).then_some(opacity.as_slice());
            match (spec.colour, is_colour(N)) {
                (Colour::Y, true) => {
                    let ycbcr = row(0).iter().zip(&cb).zip(&cr);
                    let rgb = ycbcr.map(|((&y, &cb), &cr)| colour::ycbcr_to_rgb([y, cb, cr]));
                    write_colours(out, rgb, opacity);
                }
                (Colour::Grey, true) => {
                    write_colours(out, row(0).iter().map(|&grey| [grey; 3]), opacity);
                }
                (Colour::Y | Colour::Grey, false) => {
                    write_greys(out, row(0).iter().copied(), opacity);
                }
                (Colour::Rgb, is_colour) => {
                    let rgb = row(0).iter().zip(row(1)).zip(row(2));
                    let rgb = rgb.map(|((&red, &green), &blue)| [red, green, blue]);
                    match is_colour {
                        true => write_colours(out, rgb, opacity),
                        false => write_greys(out, rgb.map(|[r, g, b]| (r + g + b) / 3.0), opacity),
                    }
                }
            }
        }
    }
}

fn write_colours(out: &mut [u8], rgb: impl Iterator<Item = [f32; 3]>, alpha: Option<&[f32]>) {
    match alpha {
        Some(alpha) => write(
            out,
            rgb.zip(alpha).map(|([r, g, b], &alpha)| [r, g, b, alpha]),
        ),
        None => write(out, rgb),
    }
}

fn write_greys(out: &mut [u8], greys: impl Iterator<Item = f32>, alpha: Option<&[f32]>) {
    match alpha {
        Some(alpha) => write(out, greys.zip(alpha).map(|(grey, &alpha)| [grey, alpha])),
        None => write(out, greys.map(|grey| [grey])),
    }
}

fn write<const N: usize>(out: &mut [u8], pixels: impl Iterator<Item = [f32; N]>) {
    for (out, pixel) in out.as_chunks_mut().0.iter_mut().zip(pixels) {
        *out = pixel.map(colour::to_byte);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Input;

    const CHANNELS: [Channels; 4] = [
        Channels::Grey,
        Channels::GreyAlpha,
        Channels::Rgb,
        Channels::Rgba,
    ];

    fn noise(width: usize, height: usize, channels: Channels) -> Image {
        let count = width * height * channels.count();
        let data = (0..count as u32).map(|i| (i.wrapping_mul(2_654_435_761) >> 23) as u8);
        Image::new(width, height, channels, data.collect()).unwrap()
    }

    fn spec(scale: usize, colour: Colour) -> Spec {
        Spec {
            scale,
            colour,
            input: Input::LowResolution,
        }
    }

    #[test]
    fn cut_and_stitched_a_picture_is_itself() {
        for channels in CHANNELS {
            let image = noise(13, 9, channels);
            let part = Rect {
                x: 3,
                y: 2,
                width: 10,
                height: 6,
            };
            let target = Rect {
                x: 5,
                y: 4,
                width: 7,
                height: 2,
            };
            for colour in [Colour::Y, Colour::Rgb, Colour::Grey] {
                let cut = AnyChannels::cut(&image.crop(part), part, [13, 9], colour);
                let mut output = Image::blank(7, 2, channels).unwrap();
                let spec = spec(1, colour);
                AnyChannels::stitch(&cut.rest, &cut.network, [part, target], &spec, &mut output);
                let mut expected = image.crop(target);
                if colour == Colour::Grey && channels.is_colour() {
                    let alpha = if channels.has_alpha() {
                        Channels::GreyAlpha
                    } else {
                        Channels::Grey
                    };
                    expected = expected.to_channels(alpha).to_channels(channels);
                }
                assert_eq!(output, expected, "{channels:?} {colour:?}");
            }
        }
    }

    #[test]
    fn opaque_parts_stay_opaque_and_others_are_enlarged() {
        for channels in [Channels::GreyAlpha, Channels::Rgba] {
            let mut image = noise(8, 3, channels);
            let count = channels.count();
            image
                .data
                .iter_mut()
                .skip(count - 1)
                .step_by(count)
                .for_each(|alpha| *alpha = 255);
            let whole = Rect::whole(8, 3);
            let alphas = |image: &Image| -> Vec<u8> {
                let cut = AnyChannels::cut(image, whole, [8, 3], Colour::Y);
                let mut output = Image::blank(16, 6, channels).unwrap();
                let sharp = Planes {
                    channels: 1,
                    width: 16,
                    height: 6,
                    data: vec![0.5; 96],
                };
                let seen = Rect::whole(16, 6);
                AnyChannels::stitch(
                    &cut.rest,
                    &sharp,
                    [seen, seen],
                    &spec(2, Colour::Y),
                    &mut output,
                );
                output
                    .data
                    .chunks_exact(count)
                    .map(|pixel| pixel[count - 1])
                    .collect()
            };
            assert!(
                AnyChannels::cut(&image, whole, [8, 3], Colour::Y)
                    .rest
                    .alpha
                    .is_none()
            );
            assert_eq!(alphas(&image), [255; 96]);
            image.data[count - 1] = 0;
            assert!(
                AnyChannels::cut(&image, whole, [8, 3], Colour::Y)
                    .rest
                    .alpha
                    .is_some()
            );
            let alphas = alphas(&image);
            assert!(alphas[0] < 20 && alphas[8..16] == [255; 8], "{alphas:?}");
        }
    }
}
