//! Files that are made to do harm: they must be refused, and quickly.

use super::*;

#[test]
fn calls_no_functions() {
    let arguments = |pickle: Pickle| pickle.text("echo").raw(b"\x85");
    let system = || Pickle::new().global("os", "system");
    let stack_global = Pickle::new().text("os").text("system").raw(b"\x93");
    for pickle in [
        // REDUCE, NEWOBJ, NEWOBJ_EX, and a name that is never called.
        arguments(system()).raw(b"R"),
        arguments(system()).raw(b"\x81"),
        arguments(system()).raw(b"}\x92"),
        system().raw(b"0}"),
        arguments(stack_global).raw(b"R"),
        // OBJ and INST
        Pickle::new()
            .raw(b"(")
            .global("os", "system")
            .text("echo")
            .raw(b"o"),
        Pickle::new().raw(b"(").text("echo").raw(b"ios\nsystem\n"),
    ] {
        let pickle = pickle.end();
        for file in [zipped(&pickle), legacy(&pickle, 16)] {
            let error = refused(&file);
            assert!(
                matches!(&error, WeightsError::Global { name } if name == "os.system"),
                "{error}"
            );
            assert!(error.to_string().contains("calls os.system"));
        }
    }
    // Functions of Python's own that are no more harmless.
    for (module, name) in [
        ("builtins", "eval"),
        ("__builtin__", "getattr"),
        ("torch.storage", "_load_from_bytes"),
        ("torch", "load"),
        ("torch.hub", "load"),
    ] {
        let error = refused(&zipped(&Pickle::new().global(module, name).end()));
        assert!(matches!(error, WeightsError::Global { .. }), "{error}");
    }
}

#[test]
fn refuses_files_that_end_early() {
    let pickle = one_tensor(0, &[4, 4], &[4, 1]);
    for file in [zipped(&pickle), legacy(&pickle, 16)] {
        assert!(read(&file).is_ok());
        for length in 0..file.len() {
            refused(&file[..length]);
        }
    }
    for length in 0..pickle.len() {
        let error = refused(&zipped(&pickle[..length]));
        assert!(matches!(error, WeightsError::Truncated { .. }), "{error}");
    }
}

#[test]
fn refuses_lying_counts() {
    // Texts, bytes and numbers that are longer than the file.
    for instruction in [
        &b"X\xff\xff\xff\xff"[..],
        b"\x8b\xff\xff\xff\xff",
        b"B\xff\xff\xff\x7f",
        b"\x8c\xff",
    ] {
        let error = refused(&zipped(&Pickle::new().raw(instruction).end()));
        assert!(matches!(error, WeightsError::Truncated { .. }), "{error}");
    }
    for opcode in [0x8d_u8, 0x8e, 0x96] {
        let pickle = Pickle::new().raw(&[opcode]).raw(&[0xff; 8]);
        assert!(matches!(
            refused(&zipped(&pickle.end())),
            WeightsError::Truncated { .. }
        ));
    }
    let good = one_tensor(0, &[16], &[1]);
    for count in [17, -1, i64::MAX, i64::MIN, 1 << 61, 1 << 62] {
        let error = refused(&legacy(&good, count));
        assert!(
            matches!(error, WeightsError::Truncated { .. }),
            "{count}: {error}"
        );
    }
    const MOST: i64 = i64::MAX;
    for (offset, shape, strides) in [
        (0, &[17_i64][..], &[1_i64][..]),
        (1, &[16], &[1]),
        (17, &[1], &[1]),
        (MOST, &[1], &[1]),
        (MOST, &[MOST, MOST], &[MOST, MOST]),
        (0, &[2], &[MOST]),
        (0, &[2], &[1 << 61]),
        (0, &[4, 4], &[5, 1]),
        (0, &[1 << 33, 1 << 33], &[1 << 33, 1]),
    ] {
        let pickle = one_tensor(offset, shape, strides);
        for file in [zipped(&pickle), legacy(&pickle, 16)] {
            let error = refused(&file);
            let expected = matches!(
                error,
                WeightsError::TensorTooLarge { .. } | WeightsError::Damaged { .. }
            );
            assert!(expected, "{offset} {shape:?} {strides:?}: {error}");
        }
    }
    for (shape, strides) in [
        (&[-1_i64][..], &[1_i64][..]),
        (&[2], &[-1]),
        (&[2, 2], &[1]),
    ] {
        let error = refused(&zipped(&one_tensor(1, shape, strides)));
        assert!(matches!(error, WeightsError::Damaged { .. }), "{error}");
    }
}

#[test]
fn refuses_tensors_that_repeat_their_elements_without_end() {
    for shape in [&[1_i64 << 22][..], &[1 << 40], &[MANY, MANY, MANY, MANY]] {
        let error = refused(&zipped(&one_tensor(0, shape, &vec![0; shape.len()])));
        assert!(matches!(error, WeightsError::TooMany { .. }), "{error}");
    }
    const MANY: i64 = 1 << 20;
    let error = refused(&zipped(&one_tensor(0, &[1; 17], &[1; 17])));
    assert!(
        matches!(error, WeightsError::TooMany { limit: 16, .. }),
        "{error}"
    );
}

#[test]
fn refuses_values_that_multiply() {
    // Each list holds the one before it twice: 2^60 tensors in 60 lists.
    let mut bomb = Pickle::new().tensor("0", 0, &[1], &[1]).raw(b"q\0");
    for _ in 0..60 {
        bomb = bomb.raw(b"](h\0h\0eq\0");
    }
    assert!(matches!(
        refused(&zipped(&bomb.end())),
        WeightsError::TooMany { .. }
    ));
    // The same without tensors.
    let mut bomb = Pickle::new().raw(b"]q\0");
    for _ in 0..60 {
        bomb = bomb.raw(b"](h\0h\0eq\0");
    }
    assert!(matches!(
        refused(&zipped(&bomb.end())),
        WeightsError::TooMany { .. }
    ));
    // A dictionary that is copied again and again.
    let pairs = b"K\x01K\x01".repeat(50_000);
    let mut copies = Pickle::new()
        .raw(b"(")
        .raw(&pairs)
        .raw(b"dq\0")
        .global("collections", "OrderedDict")
        .raw(b"q\x01");
    for _ in 0..1000 {
        copies = copies.raw(b"h\x01h\0\x85R");
    }
    assert!(matches!(
        refused(&zipped(&copies.end())),
        WeightsError::TooMany { .. }
    ));
    // More values than are read.
    let values = vec![b']'; 5_000_000];
    assert!(matches!(
        refused(&zipped(&Pickle::new().raw(&values).end())),
        WeightsError::TooMany { .. }
    ));
    let marks = vec![b'('; 5_000_000];
    assert!(matches!(
        refused(&zipped(&Pickle::new().raw(&marks).end())),
        WeightsError::TooMany { .. }
    ));
    // Places in the memo.
    for place in [b"r\xff\xff\xff\xff", b"r\0\0\0\x7f"] {
        assert!(matches!(
            refused(&zipped(&Pickle::new().raw(b"N").raw(place).end())),
            WeightsError::TooMany { .. }
        ));
    }
    // A long name that grows with each level.
    let mut long = Pickle::new()
        .text(&"x".repeat(500))
        .raw(b"q\0")
        .tensor("0", 0, &[1], &[1])
        .raw(b"q\x01");
    for _ in 0..10 {
        long = long.raw(b"}h\0h\x01sq\x01");
    }
    assert!(matches!(
        refused(&zipped(&long.end())),
        WeightsError::TooMany { limit: 1024, .. }
    ));
}

#[test]
fn refuses_values_within_themselves() {
    let dict = Pickle::new().raw(b"}q\0").text("self").raw(b"h\0s");
    let list = Pickle::new().raw(b"]q\0h\0a");
    let tuple = Pickle::new().raw(b"]q\0h\0\x85q\x01a");
    for pickle in [dict, list, tuple] {
        assert!(matches!(
            refused(&zipped(&pickle.end())),
            WeightsError::TooDeep { .. }
        ));
    }
}

#[test]
fn survives_deep_nesting() {
    const LEVELS: usize = 1_000_000;
    let tuples = Pickle::new().raw(b")").raw(&vec![0x85; LEVELS]);
    let lists = Pickle::new()
        .raw(&vec![b']'; LEVELS])
        .raw(&vec![b'a'; LEVELS - 1]);
    let dicts = Pickle::new()
        .raw(&b"}K\0".repeat(LEVELS))
        .raw(b"}")
        .raw(&vec![b's'; LEVELS]);
    for pickle in [tuples, lists, dicts] {
        let error = refused(&zipped(&pickle.end()));
        assert!(matches!(error, WeightsError::TooDeep { .. }), "{error}");
    }
}

#[test]
fn survives_random_changes() {
    let pickle = one_tensor(1, &[2, 3], &[1, 4]);
    let files = [zipped(&pickle), legacy(&pickle, 16)];
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let mut random = move |below: usize| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state % below as u64) as usize
    };
    let mut read_again = 0;
    for round in 0..100_000 {
        // Every other round changes the pickle only, since a change elsewhere often ends the reading early.
        let mut changed = if round % 2 == 0 {
            pickle.clone()
        } else {
            files[round / 2 % 2].clone()
        };
        for _ in 0..=random(3) {
            let at = random(changed.len());
            match random(4) {
                0 => changed[at] = random(256) as u8,
                1 => changed[at] ^= 1 << random(8),
                2 => drop(changed.remove(at)),
                _ => {
                    let end = (at + 1 + random(8)).min(changed.len());
                    let repeated = changed[at..end].to_vec();
                    changed.splice(at..at, repeated);
                }
            }
        }
        let file = match round % 4 {
            0 => zipped(&changed),
            2 => legacy(&changed, 16),
            _ => changed,
        };
        if let Ok(tensors) = read(&file) {
            read_again += 1;
            for tensor in tensors {
                let _ = tensor.values();
            }
        }
    }
    assert!(
        read_again > 1000,
        "only {read_again} changed files could be read"
    );
}
