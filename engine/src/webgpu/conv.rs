//! The kernel of a convolution.

use super::program::Program;
use super::weights::{Channels, Packing, Weights, activation_numbers, activation_text};
use crate::graph::{Conv, Padding, Value};

/// Rows of pixels that a thread computes.
const ROWS: usize = 4;

/// Blocks of four output channels that a thread computes, if they are an even number.
const BLOCKS: usize = 2;

/// Side of the largest kernel whose taps are written out one by one: a thread keeps the pixels of a column
/// in registers.
const LONGEST_COLUMN: usize = 9;

impl<'a> Program<'a> {
    pub(super) fn conv(&mut self, conv: &'a Conv, result: Value) {
        let channels_in = self.channels(conv.input);
        let depthwise =
            conv.groups > 1 && conv.groups == channels_in && conv.groups == conv.channels_out;
        let parts = self.parts(conv.input);
        let all = conv.channels_out.div_ceil(4);
        // Two blocks that do not lie in the same group would double the zeros among the weights.
        let paired = all.is_multiple_of(BLOCKS)
            && (conv.groups == 1 || (conv.channels_out / conv.groups).is_multiple_of(4 * BLOCKS));
        let blocks = if paired { BLOCKS } else { 1 };
        let channels = if depthwise {
            Channels::Depthwise
        } else if conv.groups == 1 {
            Channels::Parts(parts.iter().map(|part| self.channels(*part)).collect())
        } else {
            Channels::grouped(conv, channels_in, blocks)
        };
        let packing = Packing {
            conv,
            blocks,
            channels,
            numbers: activation_numbers(&conv.activation),
        };
        let numbers = packing.numbers.len();
        let length = packing.chunk_length();
        let reads: Vec<usize> = parts.iter().copied().chain(conv.add).collect();
        let weights = Weights::Conv(packing);
        let mut text = self.head(&reads, result, &weights);
        let unrolled = conv.dilation == 1 && conv.k <= LONGEST_COLUMN;
        text.set("ROWS", ROWS).set("BLOCKS", blocks);
        text.set("NUMBERS", numbers)
            .set("HEAD", (1 + numbers) * blocks);
        text.set("LENGTH", length).set("K", conv.k);
        text.set("DILATION", conv.dilation);
        text.set("WINDOW", ROWS + conv.k - 1);
        text.set(
            "PAD",
            match conv.padding {
                Padding::Same => conv.reach_px(),
                Padding::Valid => 0,
            },
        );
        text.set_if("DENSE", !depthwise);
        text.set_if("ADD", conv.add.is_some())
            .set("ADDED", parts.len());
        text.add(activation_text(&conv.activation));
        text.add(include_str!("shaders/conv/begin.wgsl"));
        let taps = if unrolled {
            text.add(include_str!("shaders/conv/rows.wgsl"));
            include_str!("shaders/conv/taps.wgsl")
        } else {
            include_str!("shaders/conv/far_taps.wgsl")
        };
        let Weights::Conv(Packing { channels, .. }) = &weights else {
            return;
        };
        match channels {
            Channels::Parts(parts) => {
                for (i, channels) in parts.iter().enumerate() {
                    text.set("INPUT", i);
                    // Whole blocks, then a block that is not full.
                    let [full, rest] = [channels / 4, channels % 4];
                    for (begin, end, lanes) in [(0, full, 4), (full, full + 1, rest)] {
                        if begin < end && lanes > 0 {
                            text.set("BEGIN", begin).set("END", end).set("LANES", lanes);
                            text.add(include_str!("shaders/conv/blocks.wgsl")).add(taps);
                        }
                    }
                }
            }
            Channels::Grouped { span } => {
                text.set("INPUT", 0).set("LANES", 4).set("SPAN", *span);
                text.set("END", channels_in.div_ceil(4));
                text.set("OUTPUTS", 4 * blocks);
                text.set("GROUP_IN", channels_in / conv.groups);
                text.set("GROUP_OUT", conv.channels_out / conv.groups);
                text.add(include_str!("shaders/conv/blocks_grouped.wgsl"));
                text.add(taps);
            }
            Channels::Depthwise => {
                text.set("INPUT", 0).set("LANES", 1);
                text.add(include_str!("shaders/conv/blocks_depthwise.wgsl"));
                text.add(taps);
            }
        }
        text.add(include_str!("shaders/conv/end.wgsl"));
        self.push(text, weights, reads, result, [ROWS, all / blocks]);
    }
}
