//! The program behind `cargo xtask`.

use std::process::ExitCode;

use clap::{Parser, Subcommand};
use xtask::bench::{self, BenchArgs};
use xtask::dist;
use xtask::fuzz::{self, FuzzArgs};
use xtask::server::{Server, Site};
use xtask::test::{self, TestArgs};
use xtask::{frameworks, licences, tools, wasm};

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
        /// Serves the site as it is published, with the cache headers and compressed files of a host.
        #[arg(long)]
        dist: bool,
    },
    /// Runs all tests.
    Test(TestArgs),
    /// Measures speed and memory, compared with named peers.
    Bench(BenchArgs),
    /// Runs targets on many damaged and random inputs: model files, graphs, images.
    Fuzz(FuzzArgs),
    /// Builds the site for a static host and the npm packages, and prints the sizes of the site's files; a size over
    /// budget is an error.
    Dist,
    /// Installs the npm packages into a project of each bundler and framework of docs/frameworks.md, builds it, and opens
    /// it in Chromium.
    Frameworks {
        /// Only these: `--only vite,next`.
        #[arg(long, value_delimiter = ',')]
        only: Vec<String>,
    },
    /// Writes THIRD-PARTY.md, the licences of what the wasm contains.
    Licences,
}

fn serve(port: Option<u16>, no_build: bool, is_dist: bool) -> anyhow::Result<()> {
    if !no_build {
        tools::ensure_target()?;
        let bindgen = tools::wasm_bindgen()?;
        match is_dist {
            true => drop(dist::build(&bindgen)?),
            false => wasm::build(&bindgen)?,
        }
    }
    let site = match is_dist {
        true => Site::default().mount("/", dist::folder()?).published(),
        false => Site::default().mount("/", xtask::root().join("www")),
    };
    let server = Server::start(site, port)?;
    println!("Uprez runs at {} (Ctrl-C ends it)", server.url("/"));
    server.wait();
    Ok(())
}

fn main() -> ExitCode {
    let result = match Cli::parse().command {
        Command::Serve {
            port,
            no_build,
            dist,
        } => serve(port, no_build, dist),
        Command::Test(args) => test::run(&args),
        Command::Bench(args) => bench::run(&args),
        Command::Fuzz(args) => fuzz::run(&args),
        Command::Dist => dist::run(),
        Command::Frameworks { only } => frameworks::run(&only),
        Command::Licences => licences::run(),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}
