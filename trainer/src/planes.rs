//! Images as RGB planes with values in 0…1, and back.

use burn::tensor::{Device, Tensor, TensorData};
use engine::image::{Channels, Image, Planes, colour};

/// An RGB image's planes.
pub(crate) fn to_planes(image: &Image) -> Planes {
    let value = |channel: usize| {
        let bytes = image.data.iter().skip(channel).step_by(3);
        bytes.map(|byte| f32::from(*byte) / 255.0)
    };
    Planes {
        channels: 3,
        width: image.width,
        height: image.height,
        data: (0..3).flat_map(value).collect(),
    }
}

/// An image of any channels as a tensor `[1, 3, h, w]`.
pub(crate) fn to_tensor(image: &Image, device: &Device) -> Tensor<4> {
    let planes = to_planes(&image.to_channels(Channels::Rgb));
    let shape = [1, 3, image.height, image.width];
    Tensor::from_data(TensorData::new(planes.data, shape), device)
}

/// Three planes as an RGB image, rounded and clamped.
pub(crate) fn to_image(planes: &Planes) -> anyhow::Result<Image> {
    let channels = [0, 1, 2].map(|channel| planes.plane(channel));
    let data = (0..planes.width * planes.height)
        .flat_map(|i| channels.map(|plane| colour::to_byte(plane[i])))
        .collect();
    Ok(Image::new(
        planes.width,
        planes.height,
        Channels::Rgb,
        data,
    )?)
}
