//! The batch of the step that broke a training, saved for debugging.

use std::path::Path;

use anyhow::Context;
use burn::tensor::{DType, Device, Tensor};
use burn_pack::Writer;
use engine::image::{Channels, Image, colour};

use crate::data::Batch;
use crate::image_file;
use crate::sheet::sheet;

const COLUMNS: usize = 8;

/// Writes the patches as an image (`.png`) and as exact values (`.bpk`, the container format of models,
/// with `input`, `target.0`, …, each `[batch, c, h, w]`); `stem` is the path without extension.
pub fn save(batch: Batch, stem: &Path) -> anyhow::Result<()> {
    let (input, targets) = batch.into_tensors(&Device::flex());
    let rows = [&input].into_iter().chain(&targets).flat_map(|patches| {
        let images = images(patches.clone());
        images
            .chunks(COLUMNS)
            .map(<[Image]>::to_vec)
            .collect::<Vec<_>>()
    });
    if let Some(sheet) = sheet(&rows.collect::<Vec<_>>()) {
        image_file::save(&sheet, &stem.with_extension("png"))?;
    }
    let targets = targets.into_iter().enumerate();
    let targets = targets.map(|(i, target)| (format!("target.{i}"), target));
    let tensors = std::iter::once(("input".to_string(), input)).chain(targets);
    let tensors = tensors.map(|(name, tensor)| {
        let shape = tensor.dims().to_vec();
        let bytes = tensor.into_data().into_parts().0;
        burn_pack::Tensor::new(name, DType::F32, shape, None, bytes)
    });
    let path = stem.with_extension("bpk");
    Writer::new(tensors.collect())
        .overwrite(true)
        .write_to_file(&path)
        .with_context(|| format!("cannot write {}", path.display()))
}

/// Patches `[batch, 1 or 3, h, w]` in 0…1 as images.
fn images(patches: Tensor<4>) -> Vec<Image> {
    let [_, channels, height, width] = patches.dims();
    let values: Vec<f32> = patches.into_data().iter::<f32>().collect();
    let plane = height * width;
    let image = |patch: &[f32]| {
        let pixels = (0..plane).flat_map(|i| (0..channels).map(move |c| patch[c * plane + i]));
        let kind = if channels == 1 {
            Channels::Grey
        } else {
            Channels::Rgb
        };
        Image::new(width, height, kind, pixels.map(colour::to_byte).collect()).ok()
    };
    values
        .chunks_exact(channels * plane)
        .filter_map(image)
        .collect()
}
