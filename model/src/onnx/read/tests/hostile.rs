//! Files that are damaged, or made to do damage.

use prost::Message;

use super::{Attr, ReadError, Writer, read};
use crate::onnx::read::proto;

fn small() -> proto::Model {
    let mut writer = Writer::new(3, None);
    let maps = writer.conv3("x", [3, 12]);
    let shuffled = writer.node("DepthToSpace", &[&maps], &[("blocksize", Attr::Int(2))]);
    let result = writer.node("Relu", &[&shuffled], &[]);
    writer.model(&result)
}

/// The error of the small model after a change.
fn error(change: impl FnOnce(&mut proto::Graph)) -> ReadError {
    let mut model = small();
    change(model.graph.as_mut().unwrap());
    read(&model.encode_to_vec(), 1.0).unwrap_err()
}

#[test]
fn cut_and_changed_files_are_refused_without_a_panic() {
    let bytes = small().encode_to_vec();
    assert!(read(&bytes, 1.0).is_ok());
    for length in (0..bytes.len()).step_by(7) {
        assert!(read(&bytes[..length], 1.0).is_err(), "{length} bytes");
    }
    // Reading these may fail, but must not panic.
    for at in 0..bytes.len() {
        for value in [0, 1, 0x7f, 0x80, 0xff, bytes[at] ^ 8] {
            let mut changed = bytes.clone();
            changed[at] = value;
            let _ = read(&changed, 1.0);
        }
    }
    assert!(matches!(
        read(b"\x89PNG\r\n\x1a\n not a model", 1.0),
        Err(ReadError::Format(_))
    ));
    assert!(matches!(read(&[], 1.0), Err(ReadError::Format(_))));
    // A million empty nodes.
    let many = [&[0x3a, 0x80, 0x89, 0x7a][..], &[0x0a, 0].repeat(1_000_000)].concat();
    assert!(matches!(
        read(&many, 1.0),
        Err(ReadError::Format(_) | ReadError::TooManyNodes { .. })
    ));
}

#[test]
fn graphs_that_cannot_be_run_are_refused() {
    let found = error(|graph| graph.node[0].input[0] = graph.node[2].output[0].clone());
    assert!(matches!(found, ReadError::Order { .. }), "{found}");
    let found = error(|graph| graph.node.swap(0, 1));
    assert!(matches!(found, ReadError::Order { .. }), "{found}");
    let found = error(|graph| graph.node[1].input[0] = "nothing".into());
    assert!(matches!(found, ReadError::Unknown { .. }), "{found}");
    let found = error(|graph| graph.output[0].name = "nothing".into());
    assert!(matches!(found, ReadError::Unknown { .. }), "{found}");
    let found = error(|graph| graph.node[1].output[0] = "x".into());
    assert!(matches!(found, ReadError::Duplicate { .. }), "{found}");
    let found = error(|graph| graph.output.push(graph.output[0].clone()));
    assert!(
        matches!(
            found,
            ReadError::Ends {
                what: "output",
                found: 2
            }
        ),
        "{found}"
    );
    let found = error(|graph| graph.input.clear());
    assert!(
        matches!(
            found,
            ReadError::Ends {
                what: "input",
                found: 0
            }
        ),
        "{found}"
    );
    let found = error(|graph| {
        let node = graph.node[2].clone();
        graph.node.extend(std::iter::repeat_n(node, 1 << 14));
    });
    assert!(matches!(found, ReadError::TooManyNodes { .. }), "{found}");
    for operator in ["If", "Loop", "NoSuchThing"] {
        let found = error(|graph| {
            graph.node[2].op_type = operator.into();
            graph.node[2].name = "/act".into();
        });
        assert_eq!(
            found.to_string(),
            format!("{operator} `/act`: the operator {operator} is not supported")
        );
    }
    let found = error(|graph| graph.node[2].domain = "com.example".into());
    assert!(found.to_string().contains("com.example.Relu"), "{found}");
    let found = error(|graph| graph.node[1].attribute[0].i = 1 << 40);
    assert!(matches!(found, ReadError::Attribute { .. }), "{found}");
}

#[test]
fn tensors_that_do_not_fit_are_refused() {
    let tensor = |change: fn(&mut proto::Tensor)| error(|graph| change(&mut graph.initializer[0]));
    let found = tensor(|tensor| tensor.data_location = 1);
    assert!(matches!(found, ReadError::External(_)), "{found}");
    let found = tensor(|tensor| tensor.dims = vec![1 << 31, 3, 3, 3]);
    assert!(matches!(found, ReadError::TensorSize { .. }), "{found}");
    let found = tensor(|tensor| tensor.dims = vec![i64::MAX; 4]);
    assert!(matches!(found, ReadError::TensorSize { .. }), "{found}");
    let found = tensor(|tensor| tensor.dims[0] = -12);
    assert!(matches!(found, ReadError::TensorSize { .. }), "{found}");
    let found = tensor(|tensor| {
        tensor.dims = vec![1 << 40, 0];
        tensor.float_data.clear();
    });
    assert!(matches!(found, ReadError::TensorSize { .. }), "{found}");
    let found = tensor(|tensor| tensor.raw_data = vec![0; 1001]);
    assert!(matches!(found, ReadError::TensorSize { .. }), "{found}");
    let found = tensor(|tensor| tensor.data_type = 8);
    assert!(
        matches!(found, ReadError::Element { found: 8, .. }),
        "{found}"
    );
    let found = tensor(|tensor| tensor.float_data[5] = f32::NAN);
    assert!(matches!(found, ReadError::NotFinite(_)), "{found}");
    let found = tensor(|tensor| tensor.dims = vec![12, 27]);
    assert!(matches!(found, ReadError::Operand { .. }), "{found}");
}

/// Small files that ask for large values.
#[test]
fn files_cannot_make_large_values() {
    let huge = |nodes: fn(&mut Writer) -> String| {
        let mut writer = Writer::new(3, None);
        let number = nodes(&mut writer);
        let result = writer.node("Mul", &["x", &number], &[]);
        writer.read(&result).unwrap_err()
    };
    let found = huge(|w| {
        let shape = w.ints(&[1 << 20, 1 << 20]);
        w.node("ConstantOfShape", &[&shape], &[])
    });
    assert!(matches!(found, ReadError::TooLarge { .. }), "{found}");
    let found = huge(|w| {
        let ends = [0, i64::MAX, 1].map(|n| w.ints(&[n]));
        w.node("Range", &[&ends[0], &ends[1], &ends[2]], &[])
    });
    assert!(matches!(found, ReadError::TooLarge { .. }), "{found}");
    let found = huge(|w| {
        let mut all = w.floats(&[2], &[1.0, 2.0]);
        for _ in 0..60 {
            all = w.node("Concat", &[&all, &all], &[("axis", Attr::Int(0))]);
        }
        all
    });
    assert!(matches!(found, ReadError::TooLarge { .. }), "{found}");
    let found = huge(|w| {
        let numbers = [w.ints(&[i64::MAX]), w.ints(&[2])];
        w.node("Mul", &[&numbers[0], &numbers[1]], &[])
    });
    assert!(matches!(found, ReadError::Operand { .. }), "{found}");
    let mut writer = Writer::new(3, None);
    let mut maps = "x".to_string();
    for _ in 0..40 {
        maps = writer.node("Concat", &[&maps, &maps], &[("axis", Attr::Int(1))]);
    }
    let found = writer.read(&maps).unwrap_err();
    assert!(matches!(found, ReadError::Operand { .. }), "{found}");
    let mut model = small();
    let sides = &mut model.graph.as_mut().unwrap().input[0]
        .r#type
        .as_mut()
        .unwrap()
        .tensor
        .as_mut()
        .unwrap();
    sides.shape.as_mut().unwrap().dim[2].value = 1 << 62;
    let found = read(&model.encode_to_vec(), 1.0).unwrap_err();
    assert!(matches!(found, ReadError::Input { .. }), "{found}");
}
