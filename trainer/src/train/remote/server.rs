//! The worker's end of connections.

use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::time::Duration;

use anyhow::{Context, bail, ensure};
use burn::tensor::Device;

use super::message::{LARGEST_FEATURES, LONGEST_CONFIG, Reply, Request, Sizes};
use crate::config::Config;
use crate::remote::{Connection, FrameError, Limits, Token, accept};
use crate::train::failure::failure;
use crate::train::worker::LocalWorker;

/// A training has to send its setup within this time.
const SETUP_TIMEOUT: Duration = Duration::from_secs(60);

/// Time after which a silent training counts as gone. Between two steps, it may evaluate for hours.
const IDLE_TIMEOUT: Duration = Duration::from_secs(12 * 3600);

/// Interval of the messages that tell a training that its computation is still running.
const BUSY_INTERVAL: Duration = Duration::from_secs(5);

/// The largest number of connections that have not sent a token yet; further ones are closed at once.
const MOST_STRANGERS: usize = 32;

/// The devices that a worker offers to trainings with the token.
pub struct Server {
    /// Devices and their names.
    pub devices: Vec<(Device, String)>,
    /// The token that a training has to show.
    pub token: Token,
    strangers: AtomicUsize,
}

impl Server {
    /// A server of these devices.
    pub fn new(devices: Vec<(Device, String)>, token: Token) -> Self {
        Self {
            devices,
            token,
            strangers: AtomicUsize::new(0),
        }
    }

    /// Serves each connection in its own thread, until the process ends.
    pub fn serve(&self, listener: &TcpListener) -> anyhow::Result<()> {
        std::thread::scope(|scope| {
            loop {
                let (stream, peer) = match listener.accept() {
                    Ok(connection) => connection,
                    Err(error) => {
                        // Such as too many open files: the next attempt may succeed.
                        eprintln!("a connection could not be accepted: {error}");
                        std::thread::sleep(Duration::from_millis(100));
                        continue;
                    }
                };
                if self.strangers.fetch_add(1, Ordering::Relaxed) >= MOST_STRANGERS {
                    self.strangers.fetch_sub(1, Ordering::Relaxed);
                    continue;
                }
                scope.spawn(move || {
                    if let Err(error) = self.connection(stream, peer) {
                        eprintln!("{peer}: {error:#}");
                    }
                });
            }
        })
    }

    fn connection(&self, stream: TcpStream, peer: SocketAddr) -> anyhow::Result<()> {
        let names = self.devices.iter().map(|(_, name)| name.clone()).collect();
        let accepted = accept(stream, &self.token, names);
        self.strangers.fetch_sub(1, Ordering::Relaxed);
        let mut connection = accepted?;
        let result = self.training(&mut connection, peer);
        if let Err(error) = &result {
            // The training may be gone, in which case this fails as well.
            let _ = connection.send(&Reply::Failed(format!("{error:#}")), &[]);
        }
        result
    }

    fn training(&self, connection: &mut Connection, peer: SocketAddr) -> anyhow::Result<()> {
        let limits = Limits::payload(LONGEST_CONFIG);
        let (device, features, text) = match connection.receive(limits, SETUP_TIMEOUT) {
            Ok((Request::Setup { device, features }, text)) => (device, features, text),
            Ok((other, _)) => bail!("{other:?} came before the setup"),
            // The training only asked for the list of devices.
            Err(FrameError::Closed) => return Ok(()),
            Err(error) => return Err(error.into()),
        };
        let (device, name) = self
            .devices
            .get(device)
            .with_context(|| format!("there is no device {device} here"))?;
        let text = String::from_utf8(text).context("the configuration is not UTF-8 text")?;
        let folder = tempfile::tempdir().context("cannot create a temporary folder")?;
        let mut config =
            Config::parse(&text, folder.path()).context("the configuration cannot be used here")?;
        config.training.features.clear();
        let needed = config.loss_features();
        for (number, feature) in features.into_iter().enumerate() {
            ensure!(needed.contains(&feature), "the loss needs no {feature:?}");
            // Not by its name, which may be a path.
            let path = folder.path().join(number.to_string());
            receive_features(connection, &path)?;
            config.training.features.insert(feature, path);
        }
        let (device, name) = (device.clone(), name.clone());
        let create = || LocalWorker::new(&config, device.clone(), name.clone());
        let mut worker = with_heartbeat(connection, create)??;
        let sizes = Sizes::new(&config, worker.lengths());
        connection.send(&Reply::Ready, &[])?;
        println!("{peer} trains {} on {name}", config.name);
        loop {
            let limits = Limits::payload(sizes.step_bytes());
            let (step, payload) = match connection.receive(limits, IDLE_TIMEOUT) {
                Ok((Request::Step(step), payload)) => (step, payload),
                Ok((other, _)) => bail!("{other:?} came instead of a step"),
                Err(FrameError::Closed) => {
                    println!("{peer} has ended its training");
                    return Ok(());
                }
                Err(error) => return Err(error.into()),
            };
            let task = sizes.decode_task(&step, &payload, &device)?;
            let compute = || sizes.encode_shares(worker.work(task));
            let shares = with_heartbeat(connection, compute)?;
            connection.send(&Reply::Shares, &shares)?;
        }
    }
}

fn receive_features(connection: &mut Connection, path: &Path) -> anyhow::Result<()> {
    let limits = Limits::payload(LARGEST_FEATURES);
    match connection.receive(limits, SETUP_TIMEOUT)? {
        (Request::Features, bytes) => std::fs::write(path, bytes)
            .with_context(|| format!("cannot write {}: is the disk full?", path.display())),
        (other, _) => bail!("{other:?} came instead of feature weights"),
    }
}

/// Computes in a thread, and keeps telling the training that it is still running. A panic, which is how Burn reports a
/// lost GPU, is returned as an error.
fn with_heartbeat<T: Send>(
    connection: &mut Connection,
    compute: impl FnOnce() -> T + Send,
) -> anyhow::Result<T> {
    std::thread::scope(|scope| {
        let (running, ended) = channel::<()>();
        let thread = scope.spawn(move || {
            let _running = running;
            compute()
        });
        let mut sent = Ok(());
        while let Err(RecvTimeoutError::Timeout) = ended.recv_timeout(BUSY_INTERVAL) {
            sent = sent.and_then(|()| connection.send(&Reply::Busy, &[]));
        }
        let result = thread.join();
        sent?;
        result.map_err(|panic| failure(&*panic).context("the device has failed"))
    })
}
