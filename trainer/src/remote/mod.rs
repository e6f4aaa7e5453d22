//! The connection between a training and `trainer worker` on another machine: frames on a TCP stream, and the handshake
//! in which the token is sent. Nothing is encrypted.

mod connection;
mod frame;
mod handshake;
mod token;

pub use connection::Connection;
pub use frame::{FrameError, Limits};
pub use handshake::{accept, open};
pub use token::Token;
