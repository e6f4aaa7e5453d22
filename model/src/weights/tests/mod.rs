//! Small files of both formats, good ones here and hostile ones in `hostile` and `zip`.

use std::borrow::Cow;

use super::*;
use build::{Pickle, archive, legacy, legacy_start, numbers, one_tensor, zipped};

mod build;
mod hostile;
mod zip;

/// The error of a file that is refused.
fn refused(bytes: &[u8]) -> WeightsError {
    match read(bytes) {
        Ok(tensors) => panic!("{} tensors were read", tensors.len()),
        Err(error) => error,
    }
}

/// Values of the only tensor.
fn values(bytes: &[u8]) -> Vec<f32> {
    let tensors = read(bytes).unwrap();
    assert_eq!(tensors.len(), 1);
    tensors[0].values().unwrap()
}

#[test]
fn reads_both_formats_of_pytorch() {
    let pickle = one_tensor(0, &[4, 4], &[4, 1]);
    for (file, format) in [
        (zipped(&pickle), Format::TorchZip),
        (legacy(&pickle, 16), Format::TorchPickle),
    ] {
        assert_eq!(Format::of(&file), Some(format));
        let tensors = read(&file).unwrap();
        assert_eq!(tensors.len(), 1);
        let tensor = &tensors[0];
        assert_eq!(tensor.name, "weight");
        assert_eq!(tensor.shape, [4, 4]);
        assert_eq!(tensor.element, Element::Single);
        assert!(
            matches!(tensor.bytes, Cow::Borrowed(_)),
            "the elements are copied"
        );
        assert_eq!(tensor.bytes, numbers());
        assert_eq!(tensor.values().unwrap()[5], 5.0);
    }
}

#[test]
fn reads_safetensors() {
    use ::safetensors::{Dtype, serialize, tensor::TensorView};
    let numbers = numbers();
    let tensors = [
        (
            "b",
            TensorView::new(Dtype::F32, vec![2, 8], &numbers).unwrap(),
        ),
        ("a", TensorView::new(Dtype::I64, vec![8], &numbers).unwrap()),
    ];
    let file = serialize(tensors, None).unwrap();
    assert_eq!(Format::of(&file), Some(Format::Safetensors));
    let tensors = read(&file).unwrap();
    assert_eq!(tensors[0].name, "a");
    assert_eq!(tensors[0].element, Element::Other("int64"));
    let text = tensors[0].values().unwrap_err().to_string();
    assert!(text.contains("of type int64"), "{text}");
    assert_eq!(tensors[1].shape, [2, 8]);
    assert_eq!(tensors[1].values().unwrap()[15], 15.0);
    for length in 0..file.len() {
        let error = refused(&file[..length]);
        assert!(
            matches!(
                error,
                WeightsError::Safetensors(_) | WeightsError::Unknown { .. }
            ),
            "{error}"
        );
    }
}

#[test]
fn gathers_views() {
    for (offset, shape, strides, expected) in [
        // Transposed, a column, each element repeated, a single number, none at all.
        (
            0,
            &[2_i64, 3][..],
            &[1_i64, 2][..],
            &[0.0_f32, 2.0, 4.0, 1.0, 3.0, 5.0][..],
        ),
        (3, &[3], &[4], &[3.0, 7.0, 11.0]),
        (7, &[2, 2], &[1, 0], &[7.0, 7.0, 8.0, 8.0]),
        (15, &[], &[], &[15.0]),
        (16, &[0, 5], &[5, 1], &[]),
        // Strides of sides of 1 mean nothing.
        (14, &[1, 2, 1], &[99, 1, 77], &[14.0, 15.0]),
        // All sides in the opposite order.
        (
            1,
            &[2, 2, 2],
            &[1, 4, 8],
            &[1.0, 9.0, 5.0, 13.0, 2.0, 10.0, 6.0, 14.0],
        ),
    ] {
        let pickle = one_tensor(offset, shape, strides);
        assert_eq!(
            values(&zipped(&pickle)),
            expected,
            "{offset} {shape:?} {strides:?}"
        );
        assert_eq!(
            values(&legacy(&pickle, 16)),
            expected,
            "{offset} {shape:?} {strides:?}"
        );
    }
}

#[test]
fn joins_names_and_skips_other_values() {
    let pickle = Pickle::new()
        .global("collections", "OrderedDict")
        .raw(b")R(")
        .text("epoch")
        .int(3)
        .text("params")
        .raw(b"}(")
        .text("conv.weight")
        .tensor("0", 0, &[2], &[1])
        .text("none")
        .raw(b"Nu")
        .text("list")
        .raw(b"](G\0\0\0\0\0\0\0\0")
        .tensor("0", 2, &[2], &[1])
        .raw(b"e")
        .int(7)
        .raw(b"}\x8c\x01x")
        .tensor("0", 4, &[1], &[1])
        .raw(b"su}")
        .text("_metadata")
        .raw(b"}sb");
    let file = zipped(&pickle.end());
    let names: Vec<_> = read(&file)
        .unwrap()
        .into_iter()
        .map(|tensor| tensor.name)
        .collect();
    assert_eq!(names, ["params.conv.weight", "list.1", "7.x"]);
}

#[test]
fn converts_elements() {
    let tensor = |element, bytes: &'static [u8]| Stored {
        name: "x".to_string(),
        shape: vec![1],
        element,
        bytes: Cow::Borrowed(bytes),
    };
    assert_eq!(tensor(Element::Half, &[0, 0x3e]).values().unwrap(), [1.5]);
    assert_eq!(
        tensor(Element::Bfloat16, &[0xc0, 0x3f]).values().unwrap(),
        [1.5]
    );
    assert_eq!(
        tensor(Element::Single, &[0, 0, 0xc0, 0x3f])
            .values()
            .unwrap(),
        [1.5]
    );
    let double = tensor(Element::Double, &[0, 0, 0, 0, 0, 0, 0xf8, 0x3f]);
    assert_eq!(double.values().unwrap(), [1.5]);
}

#[test]
fn errors_say_why_a_file_cannot_be_read() {
    let pickle = one_tensor(0, &[1], &[1]);
    let swapped = archive(&[
        ("a/data.pkl", &pickle),
        ("a/byteorder", b"big"),
        ("a/data/0", &numbers()),
    ]);
    let script = archive(&[
        ("a/data.pkl", &pickle),
        ("a/constants.pkl", b""),
        ("a/data/0", &numbers()),
    ]);
    let quantised = Pickle::new()
        .global("torch._utils", "_rebuild_qtensor")
        .end();
    let twice = Pickle::new()
        .raw(b"}(")
        .text("a.b")
        .tensor("0", 0, &[1], &[1])
        .text("a")
        .raw(b"}")
        .text("b")
        .tensor("0", 0, &[1], &[1])
        .raw(b"su");
    let number = Pickle::new().raw(b"}").text("step").int(1).raw(b"s");
    for (file, words) in [
        (
            b"version https://git-lfs".to_vec(),
            "begins with \"version https",
        ),
        (Vec::new(), "neither"),
        (b"PK\x03\x04 and nothing behind it".to_vec(), "incomplete"),
        (archive(&[("a.txt", b"")]), "no folder with a data.pkl"),
        (
            archive(&[("a/data.pkl", &pickle)]),
            "storage 0 of the tensor weight is missing",
        ),
        (swapped, "big-endian"),
        (legacy_start(false), "big-endian"),
        (script, "TorchScript"),
        (zipped(&quantised), "torch._utils._rebuild_qtensor"),
        (zipped(&twice.end()), "two tensors are named a.b"),
        (zipped(&number.end()), "no tensors"),
        (
            zipped(&Pickle::new().raw(b"\x82\x01").end()),
            "instruction 0x82 at byte 2",
        ),
    ] {
        let text = refused(&file).to_string();
        assert!(text.contains(words), "{words:?} is missing in {text:?}");
    }
}
