//! Making outlines.

use super::outline::Sizes;
use super::{
    ActivationDraft, Border, ConvDraft, Extent, Interpolation, Kernel, Outline, Padding, Step,
    Value,
};

/// A step that does not fit what it reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a step of the network's plan does not fit: {0}")]
pub struct Misfit(&'static str);

fn check(holds: bool, what: &'static str) -> Result<(), Misfit> {
    if holds { Ok(()) } else { Err(Misfit(what)) }
}

/// Most maps of a value, pixels of a kernel's side or a margin, factor of a shuffle, and steps: a file
/// that claims more is damaged.
const MOST_MAPS: usize = 1 << 14;
const MOST_PX: usize = 63;
const MOST_SCALE: usize = 16;
const MOST_STEPS: usize = 1 << 12;

/// Puts an [`Outline`] together, step by step.
#[derive(Clone, Debug)]
pub struct Builder {
    steps: Vec<Step<ConvDraft>>,
    extents: Vec<Extent>,
}

impl Builder {
    /// A plan whose input, the value 0, has so many channels.
    pub fn new(channels: usize) -> Self {
        Self {
            steps: Vec::new(),
            extents: vec![Extent {
                channels,
                scale: 1,
                margin: 0,
            }],
        }
    }

    /// The network's input.
    pub fn input(&self) -> Value {
        0
    }

    /// What is known of a value.
    pub fn extent(&self, value: Value) -> Result<Extent, Misfit> {
        let extent = self.extents.get(value).copied();
        extent.ok_or(Misfit("it reads a value that is not there yet"))
    }

    fn push(&mut self, step: Step<ConvDraft>, extent: Extent) -> Result<Value, Misfit> {
        let maps = (1..=MOST_MAPS).contains(&extent.channels);
        check(maps, "it has no maps, or too many")?;
        let scale = (1..=MOST_SCALE).contains(&extent.scale);
        check(scale, "it enlarges too much")?;
        check(self.steps.len() < MOST_STEPS, "there are too many steps")?;
        self.steps.push(step);
        self.extents.push(extent);
        Ok(self.steps.len())
    }

    /// A convolution.
    pub fn conv(&mut self, conv: ConvDraft) -> Result<Value, Misfit> {
        let input = self.extent(conv.input)?;
        if let Kernel::Parameter { weight, bias, .. } = &conv.kernel {
            let [a, b, k, k_again] = weight.shape;
            let sensible = a.max(b) <= MOST_MAPS && a.min(b) > 0;
            check(sensible, "its weight has no maps, or too many")?;
            check(
                k == k_again && (1..=MOST_PX).contains(&k),
                "its kernel is no square",
            )?;
            let biases = bias.as_ref().map_or(1, |bias| bias.shape[0]);
            check(biases > 0, "it has no biases")?;
        }
        let Sizes {
            channels_in,
            channels_out,
            k,
            ..
        } = conv.kernel.sizes();
        check(
            channels_in == input.channels,
            "it reads other maps than there are",
        )?;
        check(
            k % 2 == 1 && k <= MOST_PX,
            "its kernel has no middle, or is too large",
        )?;
        let divides = |count: usize| count > 0 && channels_out.is_multiple_of(count);
        if let Kernel::Parameter {
            bias: Some(bias), ..
        } = &conv.kernel
        {
            check(
                divides(bias.shape[0]),
                "its biases are not one for each map",
            )?;
        }
        if let ActivationDraft::PRelu(slope) = &conv.activation {
            check(
                divides(slope.shape[0]),
                "its slopes are not one for each map",
            )?;
        }
        let lost = match conv.padding {
            Padding::Same => 0,
            Padding::Valid => k / 2,
        };
        check(input.margin >= lost, "a picture would lose its border")?;
        let extent = Extent {
            channels: channels_out,
            margin: input.margin - lost,
            ..input
        };
        if let Some(add) = conv.add {
            check(
                self.extent(add)? == extent,
                "what is added has another size",
            )?;
        }
        self.push(Step::Conv(conv), extent)
    }

    /// A sub-pixel shuffle, and what is added to it enlarged.
    pub fn shuffle(
        &mut self,
        input: Value,
        scale: usize,
        skip: Option<Value>,
    ) -> Result<Value, Misfit> {
        let from = self.extent(input)?;
        check((1..=MOST_SCALE).contains(&scale), "it enlarges too much")?;
        let phases = scale * scale;
        check(
            from.channels.is_multiple_of(phases),
            "its maps make no whole pixels",
        )?;
        check(from.margin == 0, "a margin cannot be shuffled")?;
        let channels = from.channels / phases;
        if let Some(skip) = skip {
            let fits = self.extent(skip)? == Extent { channels, ..from };
            check(fits, "what is added has another size")?;
        }
        let extent = Extent {
            channels,
            scale: from.scale * scale,
            margin: 0,
        };
        let step = Step::Shuffle { input, scale, skip };
        self.push(step, extent)
    }

    /// A sum; part of the convolution that was made last, if it is one of the two.
    pub fn add(&mut self, a: Value, b: Value) -> Result<Value, Misfit> {
        let extent = self.extent(a)?;
        check(extent == self.extent(b)?, "what is added has another size")?;
        let last = self.steps.len();
        let other = if a == last { b } else { a };
        match self.steps.last_mut() {
            Some(Step::Conv(conv)) if (a == last) != (b == last) && conv.add.is_none() => {
                conv.add = Some(other);
                Ok(last)
            }
            _ => self.push(Step::Add { a, b }, extent),
        }
    }

    /// Maps side by side.
    pub fn concat(&mut self, inputs: Vec<Value>) -> Result<Value, Misfit> {
        let first = *inputs.first().ok_or(Misfit("it puts nothing together"))?;
        let first = self.extent(first)?;
        let mut channels = 0;
        for &value in &inputs {
            let extent = self.extent(value)?;
            channels += extent.channels;
            let fits = [extent.scale, extent.margin] == [first.scale, first.margin];
            check(fits, "maps side by side are of one size")?;
        }
        self.push(Step::Concat { inputs }, Extent { channels, ..first })
    }

    /// A margin around a picture.
    pub fn pad(&mut self, input: Value, margin: usize, border: Border) -> Result<Value, Misfit> {
        let from = self.extent(input)?;
        check(from.margin == 0, "it has a margin already")?;
        check((1..=MOST_PX).contains(&margin), "its margin is too large")?;
        let step = Step::Pad {
            input,
            margin,
            border,
        };
        self.push(step, Extent { margin, ..from })
    }

    /// The maps `[c·s², h, w]` of which a shuffle makes the enlargement of `input [c, h, w]`: each
    /// is a phase of the enlarged picture, which is a small convolution of the input.
    pub fn enlarge(
        &mut self,
        input: Value,
        scale: usize,
        interpolation: Interpolation,
    ) -> Result<Value, Misfit> {
        let channels = self.extent(input)?.channels;
        let border = match interpolation {
            Interpolation::Nearest | Interpolation::Bilinear => Border::Replicate,
            Interpolation::Bicubic => Border::Symmetric,
        };
        let padded = match interpolation.reach_px() {
            0 => input,
            margin => self.pad(input, margin, border)?,
        };
        self.conv(ConvDraft {
            input: padded,
            kernel: Kernel::Enlarge {
                channels,
                scale,
                interpolation,
            },
            padding: Padding::Valid,
            activation: ActivationDraft::None,
            add: None,
        })
    }

    /// The outline, whose result is the value that was made last.
    pub fn finish(self) -> Result<Outline, Misfit> {
        let Self { steps, extents } = self;
        check(!steps.is_empty(), "there are no steps")?;
        let mut read = vec![false; extents.len()];
        for value in steps.iter().flat_map(Step::inputs) {
            read[value] = true;
        }
        let all_read = read[..steps.len()].iter().all(|read| *read);
        check(all_read, "nobody reads a value")?;
        check(extents[steps.len()].margin == 0, "its result has a margin")?;
        Ok(Outline { steps, extents })
    }
}
