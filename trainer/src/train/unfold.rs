//! The weights of a model file in the form in which its network is trained.
//!
//! A convolution that is trained as several is one in the model file. It becomes several again that compute the same: the
//! file's weight is one of them, others pass maps on, and values whose product with zeros does not count stay random, so
//! that all of them learn.

use super::transfer::Named;

/// The parameters of a network in training, one after the other, that compute what `folded` does; `None` if the network
/// has other differences from its model file, or too few maps between its convolutions.
///
/// `training` are random parameters of the network in training.
pub fn unfold(folded: &[Named], training: Vec<Named>) -> Option<Vec<f32>> {
    let mut values = Vec::new();
    let mut taken = 0;
    for mut parameter in training {
        let find = |path: &str| folded.iter().find(|other| other.path == path);
        if let Some(other) = find(&parameter.path) {
            if other.dims != parameter.dims {
                return None;
            }
            parameter.values.clone_from(&other.values);
            taken += 1;
        } else {
            let (block, part) = parameter.path.rsplit_once('.')?;
            let (weight, kind) = block.rsplit_once('.')?;
            let other = find(&format!("{weight}.Folded"))?;
            match (kind, part) {
                ("Wide", "squeeze") | ("Three", "last") => pass_on(&mut parameter, 1)?,
                ("Three", "first") => pass_on(&mut parameter, 0)?,
                ("Three", "beside") => parameter.values.fill(0.0),
                ("Wide", "expand") => {
                    place(other, &mut parameter)?;
                    without_identity(other, &mut parameter);
                    taken += 1;
                }
                ("Three", "middle") => {
                    place(other, &mut parameter)?;
                    taken += 1;
                }
                _ => return None,
            }
        }
        values.extend(parameter.values);
    }
    (taken == folded.len()).then_some(values)
}

/// Makes the first rows and columns of a matrix the identity; the rest along the longer side, `long`, stays random.
fn pass_on(matrix: &mut Named, long: usize) -> Option<()> {
    let [rows, columns] = matrix.dims[..] else {
        return None;
    };
    let size = if long == 1 { rows } else { columns };
    if matrix.dims[long] < size {
        return None;
    }
    for row in 0..size {
        for column in 0..size {
            matrix.values[row * columns + column] = f32::from(u8::from(row == column));
        }
    }
    Some(())
}

/// Writes a kernel into the first outputs and inputs of a larger one of zeros.
fn place(small: &Named, large: &mut Named) -> Option<()> {
    let ([out, inputs, rows, columns], [wide_out, wide_in, ..]) =
        (&small.dims[..], &large.dims[..])
    else {
        return None;
    };
    if out > wide_out || inputs > wide_in || small.dims[2..] != large.dims[2..] {
        return None;
    }
    let (from, to) = (inputs * rows * columns, wide_in * rows * columns);
    large.values.fill(0.0);
    let targets = large.values.chunks_exact_mut(to);
    for (target, source) in targets.zip(small.values.chunks_exact(from)) {
        target[..from].copy_from_slice(source);
    }
    Some(())
}

/// Subtracts what a wide block adds if it has as many outputs as inputs: the identity.
fn without_identity(folded: &Named, expand: &mut Named) {
    let [out, inputs, rows, columns] = folded.dims[..] else {
        return;
    };
    if out == inputs {
        let taps = rows * columns;
        (0..out).for_each(|c| expand.values[(c * inputs + c) * taps + taps / 2] -= 1.0);
    }
}

#[cfg(test)]
mod tests {
    use burn::tensor::{Device, Tensor, TensorData};
    use model::network::NetworkConfig;

    use super::super::flat;
    use super::super::transfer::named;
    use super::*;

    #[test]
    fn a_network_in_training_computes_what_its_model_file_does() {
        let device = Device::flex();
        for text in [
            "kind = \"span\"\nscale = 2\nwidth = 4",
            "kind = \"plain\"\nscale = 2\nwidth = 4\ndepth = 1\nexpansion = 12\ncolour = \"rgb\"",
            "kind = \"compact\"\nscale = 2\nwidth = 4\ndepth = 1",
        ] {
            let config: NetworkConfig = toml::from_str(text).unwrap();
            let folded = config.fold(&config.init_training(1, &device));
            let training = config.init_training(2, &device);
            let values = unfold(&named(&folded), named(&training)).expect(text);
            let length = values.len();
            let vector = Tensor::from_data(TensorData::new(values, [length]), &device);
            let training = flat::with_parameters(training, vector);
            let image = (0..3 * 9 * 7).map(|i| (i * 37 % 101) as f32 / 100.0);
            let data = TensorData::new(image.collect::<Vec<f32>>(), [1, 3, 9, 7]);
            let input = Tensor::<4>::from_data(data, &device);
            let difference = training.forward(input.clone()) - folded.forward(input);
            let largest = difference.abs().max().into_scalar::<f32>();
            assert!(largest < 1e-4, "{text}: {largest}");
        }
        // Batch normalisation, and fewer maps between the convolutions than behind them.
        for text in [
            "kind = \"srresnet\"\nscale = 2\nwidth = 4\nblocks = 1",
            "kind = \"plain\"\nscale = 2\nwidth = 8\ndepth = 1\nexpansion = 4",
        ] {
            let config: NetworkConfig = toml::from_str(text).unwrap();
            let folded = config.fold(&config.init_training(1, &device));
            let training = named(&config.init_training(2, &device));
            assert!(unfold(&named(&folded), training).is_none(), "{text}");
        }
    }
}
