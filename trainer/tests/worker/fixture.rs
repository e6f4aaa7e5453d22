//! A running worker, and frames by hand.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, Stdio};

use serde_json::{Value, json};

use crate::common::command;

pub const TOKEN: &str = "correct-horse-battery";

/// `trainer worker` on a free port; it is killed when the test ends.
pub struct Worker {
    pub child: Child,
    /// `host:port`
    pub address: String,
}

impl Worker {
    pub fn start(token: &Path, devices: &str) -> Self {
        let mut child = command()
            .args(["worker", "--listen", "127.0.0.1:0", "--devices", devices])
            .arg("--token-file")
            .arg(token)
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut line = String::new();
        let stdout = child.stdout.as_mut().unwrap();
        BufReader::new(stdout).read_line(&mut line).unwrap();
        let mut words = line.split_whitespace();
        let address = words.find(|word| word.starts_with("127.0.0.1:"));
        let address = address.unwrap_or_else(|| panic!("{line:?}"));
        Self {
            address: address.trim_end_matches(';').to_string(),
            child,
        }
    }

    /// The name of its devices for `--devices`.
    pub fn name(&self) -> String {
        format!("remote:{}", self.address)
    }

    /// A connection that has not sent anything yet.
    pub fn connect(&self) -> TcpStream {
        TcpStream::connect(&self.address).unwrap()
    }

    /// A connection that the worker has accepted.
    pub fn greet(&self) -> TcpStream {
        let mut stream = self.connect();
        send(&mut stream, &hello(TOKEN), &[]);
        let (answer, _) = receive(&mut stream).unwrap();
        assert!(answer["devices"].is_array(), "{answer}");
        stream
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

pub fn hello(token: &str) -> Value {
    json!({ "protocol": "uprez-worker", "version": 1, "token": token })
}

/// The lengths in front of a frame.
pub fn lengths(header: u32, payload: u64) -> Vec<u8> {
    let mut bytes = header.to_le_bytes().to_vec();
    bytes.extend(payload.to_le_bytes());
    bytes
}

pub fn send(stream: &mut TcpStream, header: &Value, payload: &[u8]) {
    let header = header.to_string();
    let mut bytes = lengths(header.len() as u32, payload.len() as u64);
    bytes.extend(header.as_bytes());
    bytes.extend(payload);
    stream.write_all(&bytes).unwrap();
}

/// The next frame; `None` if the other side has closed the connection.
pub fn receive(stream: &mut TcpStream) -> Option<(Value, Vec<u8>)> {
    let mut start = [0; 12];
    stream.read_exact(&mut start).ok()?;
    let header = u32::from_le_bytes(start[..4].try_into().unwrap());
    let payload = u64::from_le_bytes(start[4..].try_into().unwrap());
    let mut bytes = vec![0; header as usize];
    stream.read_exact(&mut bytes).ok()?;
    let header = serde_json::from_slice(&bytes).unwrap();
    let mut bytes = vec![0; payload as usize];
    stream.read_exact(&mut bytes).ok()?;
    Some((header, bytes))
}

/// The next frame that is not `busy`.
pub fn reply(stream: &mut TcpStream) -> Option<(Value, Vec<u8>)> {
    loop {
        let frame = receive(stream)?;
        if frame.0 != "busy" {
            return Some(frame);
        }
    }
}
