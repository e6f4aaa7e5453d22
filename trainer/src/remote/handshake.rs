//! The start of a connection: the training sends its token, and the worker the names of its devices.

use std::net::{TcpStream, ToSocketAddrs};
use std::time::{Duration, Instant};

use anyhow::{Context, anyhow, bail};
use serde::{Deserialize, Serialize};

use super::{Connection, Limits, Token};

const PROTOCOL: &str = "uprez-worker";

/// Version of the protocol, which has to be the same on both sides. Increase it when a message changes.
const VERSION: u32 = 1;

/// A connection has to be established, and a hello answered, within this time.
const TIMEOUT: Duration = Duration::from_secs(10);

/// The first message, from the training.
#[derive(Serialize, Deserialize)]
struct Hello {
    protocol: String,
    version: u32,
    token: String,
}

/// The worker's answer.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Answer {
    /// The names of the devices offered.
    Devices(Vec<String>),
    /// The token is wrong.
    WrongToken,
    /// The worker speaks another version, which is given.
    OtherVersion(u32),
}

/// Connects to a worker; also returns the names of its devices.
pub fn open(address: &str, token: &Token) -> anyhow::Result<(Connection, Vec<String>)> {
    let mut connection = connect(address)
        .with_context(|| format!("cannot reach a worker at {address}: is it running?"))?;
    let hello = Hello {
        protocol: PROTOCOL.to_string(),
        version: VERSION,
        token: token.text().to_string(),
    };
    let answer = connection.send(&hello, &[]).and_then(|()| {
        let end = Instant::now() + TIMEOUT;
        connection.receive_until::<Answer>(Limits::payload(0), end)
    });
    let (answer, _) =
        answer.with_context(|| format!("the program at {address} is no worker, or it is busy"))?;
    match answer {
        Answer::Devices(devices) => Ok((connection, devices)),
        Answer::WrongToken => bail!(
            "the worker at {address} refused the token: --token-file has to name the same token as \
             on that machine"
        ),
        Answer::OtherVersion(other) => bail!(
            "the worker at {address} speaks version {other} of the protocol, and this program \
             version {VERSION}: use the same release on both machines"
        ),
    }
}

fn connect(address: &str) -> anyhow::Result<Connection> {
    let mut last = anyhow!("the name has no address");
    for address in address.to_socket_addrs()? {
        match TcpStream::connect_timeout(&address, TIMEOUT) {
            Ok(stream) => return Ok(Connection::new(stream)?),
            Err(error) => last = error.into(),
        }
    }
    Err(last)
}

/// Answers a hello. A connection with a wrong token or of another version is refused with an error; anything that is
/// not a hello gets no answer.
pub fn accept(
    stream: TcpStream,
    token: &Token,
    devices: Vec<String>,
) -> anyhow::Result<Connection> {
    let mut connection = Connection::new(stream)?;
    let end = Instant::now() + TIMEOUT;
    let (hello, _) = connection.receive_until::<Hello>(Limits::HELLO, end)?;
    let (answer, error) = if hello.protocol != PROTOCOL || !token.accepts(&hello.token) {
        (
            Answer::WrongToken,
            Some("it showed a wrong token".to_string()),
        )
    } else if hello.version != VERSION {
        let error = format!("it speaks version {}, not {VERSION}", hello.version);
        (Answer::OtherVersion(VERSION), Some(error))
    } else {
        (Answer::Devices(devices), None)
    };
    connection.send(&answer, &[])?;
    match error {
        Some(error) => bail!(error),
        None => Ok(connection),
    }
}
