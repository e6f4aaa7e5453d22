//! Enlargement by interpolation.

use std::rc::Rc;

use engine::graph::Border;

use super::conv::Kernels;
use super::window::Window;
use crate::onnx::read::error::{Problem, operand};
use crate::onnx::read::layers::{Id, Op, Weights};
use crate::onnx::read::node::{Node, Value};
use crate::onnx::read::tensor::Tensor;
use crate::onnx::read::trace::Tracer;

/// Largest factor.
const MAX_SCALE: usize = 16;

impl Tracer<'_> {
    pub(super) fn resize(&mut self, node: &Node) -> Result<Value, Problem> {
        let id = self.maps(node.input(0)?)?;
        let scale = self.factor(node, id)?;
        let coordinates = match (node.operator(), node.opset) {
            // Older versions have no choice.
            ("Upsample", _) | (_, ..11) => "asymmetric".into(),
            _ => node.word("coordinate_transformation_mode", "half_pixel"),
        };
        node.expect_int("antialias", 0, 0, "0")?;
        let mode = node.word("mode", "nearest");
        if scale == 1 {
            return Ok(self.value(id));
        }
        let id = match &mode[..] {
            "nearest" => {
                let rounding = match (node.operator(), node.opset) {
                    ("Upsample", _) | (_, ..11) => "floor".into(),
                    _ => node.word("nearest_mode", "round_prefer_floor"),
                };
                if !repeats_pixels(&coordinates, &rounding, scale) {
                    return Err(Problem::attribute(
                        "coordinate_transformation_mode and nearest_mode",
                        format!("{coordinates} with {rounding}"),
                        "combinations that repeat each pixel",
                    ));
                }
                let [channels, rows, columns] = self.layers.shape(id);
                let input = id;
                let shape = [channels, rows * scale, columns * scale];
                self.layers.push(Op::Repeat { input, scale }, shape)?
            }
            // The name of old versions comes first.
            "bilinear" | "linear" => {
                let shift = match &coordinates[..] {
                    // Phase i lies at (i + 1/2) / scale − 1/2 pixels.
                    "half_pixel" | "pytorch_half_pixel" | "half_pixel_symmetric" => 0.5,
                    "asymmetric" => 0.0,
                    other => {
                        return Err(Problem::attribute(
                            "coordinate_transformation_mode",
                            other,
                            "half_pixel, pytorch_half_pixel, half_pixel_symmetric and asymmetric",
                        ));
                    }
                };
                self.enlarge(id, scale, shift, node.name())?
            }
            other => return Err(Problem::attribute("mode", other, "nearest and linear")),
        };
        Ok(self.value(id))
    }

    /// The factor by which a node enlarges rows and columns.
    fn factor(&self, node: &Node, id: Id) -> Result<usize, Problem> {
        let [channels, rows, columns] = self.layers.shape(id);
        let image = [self.batch, channels, rows, columns];
        let is_old = node.operator() == "Upsample" || node.opset < 11;
        let given =
            |i| Ok::<_, Problem>(node.optional_constant(i)?.filter(|tensor| tensor.len() > 0));
        let (scales, sizes): (Option<&Rc<Tensor>>, _) = match is_old {
            true => (given(1)?, None),
            false => (given(2)?, given(3)?),
        };
        let policy = node.word("keep_aspect_ratio_policy", "stretch");
        if policy != "stretch" {
            return Err(Problem::attribute(
                "keep_aspect_ratio_policy",
                policy,
                "stretch",
            ));
        }
        let axes = match node.ints("axes") {
            Some(axes) => axes
                .iter()
                .map(|axis| node.axis(*axis, 4))
                .collect::<Result<_, _>>()?,
            None => vec![0, 1, 2, 3],
        };
        let old = node.attribute("scales").map(|found| found.floats.clone());
        let factors: Vec<f64> = match (scales, sizes, old) {
            (_, Some(sizes), _) => {
                let sizes = sizes.to_ints()?.iter().zip(&axes);
                sizes
                    .map(|(size, axis)| *size as f64 / image[*axis] as f64)
                    .collect()
            }
            (Some(scales), None, _) => scales.to_floats().iter().map(|n| f64::from(*n)).collect(),
            (None, None, Some(scales)) => scales.iter().map(|n| f64::from(*n)).collect(),
            (None, None, None) => return Err(operand!("has neither scales nor sizes")),
        };
        let mut all = [1.0; 4];
        for (factor, axis) in factors.iter().zip(&axes) {
            all[*axis] = *factor;
        }
        let [batch, maps, down, right] = all;
        let whole = down.round();
        // Scales that were computed of sizes are not exact.
        let fits = factors.len() == axes.len()
            && [batch, maps] == [1.0, 1.0]
            && (down - right).abs() < 1e-6
            && (down - whole).abs() < 1e-6
            && (1.0..=MAX_SCALE as f64).contains(&whole);
        match fits {
            true => Ok(whole as usize),
            false => Err(Problem::attribute(
                "scales",
                format!("{all:?}"),
                "1, 1 and twice the same whole number up to 16",
            )),
        }
    }

    /// Linear interpolation: each of the scale² phases is a small convolution of the image, whose border is repeated.
    fn enlarge(&mut self, id: Id, scale: usize, shift: f64, name: &str) -> Result<Id, Problem> {
        let [channels, rows, columns] = self.layers.shape(id);
        let taps = |phase: usize| {
            let at = (phase as f64 + shift) / scale as f64 - shift;
            let weight = |pixel: f64| (1.0 - (at - pixel).abs()).max(0.0);
            [-1.0, 0.0, 1.0].map(weight)
        };
        let count = self.budget.charge_product(&[channels, scale * scale, 9])?;
        let mut phases = Vec::new();
        for (y, x) in (0..scale).flat_map(|y| (0..scale).map(move |x| (y, x))) {
            let products = taps(y).map(|row| taps(x).map(|column| (row * column) as f32));
            phases.extend(products.into_iter().flatten());
        }
        let weight = phases.iter().copied().cycle().take(count).collect();
        let input = id;
        let padded = self.layers.push(
            Op::Pad {
                input,
                sides: [1; 4],
                border: Some(Border::Replicate),
            },
            [channels, rows + 2, columns + 2],
        )?;
        let window = Window {
            taps: [3, 3],
            stride: 1,
            dilation: [1, 1],
            pads: [0; 4],
        };
        let kernels = Kernels {
            weight: Weights::new(&format!("{name}.weight"), weight),
            bias: None,
            groups: channels,
        };
        let phases = self.convolve(padded, window, kernels)?;
        self.layers.shuffle(phases, scale)
    }
}

/// Whether pixel scale·q + i of a nearest-neighbour enlargement is pixel q of the image, for all i below the scale.
fn repeats_pixels(coordinates: &str, rounding: &str, scale: usize) -> bool {
    match (coordinates, rounding) {
        // Pixel i lies at q + (i + 1/2) / scale − 1/2, less than half a pixel from q.
        (
            "half_pixel" | "pytorch_half_pixel" | "half_pixel_symmetric",
            "round_prefer_floor" | "round_prefer_ceil",
        ) => true,
        // It lies at q + i / scale,
        ("asymmetric", "floor") => true,
        // which is at most half a pixel from q.
        ("asymmetric", "round_prefer_floor") => scale <= 2,
        // Pixels 2q and 2q + 1 lie q / (2h − 1) before q and (h − 1 − q) / (2h − 1) after it, of h pixels in all.
        ("align_corners", "round_prefer_floor" | "round_prefer_ceil") => scale == 2,
        // It lies at q + (i + 1/2) / scale.
        ("tf_half_pixel_for_nn", "floor") => true,
        _ => false,
    }
}
