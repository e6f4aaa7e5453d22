//! The pipeline's colour conversion and bicubic enlargement, as nodes.

use engine::graph::{Builder, Graph, Interpolation, Plan};
use engine::image::colour;
use engine::{Colour, Input, Spec};

use super::writer::{Writer, int, ints};
use super::{INPUT, WriteError, steps};

/// Writes everything from the RGB input to the RGB output; returns the output's name.
pub(super) fn write(
    writer: &mut Writer,
    graph: &Graph,
    plan: &Plan,
    spec: &Spec,
) -> Result<String, WriteError> {
    let enlarged = |writer: &mut Writer, planes: &str, channels| match spec.input {
        Input::LowResolution => Ok(planes.to_string()),
        Input::Upsampled => enlarge(writer, planes, channels, spec.scale, "enlarge/"),
    };
    match spec.colour {
        Colour::Rgb => {
            let rgb = enlarged(writer, INPUT, 3)?;
            steps::write(writer, graph, plan, &rgb, "")
        }
        Colour::Grey => {
            let to_grey = |rgb| [colour::rgb_to_grey(rgb)];
            let grey = convert(writer, INPUT, "rgb_to_grey", to_grey)?;
            let grey = enlarged(writer, &grey, 1)?;
            let grey = steps::write(writer, graph, plan, &grey, "")?;
            let axis = vec![int("axis", 1)];
            Ok(writer.node("Concat", "grey_to_rgb", &[&grey, &grey, &grey], axis))
        }
        Colour::Y => {
            let ycbcr = convert(writer, INPUT, "rgb_to_ycbcr", colour::rgb_to_ycbcr)?;
            let ycbcr = enlarged(writer, &ycbcr, 3)?;
            let lengths = writer.integers("y_and_chroma", &[1, 2])?;
            let inputs = [ycbcr.as_str(), &lengths];
            let axis = vec![int("axis", 1)];
            let parts = ["y", "chroma"];
            let [y, chroma] = writer.node_with_outputs("Split", "split", &inputs, axis, parts);
            let y = steps::write(writer, graph, plan, &y, "")?;
            let chroma = match spec.input {
                Input::LowResolution => enlarge(writer, &chroma, 2, spec.scale, "chroma/")?,
                Input::Upsampled => chroma,
            };
            let axis = vec![int("axis", 1)];
            let ycbcr = writer.node("Concat", "ycbcr", &[&y, &chroma], axis);
            convert(writer, &ycbcr, "ycbcr_to_rgb", colour::ycbcr_to_rgb)
        }
    }
}

/// A colour conversion as a 1×1 convolution; its coefficients are read off the function that the pipeline uses.
fn convert<const N: usize>(
    writer: &mut Writer,
    input: &str,
    name: &str,
    function: impl Fn([f32; 3]) -> [f32; N],
) -> Result<String, WriteError> {
    let bias = function([0.0; 3]);
    let columns = [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]].map(function);
    let rows = (0..N).flat_map(|row| columns.map(|column| column[row] - bias[row]));
    let weight: Vec<f32> = rows.collect();
    let weight = writer.floats(&format!("{name}.weight"), &[N, 3, 1, 1], &weight)?;
    let bias = writer.floats(&format!("{name}.bias"), &[N], &bias)?;
    let kernel = vec![ints("kernel_shape", vec![1; 2])];
    Ok(writer.node("Conv", name, &[input, &weight, &bias], kernel))
}

/// Bicubic enlargement, as the engine's own steps compute it.
fn enlarge(
    writer: &mut Writer,
    input: &str,
    channels: usize,
    scale: usize,
    prefix: &str,
) -> Result<String, WriteError> {
    if scale == 1 {
        return Ok(input.into());
    }
    let mut builder = Builder::new(channels);
    let image = builder.input();
    builder.enlarge(image, scale, Interpolation::Bicubic)?;
    let graph = builder.finish()?;
    // Its weights are computed, not looked up.
    let plan = graph.compile(|_| None)?;
    steps::write(writer, &graph, &plan, input, prefix)
}
