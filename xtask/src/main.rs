//! The program behind `cargo xtask`.

use std::process::ExitCode;

use clap::{Parser, Subcommand};
use xtask::bench::{self, BenchArgs};
use xtask::dist;
use xtask::fuzz::{self, FuzzArgs};
use xtask::server::{Server, Site};
use xtask::test::{self, TestArgs};
use xtask::{tools, wasm};

/// Development commands of the project.
#[derive(Parser)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Builds the wasm, and serves the page on this machine.
    Serve {
        /// Port to listen on; by default 8080 or the next free one.
        #[arg(long)]
        port: Option<u16>,
        /// Serves the last build without building again.
        #[arg(long)]
        no_build: bool,
    },
    /// Runs all tests.
    Test(TestArgs),
    /// Measures speed and memory, compared with named peers.
    Bench(BenchArgs),
    /// Runs targets on many damaged and random inputs: model files, graphs, images.
    Fuzz(FuzzArgs),
    /// Builds the site for a static host, and prints the sizes of its files; a size over budget is an error.
    Dist,
}

fn serve(port: Option<u16>, no_build: bool) -> anyhow::Result<()> {
    if !no_build {
        tools::ensure_target()?;
        wasm::build(&tools::wasm_bindgen()?)?;
    }
    let site = Site::default().mount("/", xtask::root().join("www"));
    let server = Server::start(site, port)?;
    println!("Uprez runs at {} (Ctrl-C ends it)", server.url("/"));
    server.wait();
    Ok(())
}

fn main() -> ExitCode {
    let result = match Cli::parse().command {
        Command::Serve { port, no_build } => serve(port, no_build),
        Command::Test(args) => test::run(&args),
        Command::Bench(args) => bench::run(&args),
        Command::Fuzz(args) => fuzz::run(&args),
        Command::Dist => dist::run(),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}
