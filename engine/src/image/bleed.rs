//! Colour for transparent pixels.

use super::Image;

/// Pixels over which colour is carried: further than the networks here look.
const REACH_PX: usize = 32;

/// Gives transparent pixels (alpha 0) the mean colour of their visible neighbours, ring by ring outwards
/// from the edge of the visible part.
///
/// Files hold arbitrary colours there, mostly black, which a network would spread into the edge as a
/// fringe. Alpha does not change, nor does an image without alpha.
pub fn bleed(image: &mut Image) {
    if !image.channels.has_alpha() {
        return;
    }
    let bytes = image.channels.count();
    let pixels = image.data.chunks_exact(bytes);
    let mut known: Vec<bool> = pixels.map(|pixel| pixel[bytes - 1] > 0).collect();
    let hidden = (0..known.len()).filter(|&at| !known[at]);
    let mut ring: Vec<usize> = hidden.filter(|&at| touches(image, at, &known)).collect();
    let mut colours = Vec::new();
    for _ in 0..REACH_PX {
        colours.clear();
        colours.extend(ring.iter().map(|&at| mean(image, at, &known)));
        for (&at, colour) in ring.iter().zip(&colours) {
            image.data[at * bytes..][..bytes - 1].copy_from_slice(&colour[..bytes - 1]);
            known[at] = true;
        }
        let around = ring.iter().flat_map(|&at| neighbours(image, at));
        let mut next: Vec<usize> = around.filter(|&at| !known[at]).collect();
        next.sort_unstable();
        next.dedup();
        ring = next;
    }
}

/// Whether any neighbour is known.
fn touches(image: &Image, at: usize, known: &[bool]) -> bool {
    neighbours(image, at).any(|at| known[at])
}

/// The mean colour of the known neighbours.
fn mean(image: &Image, at: usize, known: &[bool]) -> [u8; 3] {
    let bytes = image.channels.count();
    let (mut sums, mut count) = ([0u32; 3], 0);
    for at in neighbours(image, at).filter(|&at| known[at]) {
        let colour = &image.data[at * bytes..][..bytes - 1];
        let pairs = sums.iter_mut().zip(colour);
        pairs.for_each(|(sum, value)| *sum += u32::from(*value));
        count += 1;
    }
    sums.map(|sum| ((sum + count / 2) / count.max(1)) as u8)
}

/// The neighbours inside the image, up to eight.
fn neighbours(image: &Image, at: usize) -> impl Iterator<Item = usize> + use<> {
    let (width, height) = (image.width, image.height);
    let (x, y) = (at % width, at / width);
    let rows = y.saturating_sub(1)..(y + 2).min(height);
    rows.flat_map(move |row| {
        let columns = x.saturating_sub(1)..(x + 2).min(width);
        columns.map(move |column| row * width + column)
    })
    .filter(move |&other| other != at)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::image::Channels;

    #[test]
    fn what_is_hidden_takes_the_colour_beside_it() {
        let mut data = [9, 8, 7, 0].repeat(100);
        // One column is faintly visible.
        data.chunks_exact_mut(40)
            .for_each(|row| row[..4].copy_from_slice(&[200, 100, 50, 1]));
        let mut image = Image::new(10, 10, Channels::Rgba, data).unwrap();
        bleed(&mut image);
        for (i, pixel) in image.data.chunks_exact(4).enumerate() {
            assert_eq!(pixel[..3], [200, 100, 50]);
            assert_eq!(pixel[3], u8::from(i % 10 == 0));
        }
    }

    #[test]
    fn it_ends_where_no_network_looks_and_leaves_what_can_be_seen() {
        let mut image = Image::new(100, 1, Channels::GreyAlpha, vec![0; 200]).unwrap();
        image.data[..4].copy_from_slice(&[90, 255, 30, 128]);
        bleed(&mut image);
        assert_eq!(image.data[..4], [90, 255, 30, 128]);
        assert_eq!(image.pixel(1 + REACH_PX, 0), [30, 0]);
        assert_eq!(image.pixel(2 + REACH_PX, 0), [0, 0]);

        for channels in [Channels::Rgb, Channels::Rgba] {
            let data = vec![0; 12 * channels.count()];
            let mut image = Image::new(4, 3, channels, data).unwrap();
            let before = image.clone();
            bleed(&mut image);
            assert_eq!(
                image, before,
                "nothing to take colour from, or nobody to need it"
            );
        }
    }
}
