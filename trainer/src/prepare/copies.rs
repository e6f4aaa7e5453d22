//! Copies of photographs: the same photograph at another size, in another format, turned or mirrored.

use std::collections::BTreeMap;
use std::path::PathBuf;

use anyhow::Context;
use engine::image::{Channels, Image};
use image::GrayImage;
use image::imageops::{flip_horizontal, rotate90, thumbnail};
use image_hasher::{HashAlg, HasherConfig};
use rayon::prelude::*;

/// Side of the image that hashes are computed of.
const SIDE_PX: u32 = 64;

/// The perceptual hashes (pHash: the signs of the lowest 64 frequencies of a cosine transform, compared with their median)
/// of an image in its eight orientations, as it is first.
#[derive(Clone, Copy)]
pub(super) struct Fingerprint([u64; 8]);

impl Fingerprint {
    /// Hashes an image.
    pub fn of(image: &Image) -> anyhow::Result<Self> {
        let grey = image.to_channels(Channels::Grey);
        let (width, height) = (u32::try_from(grey.width)?, u32::try_from(grey.height)?);
        let grey = GrayImage::from_raw(width, height, grey.data);
        let mut small = thumbnail(&grey.context("a byte a pixel")?, SIDE_PX, SIDE_PX);
        let hasher = HasherConfig::with_bytes_type::<[u8; 8]>()
            .hash_size(8, 8)
            .hash_alg(HashAlg::Median)
            .preproc_dct()
            .to_hasher();
        let hash = |image: &GrayImage| u64::from_le_bytes(hasher.hash_image(image).into_inner());
        let mut hashes = [0; 8];
        for pair in hashes.chunks_exact_mut(2) {
            pair.copy_from_slice(&[hash(&small), hash(&flip_horizontal(&small))]);
            small = rotate90(&small);
        }
        Ok(Self(hashes))
    }

    /// Bits in which the images' hashes differ, in the orientation in which they differ least.
    fn distance(&self, other: &Self) -> u32 {
        let [own, ..] = self.0;
        let distances = other.0.map(|other| (own ^ other).count_ones());
        distances.into_iter().min().unwrap_or(u64::BITS)
    }
}

/// The images that are copies of an earlier one or of a known one, with that one.
pub(super) fn copies(
    images: Vec<(PathBuf, Fingerprint)>,
    known: Vec<(PathBuf, Fingerprint)>,
    most_bits: u32,
) -> BTreeMap<PathBuf, PathBuf> {
    let mut kept = known;
    let mut copies = BTreeMap::new();
    for (path, fingerprint) in images {
        let is_copy =
            |(_, other): &&(PathBuf, Fingerprint)| fingerprint.distance(other) <= most_bits;
        match kept.par_iter().find_first(is_copy) {
            Some((other, _)) => {
                copies.insert(path, other.clone());
            }
            None => kept.push((path, fingerprint)),
        }
    }
    copies
}
