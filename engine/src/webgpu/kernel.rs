//! What the GPU runs for each step.
//!
//! Channels, kernels and activations are constants of the text, height and width are not: a network
//! compiles once, and steps of the same form share a pipeline.

use std::fmt::{Display, Write};

use super::memory::Layout;
use super::weights;
use crate::graph::{Activation, Border, Conv, Padding, Plan, Step, Value};

/// Rows of pixels that a thread of a convolution computes.
const ROWS: usize = 4;
/// Blocks of four output channels that a thread of a convolution computes, at most.
const MAX_BLOCKS: usize = 2;
/// Threads of a workgroup in x and y; the shaders say the same.
pub const WORKGROUP: [usize; 2] = [16, 4];

/// One dispatch. Its bindings: the input's size; its weights, if it has any; what it reads; its
/// result.
pub struct Kernel {
    /// WGSL.
    pub text: String,
    /// See [`weights::pack`].
    pub weights: Option<Vec<f32>>,
    /// What it reads.
    pub reads: Vec<Value>,
    /// What it writes.
    pub result: Value,
    /// Rows of pixels a thread.
    pub rows: usize,
    /// Threads in z, each of which computes some blocks of channels.
    pub depth: usize,
}

/// The kernels of all steps, in order.
pub fn kernels(plan: &Plan, half: bool) -> Vec<Kernel> {
    let mut kernels = Vec::new();
    for (number, step) in plan.steps().iter().enumerate() {
        let writer = Writer {
            plan,
            half,
            result: number + 1,
        };
        let from = |value: Value| plan.extents()[value];
        match step {
            Step::Conv(conv) => kernels.push(writer.conv(conv)),
            Step::Add { a, b } => {
                kernels.push(writer.whole(&[*a, *b], "", include_str!("add.wgsl")))
            }
            Step::Shuffle { input, scale, skip } => {
                let skipped = match skip {
                    Some(_) => "b_load(block, y / S, x / S)",
                    None => "vec4<f32>()",
                };
                let body = fill(include_str!("shuffle.wgsl"), &[("skip", &skipped)]);
                let lanes = from(writer.result).channels.min(4);
                let constants = format!("const S = {scale}u;\nconst LANES = {lanes}u;\n");
                let reads: Vec<Value> = std::iter::once(*input).chain(*skip).collect();
                kernels.push(writer.whole(&reads, &constants, &body));
            }
            Step::Pad {
                input,
                margin,
                border,
            } => {
                let mirrored = *border == Border::Symmetric;
                let constants = format!("const MARGIN = {margin};\nconst MIRRORED = {mirrored};\n");
                kernels.push(writer.whole(&[*input], &constants, include_str!("pad.wgsl")));
            }
            Step::Concat { inputs } => {
                let mut first = 0;
                for &input in inputs {
                    let (channels, shift) = (from(input).channels, first % 4);
                    let constants =
                        format!("const SHIFT = {shift}u;\nconst CHANNELS = {channels}u;\n");
                    let blocks = first / 4..(first + channels).div_ceil(4);
                    let body = include_str!("concat.wgsl");
                    kernels.push(writer.each(&[input], blocks, &constants, body));
                    first += channels;
                }
            }
        }
    }
    kernels
}

/// Writes the text of one step.
struct Writer<'a> {
    plan: &'a Plan,
    half: bool,
    result: Value,
}

impl Writer<'_> {
    /// The precision, the input's size, and how values are read and the result is written.
    fn head(&self, reads: &[Value], first_binding: usize) -> String {
        let mut text = String::from(match self.half {
            true => "enable f16;\nalias T = f16;\n",
            false => "alias T = f32;\n",
        });
        text += "@group(0) @binding(0) var<uniform> size: vec2<u32>;\n";
        for (i, (&value, name)) in reads.iter().zip(["a", "b"]).enumerate() {
            text += &self.view(value, name, first_binding + i, "read");
        }
        text += &self.view(
            self.result,
            "result",
            first_binding + reads.len(),
            "read_write",
        );
        let channels = self.plan.extents()[self.result].channels;
        let _ = writeln!(text, "\nconst RESULT_CHANNELS = {channels}u;");
        text + match Layout::of(self.plan, self.result) {
            Layout::Planes => include_str!("store_planes.wgsl"),
            Layout::Blocks => include_str!("store_blocks.wgsl"),
        }
    }

    fn view(&self, value: Value, name: &str, binding: usize, access: &str) -> String {
        let extent = self.plan.extents()[value];
        let layout = Layout::of(self.plan, value);
        let (element, step, at) = match layout {
            Layout::Blocks => ("vec4<T>", 1, format!("{name}[i & mask]")),
            Layout::Planes => {
                let lane = |lane: usize| match lane < extent.channels {
                    true => format!("T({name}[(i + {lane}u * plane) & mask])"),
                    false => "0".into(),
                };
                let at = format!(
                    "vec4<T>({}, {}, {}, {})",
                    lane(0),
                    lane(1),
                    lane(2),
                    lane(3)
                );
                ("f32", 4, at)
            }
        };
        let values: [(&str, &dyn Display); 10] = [
            ("name", &name),
            ("channels", &extent.channels),
            ("scale", &extent.scale),
            ("margin", &extent.margin),
            ("binding", &binding),
            ("access", &access),
            ("element", &element),
            ("origin", &layout.origin()),
            ("step", &step),
            ("at", &at),
        ];
        fill(include_str!("view.wgsl"), &values)
    }

    /// One thread for each pixel of each block of four channels.
    fn whole(&self, reads: &[Value], constants: &str, body: &str) -> Kernel {
        let blocks = self.plan.extents()[self.result].channels.div_ceil(4);
        self.each(reads, 0..blocks, constants, body)
    }

    /// The same, for some of the result's blocks; `body` says what a pixel is.
    fn each(
        &self,
        reads: &[Value],
        blocks: std::ops::Range<usize>,
        constants: &str,
        body: &str,
    ) -> Kernel {
        let head = self.head(reads, 1);
        let first = blocks.start;
        let main = include_str!("each.wgsl");
        Kernel {
            text: format!("{head}\n{constants}const FIRST_BLOCK = {first}u;\n{body}{main}"),
            weights: None,
            reads: reads.to_vec(),
            result: self.result,
            rows: 1,
            depth: blocks.len(),
        }
    }

    fn conv(&self, conv: &Conv) -> Kernel {
        let channels = self.plan.extents()[conv.input].channels;
        let all = conv.channels_out.div_ceil(4);
        let blocks = (1..=MAX_BLOCKS)
            .rev()
            .find(|n| all.is_multiple_of(*n))
            .unwrap_or(1);
        let reads: Vec<Value> = std::iter::once(conv.input).chain(conv.add).collect();
        let weights = weights::pack(conv, channels, blocks);
        let (k, depth) = (conv.k, all / blocks);
        let pad = match conv.padding {
            Padding::Same => k / 2,
            Padding::Valid => 0,
        };
        let slopes = usize::from(matches!(conv.activation, Activation::PRelu(_)));
        let activation = match conv.activation {
            Activation::None => "z",
            Activation::Relu => "max(z, vec4<f32>())",
            Activation::PRelu(_) => "select(slope * z, z, z > vec4<f32>())",
            // Clamped where they have long reached their ends: overflow is nobody's promise.
            Activation::Sigmoid => {
                "1.0 / (1.0 + exp(-clamp(z, vec4<f32>(-30.0), vec4<f32>(30.0))))"
            }
            Activation::Tanh => "tanh(clamp(z, vec4<f32>(-15.0), vec4<f32>(15.0)))",
        };

        let mut text = self.head(&reads, 2);
        let constants = [
            ("K", k),
            ("PAD", pad),
            ("ROWS", ROWS),
            ("BLOCKS", blocks),
            ("HEAD_LENGTH", (1 + slopes) * blocks),
            ("GROUP_LENGTH", weights.len() / 4 / depth),
        ];
        for (name, value) in constants {
            let _ = writeln!(text, "const {name} = {value}u;");
        }
        let mut taps = String::new();
        if channels >= 4 {
            taps += &self.taps(0, channels / 4, k, blocks, 4);
        }
        if !channels.is_multiple_of(4) {
            taps += &self.taps(channels / 4, channels / 4 + 1, k, blocks, channels % 4);
        }
        let parts: [(&str, &dyn Display); 4] = [
            ("activation", &activation),
            ("begin", &begin(k, blocks)),
            ("taps", &taps),
            ("end", &end(blocks, slopes, conv.add.is_some())),
        ];
        text += &fill(include_str!("conv.wgsl"), &parts);
        Kernel {
            text,
            weights: Some(weights),
            reads,
            result: self.result,
            rows: ROWS,
            depth,
        }
    }

    /// The sums over some blocks of the input, of each of which `lanes` channels count.
    fn taps(&self, first: usize, last: usize, k: usize, blocks: usize, lanes: usize) -> String {
        let mut sums = String::new();
        let mut line = |text: String| {
            sums += "                ";
            sums += &text;
            sums += "\n";
        };
        for row in 0..ROWS + k - 1 {
            line(format!(
                "let v{row} = a_at(base + column + row{row}, mask{row});"
            ));
        }
        // In f16 a column's products are summed in f16, the columns' sums in f32.
        let sum = if self.half { 't' } else { 's' };
        let each = || (0..blocks).flat_map(|block| (0..ROWS).map(move |row| (block, row)));
        if self.half {
            each().for_each(|(b, row)| line(format!("var t{b}_{row} = vec4<T>();")));
        }
        for (tap, (y, lane)) in (0..k)
            .flat_map(|y| (0..lanes).map(move |l| (y, l)))
            .enumerate()
        {
            for b in 0..blocks {
                let n = tap * blocks + b;
                line(format!("let w{n} = weights[n + {n}u];"));
                for row in 0..ROWS {
                    let (pixel, channel) = (row + y, ["x", "y", "z", "w"][lane]);
                    line(format!("{sum}{b}_{row} += w{n} * v{pixel}.{channel};"));
                }
            }
        }
        if self.half {
            each().for_each(|(b, row)| line(format!("s{b}_{row} += vec4<f32>(t{b}_{row});")));
        }
        let parts: [(&str, &dyn Display); 4] = [
            ("first", &first),
            ("last", &last),
            ("length", &(k * lanes * blocks)),
            ("sums", &sums),
        ];
        fill(include_str!("conv_taps.wgsl"), &parts)
    }
}

/// Puts values into the places of a text that are called `$name`; no name may begin another one.
fn fill(template: &str, values: &[(&str, &dyn Display)]) -> String {
    let mut parts = template.split('$');
    let mut text = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        for (name, value) in values {
            if let Some(rest) = part.strip_prefix(name) {
                let _ = write!(text, "{value}{rest}");
            }
        }
    }
    text
}

/// Where the rows that a thread reads begin, and its sums, which begin with the bias.
fn begin(k: usize, blocks: usize) -> String {
    let mut text = String::new();
    for row in 0..ROWS + k - 1 {
        // Wraps around above the picture.
        let _ = writeln!(
            text,
            "    let row{row} = (y + {row}u - PAD) * input.x;\n    \
             let mask{row} = select(0u, 0xffffffffu, y + {row}u - PAD < input.y);"
        );
    }
    for block in 0..blocks {
        for row in 0..ROWS {
            let _ = writeln!(
                text,
                "    var s{block}_{row} = vec4<f32>(weights[head + {block}u]);"
            );
        }
    }
    text
}

/// What becomes of the sums.
fn end(blocks: usize, slopes: usize, add: bool) -> String {
    let mut text = String::new();
    for block in 0..blocks {
        let slope = match slopes {
            0 => "vec4<f32>()".into(),
            _ => format!("vec4<f32>(weights[head + BLOCKS + {block}u])"),
        };
        let _ = writeln!(text, "    let slope{block} = {slope};");
        for row in 0..ROWS {
            let place = format!("first + {block}u, y + {row}u, x");
            let add = match add {
                true => format!(" + b_load({place})"),
                false => String::new(),
            };
            let _ = writeln!(
                text,
                "    if (y + {row}u < output.y) {{\n        \
                 result_store({place}, activate(s{block}_{row}, slope{block}){add});\n    }}"
            );
        }
    }
    text
}
