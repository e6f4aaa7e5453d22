//! Records: what is written can be read, and other files are refused.

use burn::module::{Module, ModuleVisitor, Param};
use burn::tensor::{Bytes, DType, Device, Tensor};
use burn_pack::{Reader, Writer};
use engine::container::FileError;
use model::network::{Network, NetworkConfig};
use model::record::{self, FORMAT, Metadata, Origin, RecordError, Score};

fn config() -> NetworkConfig {
    let text = r#"{ "kind": "plain", "scale": 2, "width": 4, "depth": 1, "long_skip": true, "expansion": 6 }"#;
    serde_json::from_str(text).unwrap()
}

fn metadata() -> Metadata {
    Metadata {
        format: FORMAT,
        name: "test".into(),
        network: config(),
        degradation: "bicubic".into(),
        parameters: config().parameters(&Device::flex()),
        origin: Origin {
            config: "steps = 1".into(),
            seed: 7,
            steps: 1,
            data: vec!["pictures".into()],
            commit: None,
            imported: None,
        },
        scores: vec![Score {
            set: "Set5".into(),
            psnr_y: 37.0,
            ssim_y: 0.95,
            bicubic_psnr_y: 33.67,
            bicubic_ssim_y: 0.93,
        }],
    }
}

fn written() -> Vec<u8> {
    let network = config().fold(&config().init_training(1, &Device::flex()));
    record::write(&network, &metadata()).unwrap()
}

fn values(network: &Network) -> Vec<f32> {
    struct Values(Vec<f32>);
    impl ModuleVisitor for Values {
        fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
            self.0.extend(param.val().into_data().iter::<f32>());
        }
    }
    let mut values = Values(Vec::new());
    network.visit(&mut values);
    values.0
}

/// A record with changed tensors or a changed description.
fn changed(
    tensor: impl Fn(burn_pack::Tensor) -> burn_pack::Tensor,
    text: impl Fn(&str) -> String,
) -> Vec<u8> {
    let reader = Reader::from_bytes(Bytes::from_bytes_vec(written())).unwrap();
    let description = text(&reader.metadata()["uprez"]);
    let tensors = reader
        .into_tensors()
        .unwrap()
        .into_iter()
        .map(tensor)
        .collect();
    let writer = Writer::new(tensors).with_metadata("uprez", &description);
    writer.into_bytes().unwrap().to_vec()
}

fn same(text: &str) -> String {
    text.to_string()
}

fn error(bytes: &[u8]) -> RecordError {
    record::read(bytes, &Device::flex())
        .map(|_| ())
        .unwrap_err()
}

#[test]
fn what_is_written_is_read_in_half_precision() {
    let network = config().fold(&config().init_training(1, &Device::flex()));
    let bytes = record::write(&network, &metadata()).unwrap();
    let (read, found) = record::read(&bytes, &Device::flex()).unwrap();
    assert_eq!(found, metadata());
    assert_eq!(record::metadata(&bytes).unwrap(), metadata());
    for (a, b) in values(&network).iter().zip(values(&read)) {
        assert!((a - b).abs() <= a.abs() / 1024.0 + 1e-7, "{a} became {b}");
    }
    // Burn itself reads the same file.
    let own = burn::store::ModuleRecord::from_bytes(Bytes::from_bytes_vec(bytes)).unwrap();
    let loaded = config()
        .init(&Device::flex())
        .load_record(own.cast_to_module_dtype());
    assert_eq!(values(&loaded), values(&read));
}

#[test]
fn a_file_cut_off_anywhere_is_an_error_and_no_panic() {
    let bytes = written();
    for length in (0..bytes.len())
        .step_by(7)
        .chain([1, 3, 4, 9, 10, bytes.len() - 1])
    {
        match error(&bytes[..length]) {
            RecordError::File(FileError::Foreign) => assert!(length == 0),
            RecordError::File(FileError::Damaged(_)) => {}
            other => panic!("{length}: {other}"),
        }
    }
}

#[test]
fn foreign_files_are_recognised() {
    assert!(matches!(
        error(b"\x89PNG\r\n"),
        RecordError::File(FileError::Foreign)
    ));
    let unlabelled = Writer::new(Vec::new()).into_bytes().unwrap().to_vec();
    assert!(matches!(
        error(&unlabelled),
        RecordError::File(FileError::Unlabelled)
    ));
}

#[test]
fn newer_and_unknown_descriptions_are_recognised() {
    let newer = changed(
        |t| t,
        |text| text.replace("\"format\":1", "\"format\":2,\"new\":[]"),
    );
    assert!(matches!(error(&newer), RecordError::TooNew { found: 2 }));
    let unknown = changed(|t| t, |text| text.replace("\"plain\"", "\"fancy\""));
    let text = error(&unknown).to_string();
    assert!(text.contains("fancy") && text.contains("srcnn"), "{text}");
    let no_json = changed(|t| t, |_| "not json".into());
    assert!(matches!(error(&no_json), RecordError::Description(_)));
}

/// A description of a network of gigabytes is refused before memory is allocated for it.
#[test]
fn sizes_are_not_taken_on_trust() {
    let wide = changed(
        |t| t,
        |text| {
            text.replace("\"width\":4", "\"width\":1024")
                .replace("\"depth\":1", "\"depth\":256")
        },
    );
    assert!(matches!(
        error(&wide),
        RecordError::File(FileError::Damaged(_))
    ));
    let absurd = changed(
        |t| t,
        |text| text.replace("\"width\":4", "\"width\":4000000000"),
    );
    assert!(matches!(error(&absurd), RecordError::Description(_)));
    // A header that claims a description of four gigabytes.
    let mut header = written()[..16].to_vec();
    header[6..10].copy_from_slice(&u32::MAX.to_le_bytes());
    assert!(matches!(
        error(&header),
        RecordError::File(FileError::Damaged(_))
    ));
}

#[test]
fn wrong_parameters_are_named() {
    let is_bias = |t: &burn_pack::Tensor| t.name == "Plain.last.bias";
    let renamed = |mut t: burn_pack::Tensor| {
        if is_bias(&t) {
            t.name = "Plain.last.bais".into();
        }
        t
    };
    assert!(
        matches!(error(&changed(renamed, same)), RecordError::Missing(name) if name == "Plain.last.bias")
    );

    let with = |dtype, shape: Vec<usize>, bytes: Vec<u8>| {
        move |t: burn_pack::Tensor| match is_bias(&t) {
            true => burn_pack::Tensor::new(
                t.name,
                dtype,
                shape.clone(),
                None,
                Bytes::from_bytes_vec(bytes.clone()),
            ),
            false => t,
        }
    };
    let reshaped = changed(with(DType::F16, vec![2, 2], vec![0; 8]), same);
    assert!(
        matches!(error(&reshaped), RecordError::Shape { name, .. } if name == "Plain.last.bias")
    );
    let not_a_number = changed(with(DType::F16, vec![4], [0x00, 0x7e].repeat(4)), same);
    assert!(
        matches!(error(&not_a_number), RecordError::File(FileError::NotFinite(name)) if name == "Plain.last.bias")
    );
    let integers = changed(with(DType::I32, vec![4], vec![0; 16]), same);
    assert!(
        matches!(error(&integers), RecordError::File(FileError::Type { name, .. }) if name == "Plain.last.bias")
    );

    let reader = Reader::from_bytes(Bytes::from_bytes_vec(written())).unwrap();
    let description = reader.metadata()["uprez"].clone();
    let mut tensors = reader.into_tensors().unwrap();
    let extra = Bytes::from_bytes_vec(vec![0; 2]);
    tensors.push(burn_pack::Tensor::new(
        "extra".into(),
        DType::F16,
        vec![1],
        None,
        extra,
    ));
    let more = Writer::new(tensors)
        .with_metadata("uprez", &description)
        .into_bytes()
        .unwrap();
    assert!(matches!(error(&more), RecordError::Unknown(name) if name == "extra"));
}

#[test]
fn a_diverged_network_is_not_written() {
    let text = r#"{ "kind": "srcnn", "scale": 2, "maps": [2, 2] }"#;
    let config: NetworkConfig = serde_json::from_str(text).unwrap();
    struct Spoil;
    impl burn::module::ModuleMapper for Spoil {
        fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
            param.map(|value| value.mul_scalar(f32::NAN))
        }
    }
    let network = config.init(&Device::flex()).map(&mut Spoil);
    assert!(matches!(
        record::write(&network, &metadata()),
        Err(RecordError::File(FileError::NotFinite(_)))
    ));
}
