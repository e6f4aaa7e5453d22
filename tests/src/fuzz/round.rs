//! Runs a fuzz target many times, on all cores.

use std::cell::RefCell;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, Once};
use std::time::{Duration, Instant};

use engine::reference::random::Random;

/// A function to run with random inputs.
pub trait Target: Sync {
    /// Name on the command line.
    fn name(&self) -> &'static str;

    /// Makes a random input.
    fn input(&self, random: &mut Random) -> Vec<u8>;

    /// Runs the function; an error or a panic is a defect. Refusing an input is no defect.
    fn run(&self, input: &[u8]) -> Result<(), String>;
}

/// Options of a fuzzing run.
#[derive(Clone, Debug)]
pub struct Round {
    /// Number of executions.
    pub runs: u64,
    /// First seed; execution i takes the input of `seed + i`.
    pub seed: u64,
    /// Folder for the inputs that failed.
    pub folder: PathBuf,
    /// Whether progress is printed.
    pub progress: bool,
}

/// Result of a fuzzing run.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Outcome {
    /// Number of executions.
    pub runs: u64,
    /// Number of failed executions.
    pub failed: u64,
    /// Messages of the first failures, and of memory beyond the limit.
    pub failures: Vec<String>,
}

/// Number of failures that are described; further ones are likely to repeat them.
const DESCRIBED: usize = 20;

const PROGRESS: Duration = Duration::from_secs(5);

/// The progress line names an execution that takes longer than this.
const LONG: Duration = Duration::from_secs(10);

/// Memory limit of the process: a constant, and an amount per thread.
const MEMORY_BYTES: [u64; 2] = [1 << 30, 256 << 20];

/// The input of a seed.
pub fn input(target: &dyn Target, seed: u64) -> Vec<u8> {
    let mut random = Random::new(seed);
    // Skip the first numbers, which are similar for neighbouring seeds.
    for _ in 0..8 {
        random.bits();
    }
    target.input(&mut random)
}

/// Runs a target on all cores.
pub fn run(target: &dyn Target, round: &Round) -> Outcome {
    catch_messages();
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    let (next, done) = (AtomicU64::new(0), AtomicU64::new(0));
    let found: Mutex<Outcome> = Mutex::default();
    let current: Vec<_> = (0..threads)
        .map(|_| Mutex::new((0, Instant::now())))
        .collect();
    let start = Instant::now();
    std::thread::scope(|scope| {
        for current in &current {
            scope.spawn(|| {
                loop {
                    let i = next.fetch_add(1, Ordering::Relaxed);
                    if i >= round.runs {
                        break;
                    }
                    let seed = round.seed.wrapping_add(i);
                    *lock(current) = (seed, Instant::now());
                    if let Err(problem) = once(target, seed) {
                        let text = failure(target, seed, &round.folder, &problem);
                        let mut found = lock(&found);
                        found.failed += 1;
                        if found.failures.len() < DESCRIBED {
                            eprintln!("{text}");
                            found.failures.push(text);
                        }
                    }
                    done.fetch_add(1, Ordering::Relaxed);
                }
            });
        }
        if round.progress {
            report(round, start, &done, &current);
        }
    });
    let mut found = found
        .into_inner()
        .unwrap_or_else(|error| error.into_inner());
    found.runs = done.into_inner();
    let [constant, each] = MEMORY_BYTES;
    let limit = constant + each * threads as u64;
    if let Some(peak) = peak_bytes().filter(|peak| *peak > limit) {
        found.failed += 1;
        found.failures.push(format!(
            "{}: the process took {} MiB of memory, and {} MiB are allowed",
            target.name(),
            peak >> 20,
            limit >> 20
        ));
    }
    found
}

fn report(round: &Round, start: Instant, done: &AtomicU64, current: &[Mutex<(u64, Instant)>]) {
    let mut printed = start;
    loop {
        std::thread::sleep(Duration::from_millis(20));
        let runs = done.load(Ordering::Relaxed);
        if runs >= round.runs {
            return;
        }
        if printed.elapsed() < PROGRESS {
            continue;
        }
        printed = Instant::now();
        let seconds = start.elapsed().as_secs();
        let mut line = format!("{runs} of {} executions after {seconds} s", round.runs);
        for current in current {
            let (seed, since) = *lock(current);
            if since.elapsed() > LONG {
                line += &format!(", seed {seed} for {} s", since.elapsed().as_secs());
            }
        }
        eprintln!("{line}");
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(|error| error.into_inner())
}

fn once(target: &dyn Target, seed: u64) -> Result<(), String> {
    let run = || target.run(&input(target, seed));
    catch_unwind(AssertUnwindSafe(run)).unwrap_or_else(|_| {
        let message = MESSAGE.with_borrow_mut(std::mem::take);
        Err(format!("panic: {message}"))
    })
}

/// Writes the input that failed, and returns a message that says how to run it again.
fn failure(target: &dyn Target, seed: u64, folder: &Path, problem: &str) -> String {
    let name = target.name();
    let path = folder.join(format!("{name}-{seed}.bin"));
    let written = catch_unwind(AssertUnwindSafe(|| input(target, seed)))
        .map_err(|_| "it cannot be made".to_string())
        .and_then(|bytes| {
            std::fs::create_dir_all(folder)
                .and_then(|()| std::fs::write(&path, bytes))
                .map_err(|error| error.to_string())
        });
    let place = match written {
        Ok(()) => format!("its input is {}", path.display()),
        Err(error) => format!("its input could not be written: {error}"),
    };
    format!(
        "{name}, seed {seed}: {problem}\n    {place}\n    cargo xtask fuzz {name} --seed {seed} --runs 1"
    )
}

thread_local! {
    /// Message of this thread's last panic.
    static MESSAGE: RefCell<String> = const { RefCell::new(String::new()) };
}

/// Keeps the messages of panics instead of printing them.
fn catch_messages() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        std::panic::set_hook(Box::new(|info| {
            MESSAGE.with_borrow_mut(|message| *message = info.to_string());
        }));
    });
}

/// Peak memory of this process in bytes; `None` except on Linux.
pub fn peak_bytes() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find(|line| line.starts_with("VmHWM:"))?;
    let kib: u64 = line.split_whitespace().nth(1)?.parse().ok()?;
    Some(kib << 10)
}
