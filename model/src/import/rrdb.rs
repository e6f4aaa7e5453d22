//! Recognises RRDBNet, by its names in Real-ESRGAN, in the first releases of BasicSR, and in that of ESRGAN.

use super::{ImportError, ImportOptions, Recipe, Source, Tensors};
use crate::network::{NetworkConfig, RrdbConfig};
use engine::Colour;

/// The names of an implementation. Blocks count from 0, their dense blocks and convolutions from 1.
pub(crate) struct Names {
    first: &'static str,
    block: [&'static str; 2],
    dense: fn(block: usize, dense: usize, conv: usize) -> String,
    body: fn(blocks: usize) -> String,
    up: fn(up: usize) -> String,
    high: fn(ups: usize) -> String,
    last: fn(ups: usize) -> String,
}

/// The newest names first.
pub(crate) const STYLES: [Names; 3] = [
    Names {
        first: "conv_first",
        block: ["body.", ".rdb1.conv1.weight"],
        dense: |block, dense, conv| format!("body.{block}.rdb{dense}.conv{conv}"),
        body: |_| "conv_body".into(),
        up: |up| format!("conv_up{}", up + 1),
        high: |_| "conv_hr".into(),
        last: |_| "conv_last".into(),
    },
    Names {
        first: "conv_first",
        block: ["RRDB_trunk.", ".RDB1.conv1.weight"],
        dense: |block, dense, conv| format!("RRDB_trunk.{block}.RDB{dense}.conv{conv}"),
        body: |_| "trunk_conv".into(),
        up: |up| format!("upconv{}", up + 1),
        high: |_| "HRconv".into(),
        last: |_| "conv_last".into(),
    },
    Names {
        first: "model.0",
        block: ["model.1.sub.", ".RDB1.conv1.0.weight"],
        dense: |block, dense, conv| format!("model.1.sub.{block}.RDB{dense}.conv{conv}.0"),
        body: |blocks| format!("model.1.sub.{blocks}"),
        // Each enlargement, its convolution and its activation have a number.
        up: |up| format!("model.{}", 3 + 3 * up),
        high: |ups| format!("model.{}", 2 + 3 * ups),
        last: |ups| format!("model.{}", 4 + 3 * ups),
    },
];

/// Most enlargements: ×8.
const MAX_UPS: usize = 3;

pub(super) fn recognise(
    tensors: &Tensors,
    _options: &ImportOptions,
) -> Option<Result<Recipe, ImportError>> {
    let names = STYLES.iter().find(|names| {
        let [before, after] = names.block;
        tensors.has(&format!("{before}0{after}"))
    })?;
    Some(recipe(tensors, names))
}

fn recipe(tensors: &Tensors, names: &Names) -> Result<Recipe, ImportError> {
    if tensors.names().any(|name| name.contains("conv1x1")) {
        return Err(ImportError::Variant(
            "ESRGAN+, whose dense blocks have a 1×1 convolution beside them",
        ));
    }
    let weight = |name: &str| format!("{name}.weight");
    let sides = |name: &str| {
        let shape = tensors.shape::<4>(&weight(name));
        shape.ok_or_else(|| ImportError::Missing(weight(name)))
    };
    let [before, after] = names.block;
    let blocks = tensors.count(before, after);
    let has = |name: String| tensors.has(&weight(&name));
    let ups = (0..=MAX_UPS).rev().find(|&ups| {
        let ends = has((names.high)(ups)) && has((names.last)(ups));
        ends && (0..ups).all(|up| has((names.up)(up)))
    });
    let ups = ups.ok_or(ImportError::Variant(
        "an ESRGAN whose last layers have other names",
    ))?;
    let [width, inputs, ..] = sides(names.first)?;
    let [growth, ..] = sides(&(names.dense)(0, 1, 1))?;
    let [channels, ..] = sides(&(names.last)(ups))?;
    let colour = match channels {
        1 => Colour::Y,
        3 => Colour::Rgb,
        _ => {
            return Err(ImportError::Variant(
                "an ESRGAN for neither grey nor RGB images",
            ));
        }
    };
    let unshuffle = root(inputs, channels).ok_or(ImportError::Variant(
        "an ESRGAN that reads other channels than it returns",
    ))?;
    let total = 1 << ups;
    if total % unshuffle != 0 {
        return Err(ImportError::Variant("an ESRGAN that makes images smaller"));
    }
    let config = RrdbConfig {
        scale: total / unshuffle,
        colour,
        width,
        blocks,
        growth,
        unshuffle,
    };
    Ok(Recipe {
        layers: sources(&config, names),
        config: NetworkConfig::Rrdb(config),
        unneeded: &[],
    })
}

/// The tensors of each convolution, in the order in which they run; for scales that are powers of two.
pub(crate) fn sources(config: &RrdbConfig, names: &Names) -> Vec<Source> {
    let ups = (config.scale * config.unshuffle).ilog2() as usize;
    let mut sources = vec![Source::conv(names.first)];
    for block in 0..config.blocks {
        for (dense, conv) in (1..=3).flat_map(|dense| (1..=5).map(move |conv| (dense, conv))) {
            sources.push(Source::conv((names.dense)(block, dense, conv)));
        }
    }
    sources.push(Source::conv((names.body)(config.blocks)));
    sources.extend((0..ups).map(|up| Source::conv((names.up)(up))));
    sources.push(Source::conv((names.high)(ups)));
    sources.push(Source::conv((names.last)(ups)));
    sources
}

/// s where `channels = s² · each`.
pub(super) fn root(channels: usize, each: usize) -> Option<usize> {
    (1..=8).find(|s| s * s * each == channels)
}
