//! Steps that move or average pixels: margins, crops, repeated pixels, means.
//!
//! A file leaves an image's sides open, so nodes compute sizes and indices of its shape.

use engine::graph::Border;

use super::WriteError;
use super::writer::{Writer, int, ints, text};

/// The axes of rows and columns.
const AXES: [i64; 2] = [2, 3];

/// `margin` pixels more on each side.
pub(super) fn pad(
    writer: &mut Writer,
    input: &str,
    name: &str,
    margin: usize,
    border: Border,
) -> Result<String, WriteError> {
    let margin = margin as i64;
    match border {
        // A runtime refuses to reflect images that are not larger than the margin.
        Border::Replicate | Border::Reflect => {
            let sides = [0, 0, margin, margin, 0, 0, margin, margin];
            let pads = writer.integers("pads", &sides)?;
            let mode = if border == Border::Reflect {
                "reflect"
            } else {
                "edge"
            };
            Ok(writer.node("Pad", name, &[input, &pads], vec![text("mode", mode)]))
        }
        Border::Symmetric => {
            let shape = writer.plain("Shape", &format!("{name}/shape"), &[input]);
            let mut padded = input.to_string();
            for (axis, part) in AXES.into_iter().zip(["rows", "columns"]) {
                let name = format!("{name}/{part}");
                let number = writer.integer(&format!("axis_of_{part}"), axis)?;
                let length = writer.plain("Gather", &format!("{name}/length"), &[&shape, &number]);
                let indices = mirrored(writer, &length, &name, margin)?;
                let along = vec![int("axis", axis)];
                padded = writer.node("Gather", &name, &[&padded, &indices], along);
            }
            Ok(padded)
        }
    }
}

/// The index of the pixel that is seen at each place from `margin` before a line's first pixel to `margin` after its
/// last one, for a line of `length` pixels. ONNX's own mirrors leave the border pixel out, and end after one
/// reflection.
fn mirrored(
    writer: &mut Writer,
    length: &str,
    name: &str,
    margin: i64,
) -> Result<String, WriteError> {
    let one = writer.integer("step", 1)?;
    let start = writer.integer("start", -margin)?;
    let margin = writer.integer("margin", margin)?;
    let mut node = |operator: &str, part: &str, inputs: &[&str]| {
        writer.plain(operator, &format!("{name}/{part}"), inputs)
    };
    let end = node("Add", "end", &[length, &margin]);
    let places = node("Range", "places", &[&start, &end, &one]);
    // The mirrored image repeats after twice its length; Mod has the sign of its second operand.
    let period = node("Add", "period", &[length, length]);
    let forwards = node("Mod", "forwards", &[&places, &period]);
    let last = node("Sub", "last", &[&period, &one]);
    let backwards = node("Sub", "backwards", &[&last, &forwards]);
    Ok(node("Min", "indices", &[&forwards, &backwards]))
}

/// Pixels after the last row and column until `multiple` divides both sides; `mode` is that of ONNX's Pad.
pub(super) fn pad_to_multiple(
    writer: &mut Writer,
    input: &str,
    name: &str,
    multiple: usize,
    mode: &str,
) -> Result<String, WriteError> {
    let divisor = writer.integer("multiple", multiple as i64)?;
    let before = writer.integers("no_pads", &[0; 6])?;
    let named = |part: &str| format!("{name}/{part}");
    let sides = sides(writer, input, name);
    let negative = writer.plain("Neg", &named("negative"), &[&sides]);
    // −n mod m is what n lacks of a multiple of m.
    let after = writer.plain("Mod", &named("lacking"), &[&negative, &divisor]);
    let axis = vec![int("axis", 0)];
    let pads = writer.node("Concat", &named("pads"), &[&before, &after], axis);
    let mode = vec![text("mode", mode)];
    Ok(writer.node("Pad", &named("padded"), &[input, &pads], mode))
}

/// The rows and columns that belong to `scale` times the image `of`.
pub(super) fn crop(
    writer: &mut Writer,
    input: &str,
    of: &str,
    name: &str,
    scale: usize,
) -> Result<String, WriteError> {
    let starts = writer.integers("starts", &[0, 0])?;
    let axes = writer.integers("axes", &AXES)?;
    let scale = writer.integer("scale", scale as i64)?;
    let sides = sides(writer, of, name);
    let ends = writer.plain("Mul", &format!("{name}/ends"), &[&sides, &scale]);
    Ok(writer.plain("Slice", name, &[input, &starts, &ends, &axes]))
}

/// The numbers of rows and columns of a value.
fn sides(writer: &mut Writer, value: &str, name: &str) -> String {
    let [first, last] = AXES;
    let range = vec![int("start", first), int("end", last + 1)];
    writer.node("Shape", &format!("{name}/sides"), &[value], range)
}

/// Every pixel `scale` times in each direction.
pub(super) fn repeat(
    writer: &mut Writer,
    input: &str,
    name: &str,
    scale: usize,
) -> Result<String, WriteError> {
    let scales = [1.0, 1.0, scale as f32, scale as f32];
    let scales = writer.floats("scales", &[4], &scales)?;
    let nearest = vec![
        text("coordinate_transformation_mode", "asymmetric"),
        text("mode", "nearest"),
        text("nearest_mode", "floor"),
    ];
    // The second input, a region of interest, is left out.
    Ok(writer.node("Resize", name, &[input, "", &scales], nearest))
}

/// The mean over a window, without the pixels outside the image.
pub(super) fn mean(writer: &mut Writer, input: &str, name: &str, window: usize) -> String {
    let reach = (window / 2) as i64;
    let attributes = vec![
        ints("kernel_shape", vec![window as i64; 2]),
        ints("pads", vec![reach; 4]),
        ints("strides", vec![1; 2]),
        int("count_include_pad", 0),
    ];
    writer.node("AveragePool", name, &[input], attributes)
}
