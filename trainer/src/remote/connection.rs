//! A TCP stream that carries frames.

use std::io::{self, Read};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::frame::{self, FrameError, Limits};

/// A write that makes no progress for this long has failed.
const WRITE_TIMEOUT: Duration = Duration::from_secs(60);

/// One end of a connection.
pub struct Connection {
    stream: TcpStream,
}

impl Connection {
    /// Takes a stream over.
    pub fn new(stream: TcpStream) -> io::Result<Self> {
        // A step's small frames must not wait for each other's acknowledgements.
        stream.set_nodelay(true)?;
        stream.set_write_timeout(Some(WRITE_TIMEOUT))?;
        Ok(Self { stream })
    }

    /// Sends a frame.
    pub fn send(&mut self, header: &impl Serialize, payload: &[u8]) -> Result<(), FrameError> {
        frame::write(&mut self.stream, header, payload)
    }

    /// Receives a frame; fails if nothing arrives for `idle`.
    pub fn receive<H: DeserializeOwned>(
        &mut self,
        limits: Limits,
        idle: Duration,
    ) -> Result<(H, Vec<u8>), FrameError> {
        self.stream.set_read_timeout(Some(idle))?;
        frame::read(&mut self.stream, limits)
    }

    /// Receives a frame that has to be complete at `end`, even if its bytes keep arriving.
    pub fn receive_until<H: DeserializeOwned>(
        &mut self,
        limits: Limits,
        end: Instant,
    ) -> Result<(H, Vec<u8>), FrameError> {
        let mut stream = Until {
            stream: &self.stream,
            end,
        };
        frame::read(&mut stream, limits)
    }
}

/// Reads from a stream until a deadline.
struct Until<'a> {
    stream: &'a TcpStream,
    end: Instant,
}

impl Read for Until<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let left = self.end.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Err(io::ErrorKind::TimedOut.into());
        }
        self.stream.set_read_timeout(Some(left))?;
        self.stream.read(buffer)
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;
    use std::net::TcpListener;

    use super::*;

    #[test]
    fn a_frame_that_is_late_is_refused_even_if_its_bytes_are_there() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let mut sender = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let mut connection = Connection::new(listener.accept().unwrap().0).unwrap();
        sender.write_all(&[0; 12]).unwrap();
        let end = Instant::now();
        let late = connection.receive_until::<u32>(Limits::HELLO, end);
        assert!(matches!(late, Err(FrameError::TimedOut)));
    }
}
