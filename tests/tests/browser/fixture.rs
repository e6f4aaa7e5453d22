//! Images and models for tests, and their expected results.

use std::io::Cursor;

use engine::image::{Channels, Image};
use image::{DynamicImage, ImageFormat, RgbImage, RgbaImage};

/// A script that keeps the workers that run in `window.workers`.
pub const WATCH_WORKERS: &str = "{
    window.workers = new Set();
    window.Worker = class extends Worker {
        constructor(...args) {
            super(...args);
            workers.add(this);
        }
        terminate() {
            super.terminate();
            workers.delete(this);
        }
    };
}";

/// A small record with random weights.
pub fn model_file(network: &str) -> Vec<u8> {
    tests::model_file(network).unwrap()
}

/// A tiny ×2 network on Y.
pub fn tiny_model() -> Vec<u8> {
    model_file("kind = \"plain\"\nscale = 2\nwidth = 6\ndepth = 1\nexpansion = 12")
}

/// The same record as older versions wrote it: without a graph.
pub fn without_graph(mut record: Vec<u8>) -> Vec<u8> {
    let key = engine::container::GRAPH.as_bytes();
    let place = record.windows(key.len()).position(|part| part == key);
    let place = place.expect("a record holds a graph");
    // Another key of the same length, so that all offsets stay.
    record[place] = b'X';
    record
}

/// Smooth waves with hard edges, different in each channel; alpha with all values.
pub fn waves(width: u32, height: u32) -> RgbaImage {
    RgbaImage::from_fn(width, height, |x, y| {
        let (x, y) = (x as f32, y as f32);
        let wave = |phase: f32| (127.5 + 100.0 * ((x * 0.31 + y * 0.17 + phase).sin())) as u8;
        let edge = if (x / 9.0) as u32 % 2 == (y / 7.0) as u32 % 2 {
            0
        } else {
            25
        };
        let alpha = ((x * 7.0 + y * 11.0) as u32 % 256) as u8;
        image::Rgba([wave(0.0) + edge, wave(2.0) + edge, wave(4.0) + edge, alpha])
    })
}

/// Encodes an image as PNG.
pub fn png(image: &RgbaImage) -> Vec<u8> {
    let mut bytes = Cursor::new(Vec::new());
    image.write_to(&mut bytes, ImageFormat::Png).unwrap();
    bytes.into_inner()
}

/// Encodes an image as PNG without alpha, which the browser decodes itself.
pub fn png_without_alpha(image: &RgbaImage) -> Vec<u8> {
    let mut bytes = Cursor::new(Vec::new());
    let image = DynamicImage::from(image.clone()).into_rgb8();
    image.write_to(&mut bytes, ImageFormat::Png).unwrap();
    bytes.into_inner()
}

/// A JPEG of flat 16×16 blocks, for which all decoders agree.
pub fn blocks_jpeg() -> Vec<u8> {
    let image = RgbImage::from_fn(64, 32, |x, y| {
        let (i, j) = ((x / 16) as u8, (y / 16) as u8);
        image::Rgb([40 + 50 * i, 200 - 90 * j, 60 + 30 * i + 40 * j])
    });
    let mut bytes = Cursor::new(Vec::new());
    DynamicImage::from(image)
        .write_to(&mut bytes, ImageFormat::Jpeg)
        .unwrap();
    bytes.into_inner()
}

/// Adds an EXIF orientation (TIFF tag 0x0112) to a JPEG.
pub fn with_orientation(jpeg: &[u8], orientation: u8) -> Vec<u8> {
    let mut exif = b"Exif\0\0MM\0\x2a\0\0\0\x08".to_vec(); // big-endian TIFF, its directory at 8
    exif.extend([0, 1]); // one entry:
    exif.extend([0x01, 0x12, 0, 3, 0, 0, 0, 1, 0, orientation, 0, 0]); // orientation, one short
    exif.extend([0; 4]); // no further directory
    let length = u16::try_from(exif.len() + 2).unwrap().to_be_bytes();
    let (start, rest) = jpeg.split_at(2); // behind the marker that starts a JPEG
    [start, &[0xff, 0xe1], &length, &exif, rest].concat()
}

/// A PNG whose header claims this size, without the pixels.
pub fn png_of_size(width: u32, height: u32) -> Vec<u8> {
    let small = png(&RgbaImage::new(1, 1));
    let mut header = b"IHDR".to_vec();
    header.extend(width.to_be_bytes());
    header.extend(height.to_be_bytes());
    header.extend(&small[24..29]);
    let check = crc32(&header).to_be_bytes();
    // Signature and length, the new header with its checksum, and the rest.
    [&small[..12], &header, &check, &small[33..]].concat()
}

/// The checksum of PNG's chunks.
pub fn crc32(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(!0, |crc, byte| {
        (0..8).fold(crc ^ u32::from(*byte), |crc, _| {
            (crc >> 1) ^ (0xedb8_8320 * (crc & 1))
        })
    })
}

/// The native result of a model.
pub fn upscaled(model: &[u8], image: &RgbaImage) -> RgbaImage {
    let (width, height) = (image.width() as usize, image.height() as usize);
    let image = Image::new(width, height, Channels::Rgba, image.as_raw().clone()).unwrap();
    let output = tests::upscaled(model, &image, &burn::tensor::Device::flex(), 128).unwrap();
    RgbaImage::from_raw(output.width as u32, output.height as u32, output.data).unwrap()
}

/// Asserts that two images differ by at most 1/255.
pub fn assert_same(found: &RgbaImage, expected: &RgbaImage) {
    assert_within(1, found, expected);
}

/// Asserts that two images differ by at most `most` of 255.
pub fn assert_within(most: u8, found: &RgbaImage, expected: &RgbaImage) {
    assert_eq!(found.dimensions(), expected.dimensions());
    let pairs = found.iter().zip(expected.iter());
    let apart = pairs.map(|(a, b)| a.abs_diff(*b));
    let worst = apart.enumerate().max_by_key(|(_, apart)| *apart);
    let (place, apart) = worst.expect("an image has pixels");
    let (x, y) = (
        place / 4 % found.width() as usize,
        place / 4 / found.width() as usize,
    );
    assert!(
        apart <= most,
        "{apart}/255 apart in channel {} of ({x}, {y})",
        place % 4
    );
    // An image of one colour proves little, unless it is a single pixel enlarged.
    let first = expected.get_pixel(0, 0);
    assert!(
        expected.pixels().any(|pixel| pixel != first) || expected.len() <= 4 * 4 * 4,
        "the image has only one colour"
    );
}

/// The image composed on black, as a canvas does not keep colours where alpha is low.
pub fn on_black(image: &RgbaImage) -> RgbaImage {
    let mut image = image.clone();
    for pixel in image.pixels_mut() {
        let alpha = u32::from(pixel[3]);
        for channel in 0..3 {
            pixel[channel] = ((u32::from(pixel[channel]) * alpha + 127) / 255) as u8;
        }
    }
    image
}
