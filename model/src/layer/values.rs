//! From values to tensors and back.
//!
//! [`Tensor::from_data`] and its like can turn every type into every other, and so a page would carry
//! the code for that. What is f32 on both sides needs none of it; where ndarray is the only device
//! there is, what it has of other types can be left out, too.

use burn::tensor::{Device, Tensor};

#[cfg(any(feature = "train", feature = "wgpu"))]
mod any {
    use burn::backend::Dispatch;
    use burn::backend::ops::FloatTensorOps;
    use burn::tensor::{Device, Tensor, TensorData};

    pub fn tensor<const D: usize>(
        values: Vec<f32>,
        shape: [usize; D],
        device: &Device,
    ) -> Tensor<D> {
        let data = TensorData::new(values, shape);
        Tensor::from_dispatch(Dispatch::float_from_data(data, device.as_dispatch()))
    }

    pub fn values<const D: usize>(tensor: Tensor<D>) -> Option<Vec<f32>> {
        tensor.into_data().try_into_vec().ok()
    }
}

#[cfg(all(feature = "ndarray", not(any(feature = "train", feature = "wgpu"))))]
#[allow(deprecated)]
mod any {
    use burn::backend::NdArray;
    use burn::backend::ndarray::NdArrayTensor;
    use burn::tensor::{Device, Tensor};
    use ndarray::ArcArray;

    pub fn tensor<const D: usize>(values: Vec<f32>, shape: [usize; D], _: &Device) -> Tensor<D> {
        let array = ArcArray::from_shape_vec(shape.to_vec(), values);
        let array = array.expect("a tensor has as many values as its shape says");
        Tensor::from_primitive::<NdArray>(NdArrayTensor::from(array))
    }

    pub fn values<const D: usize>(tensor: Tensor<D>) -> Option<Vec<f32>> {
        match tensor.try_into_primitive::<NdArray>() {
            Ok(NdArrayTensor::F32(storage)) => storage.view().as_slice().map(<[f32]>::to_vec),
            _ => None,
        }
    }
}

/// A tensor of these values, row by row.
pub(crate) fn tensor<const D: usize>(
    values: Vec<f32>,
    shape: [usize; D],
    device: &Device,
) -> Tensor<D> {
    any::tensor(values, shape, device)
}

/// A tensor's values, row by row; `None` where they are no f32.
pub(super) fn values<const D: usize>(tensor: Tensor<D>) -> Option<Vec<f32>> {
    any::values(tensor)
}
