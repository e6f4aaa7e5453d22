//! Invalid frames, which neither a training nor a worker would send.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::common::{PLAIN, command, config, said};
use crate::fixture::{TOKEN, Worker, hello, lengths, receive, reply, send};

fn worker() -> (Worker, TempDir) {
    let folder = tempfile::tempdir().unwrap();
    let token = folder.path().join("token");
    std::fs::write(&token, TOKEN).unwrap();
    (Worker::start(&token, "cpu"), folder)
}

/// Whether the other side closes the connection without sending anything.
fn is_closed(stream: &mut TcpStream) -> bool {
    let mut rest = Vec::new();
    // A connection with unread bytes is reset instead of closed.
    stream
        .read_to_end(&mut rest)
        .map_or(true, |_| rest.is_empty())
}

/// The reason of a failure that the worker reports before it closes the connection.
fn failure(stream: &mut TcpStream) -> String {
    let (answer, _) = reply(stream).expect("the worker gives a reason");
    let reason = answer["failed"]
        .as_str()
        .unwrap_or_else(|| panic!("{answer}"));
    reason.to_string()
}

#[test]
fn strangers_get_no_answer_and_do_no_harm() {
    let (worker, _folder) = worker();
    let long = "x".repeat(600);
    let whole = hello(TOKEN).to_string();
    let with_header = |header: &str| {
        let mut bytes = lengths(header.len() as u32, 0);
        bytes.extend(header.as_bytes());
        bytes
    };
    for bytes in [
        b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n".to_vec(),
        lengths(u32::MAX, 0),
        lengths(4, u64::MAX),
        lengths(4, 1),
        with_header(&hello(&long).to_string()),
        with_header("{}"),
        with_header("not JSON"),
        with_header(&whole.replace("token", "tokens")),
    ] {
        let mut stream = worker.connect();
        stream.write_all(&bytes).unwrap();
        assert!(is_closed(&mut stream), "{bytes:?}");
    }
    // Half a hello, after which the connection is closed.
    let mut stream = worker.connect();
    stream.write_all(&with_header(&whole)[..20]).unwrap();
    drop(stream);
    worker.greet();
}

#[test]
fn a_wrong_token_or_another_version_is_refused() {
    let (worker, _folder) = worker();
    let answer = |hello: &Value| {
        let mut stream = worker.connect();
        send(&mut stream, hello, &[]);
        let (answer, _) = receive(&mut stream).unwrap();
        assert!(is_closed(&mut stream));
        answer
    };
    for token in ["", "correct-horse-batterz", "correct-horse-battery-staple"] {
        assert_eq!(answer(&hello(token)), "wrong_token", "{token:?}");
    }
    let mut newer = hello(TOKEN);
    newer["version"] = json!(2);
    assert_eq!(answer(&newer), json!({ "other_version": 1 }));
    newer["token"] = json!("wrong");
    assert_eq!(answer(&newer), "wrong_token", "strangers learn no version");
}

#[test]
fn a_setup_that_lies_is_refused_with_a_reason() {
    let (worker, _folder) = worker();
    let setup = |device: usize, features: &[&str]| json!({ "setup": { "device": device, "features": features } });
    let text = config(PLAIN, "");
    for (message, payload, words) in [
        (setup(1, &[]), text.as_bytes(), "no device 1"),
        (
            setup(0, &["../token"]),
            text.as_bytes(),
            "needs no \"../token\"",
        ),
        (setup(0, &[]), b"name = 1", "configuration"),
        (setup(0, &[]), b"\xff\xfe", "UTF-8"),
        (
            json!({ "step": { "parts": [1], "batch": 1, "last": false, "levels_bits": 0 } }),
            &[],
            "before the setup",
        ),
        (json!("features"), &[], "before the setup"),
        (json!({ "delete": "everything" }), &[], "not understood"),
    ] {
        let mut stream = worker.greet();
        send(&mut stream, &message, payload);
        let reason = failure(&mut stream);
        assert!(reason.contains(words), "{message}: {reason}");
        assert!(is_closed(&mut stream));
    }
    // A configuration whose announced length no machine could hold.
    for (header, payload) in [(10, u64::MAX), (10, (1 << 20) + 1), (u32::MAX, 0)] {
        let mut stream = worker.greet();
        stream.write_all(&lengths(header, payload)).unwrap();
        let reason = failure(&mut stream);
        assert!(reason.contains("announced"), "{reason}");
    }
    worker.greet();
}

#[test]
fn a_loss_whose_features_are_not_sent_is_refused() {
    let (worker, _folder) = worker();
    let text = config(PLAIN, "").replace("1*l1", "1*content(vgg16:relu1_1)");
    let mut stream = worker.greet();
    let setup = json!({ "setup": { "device": 0, "features": [] } });
    send(&mut stream, &setup, text.as_bytes());
    let reason = failure(&mut stream);
    assert!(reason.contains("training.features"), "{reason}");

    let mut stream = worker.greet();
    let setup = json!({ "setup": { "device": 0, "features": ["vgg16"] } });
    send(&mut stream, &setup, text.as_bytes());
    send(&mut stream, &json!("features"), b"these are no weights");
    let reason = failure(&mut stream);
    assert!(reason.contains("no weights"), "{reason}");
}

#[test]
fn a_step_that_lies_is_refused_with_a_reason() {
    let (worker, _folder) = worker();
    let step = |parts: &[usize], batch: usize, levels: f64| {
        json!({ "step": {
            "parts": parts, "batch": batch, "last": false, "levels_bits": levels.to_bits()
        } })
    };
    let many = usize::MAX;
    for (message, words) in [
        (step(&[4], 4, 1.0), "0 bytes of values"),
        (step(&[5], 5, 1.0), "for a batch of 5"),
        (step(&[4], 3, 1.0), "for a batch of 3"),
        (step(&[0, 4], 4, 1.0), "[0, 4] patches"),
        (step(&[many, 2], 4, 1.0), "patches were announced"),
        (step(&[], 0, 1.0), "for a batch of 0"),
        (step(&[], 4, 1.0), "parts of []"),
        (step(&[4], 4, f64::NAN), "NaN levels"),
        (json!("features"), "instead of a step"),
    ] {
        let mut stream = ready(&worker);
        send(&mut stream, &message, &[]);
        let reason = failure(&mut stream);
        assert!(reason.contains(words), "{message}: {reason}");
        assert!(is_closed(&mut stream));
    }
    let mut stream = ready(&worker);
    stream.write_all(&lengths(10, 1 << 30)).unwrap();
    let reason = failure(&mut stream);
    assert!(reason.contains("announced"), "{reason}");
    ready(&worker);
}

/// A connection that waits for a step.
fn ready(worker: &Worker) -> TcpStream {
    let mut stream = worker.greet();
    let setup = json!({ "setup": { "device": 0, "features": [] } });
    send(&mut stream, &setup, config(PLAIN, "").as_bytes());
    assert_eq!(reply(&mut stream).unwrap().0, "ready");
    stream
}

/// Runs a training with a fake worker, which answers the n-th message by calling the n-th function.
fn training_with(answers: &[&dyn Fn(&mut TcpStream)]) -> String {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    std::fs::write(path("token"), TOKEN).unwrap();
    std::fs::write(path("config.toml"), config(PLAIN, "")).unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let mut train = command();
    train.args(["train", "--config"]).arg(path("config.toml"));
    train.args(["--devices", &format!("remote:{address}"), "--token-file"]);
    train.arg(path("token")).arg("--out").arg(path("run"));
    train.stderr(std::process::Stdio::piped());
    let child = train.spawn().unwrap();
    // The first connection only asks for the devices.
    let mut streams = Vec::new();
    for connection in 0..2 {
        let (mut stream, _) = listener.accept().unwrap();
        assert!(receive(&mut stream).is_some());
        answers[0](&mut stream);
        if connection == 0 && answers.len() == 1 {
            break;
        }
        streams.push(stream);
    }
    for answer in &answers[1..] {
        let stream = streams.last_mut().unwrap();
        assert!(receive(stream).is_some());
        answer(stream);
    }
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(1), "{}", said(&output));
    assert!(!said(&output).contains("panicked"), "{}", said(&output));
    said(&output)
}

#[test]
fn a_program_that_lies_in_a_workers_place_ends_the_training_with_a_reason() {
    let devices = |stream: &mut TcpStream| send(stream, &json!({ "devices": ["fake"] }), &[]);
    let ready = |stream: &mut TcpStream| send(stream, &json!("ready"), &[]);
    let busy = |stream: &mut TcpStream| send(stream, &json!("busy"), &[]);

    let http = |stream: &mut TcpStream| {
        stream
            .write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n")
            .unwrap()
    };
    assert!(training_with(&[&http]).contains("is no worker"));
    let other = |stream: &mut TcpStream| send(stream, &json!({ "other_version": 7 }), &[]);
    assert!(training_with(&[&other]).contains("speaks version 7"));

    let shares = |stream: &mut TcpStream| send(stream, &json!("shares"), &[]);
    let text = training_with(&[&devices, &shares]);
    assert!(text.contains("no answer to a setup"), "{text}");
    let failed = |stream: &mut TcpStream| send(stream, &json!({ "failed": "out of memory" }), &[]);
    let text = training_with(&[&devices, &failed]);
    assert!(
        text.contains("fake cannot take part: out of memory"),
        "{text}"
    );

    let busy_and_short = |stream: &mut TcpStream| {
        busy(stream);
        shares(stream);
    };
    let text = training_with(&[&devices, &ready, &busy_and_short]);
    assert!(text.contains("a message holds 0 bytes"), "{text}");
    assert!(text.contains("fake has failed"), "{text}");
    let huge = |stream: &mut TcpStream| stream.write_all(&lengths(8, 1 << 60)).unwrap();
    let text = training_with(&[&devices, &ready, &huge]);
    assert!(text.contains("announced"), "{text}");
    let text = training_with(&[&devices, &ready, &|stream| {
        stream.shutdown(std::net::Shutdown::Both).unwrap();
    }]);
    assert!(text.contains("closed the connection"), "{text}");
}
