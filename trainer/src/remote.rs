//! Other machines as devices: Burn's remote backend, served by `trainer worker`.

use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};

use anyhow::{Context, ensure};
use burn::tensor::Device;
use clap::Args;

use crate::device::{DeviceName, Devices};

/// Offers this machine's devices to trainings on other machines.
///
/// A training there names it as a device: `--devices remote:ws://this-machine:3000 --token-file F`.
/// Whoever knows the token may compute here; what goes over the wire (pictures, weights, the token)
/// is not encrypted.
#[derive(Args, Clone, Debug)]
#[command(after_help = "\
Examples:
  openssl rand -hex 32 > token
  cargo run -p trainer -- worker --listen 127.0.0.1:3000 --token-file token
  cargo run -p trainer -- train --devices cpu,remote:ws://127.0.0.1:3000 --token-file token

From another machine, through an encrypted tunnel:
  ssh -L 3000:127.0.0.1:3000 that-machine")]
pub struct WorkerArgs {
    /// Where to listen; anything but this machine itself needs --open-to-the-network, too.
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:3000")]
    pub listen: SocketAddr,
    /// The file that holds the token which a training has to show.
    #[arg(long, value_name = "FILE")]
    pub token_file: PathBuf,
    /// Listen where other machines can connect, unencrypted: on networks that you trust alone.
    #[arg(long)]
    pub open_to_the_network: bool,
    /// What is offered: auto, cpu, gpu, gpu:1; several have to be cards.
    #[arg(
        long,
        value_name = "NAMES",
        value_delimiter = ',',
        default_value = "auto"
    )]
    pub devices: Vec<DeviceName>,
}

/// Shorter tokens could be guessed.
const SHORTEST_TOKEN: usize = 16;

/// Reads a token: one line of a file.
pub fn read_token(path: &Path) -> anyhow::Result<String> {
    let text = std::fs::read_to_string(path)
        .with_context(|| format!("cannot read the token in {}", path.display()))?;
    let token = text.trim();
    ensure!(
        token.len() >= SHORTEST_TOKEN && !token.contains(char::is_whitespace),
        "{} holds no token: write one line of {SHORTEST_TOKEN} letters and digits at least, such as \
         `openssl rand -hex 32` prints",
        path.display()
    );
    Ok(token.to_string())
}

/// The command `worker`; returns when it is stopped by Ctrl+C.
pub fn run(args: &WorkerArgs) -> anyhow::Result<()> {
    let token = read_token(&args.token_file)?;
    ensure!(
        args.listen.ip().is_loopback() || args.open_to_the_network,
        "{} is open to other machines, and nothing is encrypted: listen on 127.0.0.1 and use an SSH \
         tunnel, or say --open-to-the-network",
        args.listen
    );
    ensure!(
        !args
            .devices
            .iter()
            .any(|name| matches!(name, DeviceName::Remote(_))),
        "a worker offers its own devices, not other machines'"
    );
    let devices = Devices::connect(&args.devices, None)?;
    let names = devices.names();
    let devices: Vec<Device> = devices
        .workers
        .into_iter()
        .map(|place| place.device)
        .collect();
    ensure!(
        devices.len() == 1 || !devices.contains(&Device::flex()),
        "the CPU can only be offered alone"
    );
    let listener = TcpListener::bind(args.listen)
        .with_context(|| format!("cannot listen on {}", args.listen))?;
    println!(
        "Offering {names} on ws://{}; stop with Ctrl+C",
        listener.local_addr()?
    );
    drop((listener, token));
    anyhow::bail!("not available in this build")
}
