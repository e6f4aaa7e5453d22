//! The command `worker`.

use std::net::{SocketAddr, TcpListener};
use std::path::PathBuf;

use anyhow::{Context, ensure};
use clap::Args;

use super::server::Server;
use crate::device::{DeviceName, local_device};
use crate::remote::Token;

/// Offers this machine's devices to trainings on other machines.
///
/// A training names this machine as a device: `--devices remote:HOST:PORT --token-file FILE`. Every
/// program that has the token may compute here. The connection carries images, weights and the token,
/// and is not encrypted.
#[derive(Args, Clone, Debug)]
#[command(after_help = "\
Examples:
  openssl rand -hex 32 > token
  cargo run -p trainer -- worker --listen 127.0.0.1:3000 --token-file token
  cargo run -p trainer -- train --devices cpu,remote:127.0.0.1:3000 --token-file token

From another machine, through an encrypted tunnel:
  ssh -L 3000:127.0.0.1:3000 that-machine")]
pub struct WorkerArgs {
    /// The address to listen on; any but this machine's own needs --open-to-the-network as well.
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:3000")]
    pub listen: SocketAddr,
    /// The file with the token that a training has to show: one line of at least 16 characters.
    #[arg(long, value_name = "FILE")]
    pub token_file: PathBuf,
    /// Listen on an address that other machines can reach, unencrypted. Use it on trusted networks
    /// only.
    #[arg(long)]
    pub open_to_the_network: bool,
    /// The devices to offer: auto, cpu, gpu, gpu:1, several of them separated by commas.
    #[arg(
        long,
        value_name = "NAMES",
        value_delimiter = ',',
        default_value = "auto"
    )]
    pub devices: Vec<DeviceName>,
}

/// Runs the command; it serves until it is stopped.
pub fn run(args: &WorkerArgs) -> anyhow::Result<()> {
    let token = Token::read(&args.token_file)?;
    ensure!(
        args.listen.ip().is_loopback() || args.open_to_the_network,
        "{} can be reached from other machines, and nothing is encrypted: listen on 127.0.0.1 and use \
         an SSH tunnel, or add --open-to-the-network",
        args.listen
    );
    let devices = args.devices.iter().map(local_device);
    let devices = devices.collect::<anyhow::Result<Vec<_>>>()?;
    let names: Vec<String> = devices.iter().map(|(_, name)| name.clone()).collect();
    let listener = TcpListener::bind(args.listen)
        .with_context(|| format!("cannot listen on {}", args.listen))?;
    println!(
        "Offering {} on {}; stop with Ctrl+C",
        names.join(" + "),
        listener.local_addr()?
    );
    Server::new(devices, token).serve(&listener)
}
