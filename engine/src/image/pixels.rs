//! The two forms of an image: interleaved 8-bit pixels, and planes of floats.

/// The channels of a pixel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Channels {
    /// Grey.
    Grey,
    /// Grey and alpha.
    GreyAlpha,
    /// Red, green and blue.
    Rgb,
    /// Red, green, blue and alpha.
    Rgba,
}

impl Channels {
    /// Bytes per pixel.
    pub fn count(self) -> usize {
        match self {
            Self::Grey => 1,
            Self::GreyAlpha => 2,
            Self::Rgb => 3,
            Self::Rgba => 4,
        }
    }

    /// Whether the last channel is alpha.
    pub fn has_alpha(self) -> bool {
        matches!(self, Self::GreyAlpha | Self::Rgba)
    }

    /// Whether there are red, green and blue.
    pub fn is_colour(self) -> bool {
        matches!(self, Self::Rgb | Self::Rgba)
    }
}

/// An image that cannot be represented.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PixelError {
    /// A side without pixels.
    #[error("an image of {width}×{height} pixels is empty")]
    Empty {
        /// Pixels per row.
        width: usize,
        /// Rows.
        height: usize,
    },
    /// Bytes and sizes disagree.
    #[error("{width}×{height} pixels of {channels} bytes do not fill {length} bytes")]
    Length {
        /// Pixels per row.
        width: usize,
        /// Rows.
        height: usize,
        /// Bytes per pixel.
        channels: usize,
        /// Bytes that were given.
        length: usize,
    },
    /// Larger than the address space.
    #[error("an image of {width}×{height} pixels does not fit into memory")]
    TooLarge {
        /// Pixels per row.
        width: usize,
        /// Rows.
        height: usize,
    },
}

/// An 8-bit image, row by row, the channels of a pixel side by side.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Image {
    /// Pixels per row, at least 1.
    pub width: usize,
    /// Rows, at least 1.
    pub height: usize,
    /// The channels of a pixel.
    pub channels: Channels,
    /// `height · width · channels` bytes.
    pub data: Vec<u8>,
}

impl Image {
    /// An image of these bytes.
    pub fn new(
        width: usize,
        height: usize,
        channels: Channels,
        data: Vec<u8>,
    ) -> Result<Self, PixelError> {
        let length = byte_length(width, height, channels)?;
        if length != data.len() {
            return Err(PixelError::Length {
                width,
                height,
                channels: channels.count(),
                length: data.len(),
            });
        }
        Ok(Self {
            width,
            height,
            channels,
            data,
        })
    }

    /// A black, transparent image; an error if memory does not suffice.
    pub fn blank(width: usize, height: usize, channels: Channels) -> Result<Self, PixelError> {
        let length = byte_length(width, height, channels)?;
        let mut data = Vec::new();
        data.try_reserve_exact(length)
            .map_err(|_| PixelError::TooLarge { width, height })?;
        data.resize(length, 0);
        Ok(Self {
            width,
            height,
            channels,
            data,
        })
    }

    /// The bytes of a pixel.
    pub fn pixel(&self, x: usize, y: usize) -> &[u8] {
        let count = self.channels.count();
        &self.data[(y * self.width + x) * count..][..count]
    }

    /// A part of the image, which has to lie within it.
    pub fn crop(&self, part: Rect) -> Self {
        let pixel = self.channels.count();
        let rows = self.data.chunks_exact(self.width * pixel);
        let mut data = Vec::with_capacity(part.width * part.height * pixel);
        for row in rows.skip(part.y).take(part.height) {
            data.extend_from_slice(&row[part.x * pixel..][..part.width * pixel]);
        }
        Self {
            width: part.width,
            height: part.height,
            channels: self.channels,
            data,
        }
    }

    /// Replaces the part at `place`, which has to lie within the image, by one of the same sides
    /// and channels.
    pub fn paste(&mut self, part: &Self, place: Rect) {
        let pixel = self.channels.count();
        let rows = self.data.chunks_exact_mut(self.width * pixel);
        let from = part.data.chunks_exact(part.width * pixel);
        for (row, from) in rows.skip(place.y).zip(from) {
            row[place.x * pixel..][..from.len()].copy_from_slice(from);
        }
    }

    /// The same image with other channels: grey is repeated, colour becomes BT.601 luma of full
    /// range, alpha is dropped or opaque.
    pub fn to_channels(&self, channels: Channels) -> Self {
        if channels == self.channels {
            return self.clone();
        }
        let mut data = Vec::with_capacity(self.width * self.height * channels.count());
        for pixel in self.data.chunks_exact(self.channels.count()) {
            let alpha = match self.channels.has_alpha() {
                true => pixel[pixel.len() - 1],
                false => 255,
            };
            match (self.channels.is_colour(), channels.is_colour()) {
                (true, true) => data.extend(&pixel[..3]),
                (false, true) => data.extend([pixel[0]; 3]),
                (false, false) => data.push(pixel[0]),
                (true, false) => {
                    let [r, g, b] = [pixel[0], pixel[1], pixel[2]].map(f32::from);
                    data.push((0.299 * r + 0.587 * g + 0.114 * b).round() as u8);
                }
            }
            if channels.has_alpha() {
                data.push(alpha);
            }
        }
        Self {
            channels,
            data,
            ..*self
        }
    }
}

fn byte_length(width: usize, height: usize, channels: Channels) -> Result<usize, PixelError> {
    if width == 0 || height == 0 {
        return Err(PixelError::Empty { width, height });
    }
    width
        .checked_mul(height)
        .and_then(|pixels| pixels.checked_mul(channels.count()))
        .filter(|&length| length <= isize::MAX as usize)
        .ok_or(PixelError::TooLarge { width, height })
}

/// Float planes, one after the other; 8-bit values divided by 255.
#[derive(Clone, Debug, PartialEq)]
pub struct Planes {
    /// Number of planes.
    pub channels: usize,
    /// Values per row.
    pub width: usize,
    /// Rows per plane.
    pub height: usize,
    /// `[channels, height, width]`
    pub data: Vec<f32>,
}

impl Planes {
    /// One plane's values.
    pub fn plane(&self, channel: usize) -> &[f32] {
        let size = self.width * self.height;
        &self.data[channel * size..][..size]
    }

    /// A part of all planes.
    ///
    /// # Panics
    /// If it is not inside.
    pub fn crop(&self, part: Rect) -> Self {
        let rows = (0..self.channels * part.height).flat_map(|i| {
            let (channel, y) = (i / part.height, part.y + i % part.height);
            &self.plane(channel)[y * self.width + part.x..][..part.width]
        });
        Self {
            channels: self.channels,
            width: part.width,
            height: part.height,
            data: rows.copied().collect(),
        }
    }
}

/// A rectangle of pixels.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rect {
    /// Left column.
    pub x: usize,
    /// Top row.
    pub y: usize,
    /// Columns.
    pub width: usize,
    /// Rows.
    pub height: usize,
}

impl Rect {
    /// The whole image.
    pub fn whole(width: usize, height: usize) -> Self {
        Self {
            x: 0,
            y: 0,
            width,
            height,
        }
    }

    /// Grown by `before` pixels to the left and top and `after` pixels to the right and bottom, but not
    /// beyond an image of `width`×`height`.
    pub fn grown(self, [before, after]: [usize; 2], width: usize, height: usize) -> Self {
        let x = self.x.saturating_sub(before);
        let y = self.y.saturating_sub(before);
        Self {
            x,
            y,
            width: (self.x + self.width + after).min(width) - x,
            height: (self.y + self.height + after).min(height) - y,
        }
    }

    /// The same place in an image `scale` times as large.
    pub fn scaled(self, scale: usize) -> Self {
        Self {
            x: self.x * scale,
            y: self.y * scale,
            width: self.width * scale,
            height: self.height * scale,
        }
    }

    /// Some of its rows, from `first` on.
    pub(crate) fn band(self, first: usize, height: usize) -> Self {
        Self {
            y: self.y + first,
            height,
            ..self
        }
    }

    /// The same place as seen from the top left corner of `outer`.
    pub fn within(self, outer: Self) -> Self {
        Self {
            x: self.x - outer.x,
            y: self.y - outer.y,
            ..self
        }
    }
}
