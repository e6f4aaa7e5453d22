//! Writes the parameters of a network as safetensors, under the names of a public PyTorch implementation.

use std::borrow::Cow;

use safetensors::{Dtype, View};

use super::names::{Place, places};
use super::{ExportError, facts, values};
use crate::import::span;
use crate::layer::{ConvBlock, Folded};
use crate::network::Network;
use crate::record::Metadata;

/// PyTorch's batch normalisation adds this to the variance before it takes the square root.
const NORM_EPSILON: f32 = 1e-5;

/// A tensor of the file, in single precision or of whole numbers.
struct Written {
    dtype: Dtype,
    shape: Vec<usize>,
    bytes: Vec<u8>,
}

impl Written {
    fn new(shape: Vec<usize>, values: &[f32]) -> Self {
        Self {
            dtype: Dtype::F32,
            shape,
            bytes: values
                .iter()
                .flat_map(|value| value.to_le_bytes())
                .collect(),
        }
    }

    fn vector(values: &[f32]) -> Self {
        Self::new(vec![values.len()], values)
    }
}

impl View for Written {
    fn dtype(&self) -> Dtype {
        self.dtype
    }

    fn shape(&self) -> &[usize] {
        &self.shape
    }

    fn data(&self) -> Cow<'_, [u8]> {
        Cow::Borrowed(&self.bytes)
    }

    fn data_len(&self) -> usize {
        self.bytes.len()
    }
}

/// Writes a folded network's parameters.
///
/// # Errors
/// If no public implementation of the network is known.
pub fn safetensors(network: &Network, metadata: &Metadata) -> Result<Vec<u8>, ExportError> {
    let mut tensors = Vec::new();
    let blocks = network.blocks();
    for (place, block) in places(&metadata.network)?.iter().zip(&blocks) {
        write(place, block, &mut tensors)?;
    }
    let facts = facts(metadata).into_iter().collect();
    ::safetensors::serialize(tensors, Some(facts)).map_err(|e| ExportError::Write(e.to_string()))
}

fn write(
    place: &Place,
    block: &ConvBlock,
    tensors: &mut Vec<(String, Written)>,
) -> Result<(), ExportError> {
    let shape = block.weight.shape();
    let Folded {
        weight,
        bias,
        slope,
    } = block.folded();
    let weight = values(weight)?;
    let bias = bias.map(values).transpose()?.unwrap_or_default();
    let mut add = |name: String, tensor| tensors.push((name, tensor));
    let slope_name = match place {
        Place::Conv { name, slope } => {
            add(
                format!("{name}.weight"),
                Written::new(shape.to_vec(), &weight),
            );
            add(format!("{name}.bias"), Written::vector(&bias));
            slope
        }
        Place::Normed { name, norm, slope } => {
            add(
                format!("{name}.weight"),
                Written::new(shape.to_vec(), &weight),
            );
            let each = |value: f32| Written::vector(&vec![value; bias.len()]);
            add(format!("{norm}.weight"), each(1.0));
            add(format!("{norm}.bias"), Written::vector(&bias));
            add(format!("{norm}.running_mean"), each(0.0));
            add(format!("{norm}.running_var"), each(1.0 - NORM_EPSILON));
            let batches = Written {
                dtype: Dtype::I64,
                shape: Vec::new(),
                bytes: vec![0; 8],
            };
            add(format!("{norm}.num_batches_tracked"), batches);
            slope
        }
        Place::Three { name } => {
            for (part, shape, values) in span::unfused(shape, &weight, &bias) {
                add(format!("{name}.{part}"), Written::new(shape, &values));
            }
            &None
        }
        Place::Normalise => {
            match span::norm_of(&weight, &bias) {
                Some(true) => {}
                // The buffer's presence says that the network subtracts no mean.
                Some(false) => add("no_norm".into(), Written::vector(&[0.0])),
                None => {
                    return Err(ExportError::Variant(
                        "SPAN with another mean or range than its own",
                    ));
                }
            }
            &None
        }
    };
    if let (Some(name), Some(slope)) = (slope_name, slope) {
        add(name.clone(), Written::vector(&values(slope)?));
    }
    Ok(())
}
