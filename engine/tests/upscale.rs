//! Upscaling with several tiles in flight gives the same image and progress, and leaves no tiles behind.

use std::cell::Cell;
use std::ops::ControlFlow;
use std::rc::Rc;

use engine::image::{Channels, Image, Planes};
use engine::pipeline::{Options, Progress, UpscaleError, upscale};
use engine::{Colour, Engine, EngineError, Grid, Input, Running, Spec};

/// An engine that returns its input with a delay.
#[derive(Default)]
struct Echo {
    depth: usize,
    /// The tile whose start fails (`refuses`), and the one that fails later (`fails`).
    refuses: Option<usize>,
    fails: Option<usize>,
    started: usize,
    most: usize,
    under_way: Rc<Cell<usize>>,
}

/// Counts its living instances.
struct Counted(Rc<Cell<usize>>);

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.update(|count| count - 1);
    }
}

impl Engine for Echo {
    fn name(&self) -> &str {
        "echo"
    }

    fn depth(&self) -> usize {
        self.depth
    }

    fn start(&mut self, input: Planes) -> Result<Running, EngineError> {
        let failed = || EngineError::Failed("as it was told to".to_string());
        let number = Some(self.started);
        self.started += 1;
        if number == self.refuses {
            return Err(failed());
        }
        let fails = number == self.fails;
        self.under_way.update(|count| count + 1);
        self.most = self.most.max(self.under_way.get());
        let counted = Counted(self.under_way.clone());
        Ok(Box::pin(async move {
            let _counted = counted;
            match fails {
                true => Err(failed()),
                false => Ok(input),
            }
        }))
    }
}

const ECHO: Spec = Spec {
    scale: 1,
    colour: Colour::Rgb,
    input: Input::LowResolution,
};

fn noise(width: usize, height: usize, channels: Channels) -> Image {
    let count = width * height * channels.count();
    let data = (0..count as u32).map(|i| (i.wrapping_mul(2_654_435_761) >> 23) as u8);
    Image::new(width, height, channels, data.collect()).unwrap()
}

/// Upscales in tiles of 16 pixels and cancels after `last` tiles; also returns the reported progress.
fn tiled(
    engine: &mut impl Engine,
    spec: &Spec,
    image: &Image,
    last: usize,
) -> (Result<Image, UpscaleError>, Vec<usize>) {
    let mut seen = Vec::new();
    let watch = |progress: Progress| {
        seen.push(progress.done);
        match progress.done < last {
            true => ControlFlow::Continue(()),
            false => ControlFlow::Break(()),
        }
    };
    let options = Options { tile_px: Some(16) };
    let result = pollster::block_on(upscale(engine, spec, image, &options, watch));
    (result, seen)
}

#[test]
fn so_many_tiles_are_under_way_as_the_engine_likes() {
    let image = noise(50, 33, Channels::Rgb);
    // A depth of 0 is treated as 1.
    for (depth, most) in [(0, 1), (1, 1), (2, 2), (100, 12)] {
        let mut engine = Echo {
            depth,
            ..Echo::default()
        };
        let (result, seen) = tiled(&mut engine, &ECHO, &image, usize::MAX);
        assert!(result.unwrap() == image, "{depth}");
        assert_eq!(seen, (0..=12).collect::<Vec<_>>());
        assert_eq!((engine.started, engine.most), (12, most));
        assert_eq!(engine.under_way.get(), 0);
    }
}

#[test]
fn whoever_cancels_leaves_nothing_under_way() {
    let image = noise(64, 48, Channels::Rgb);
    for depth in [1, 2] {
        let mut engine = Echo {
            depth,
            ..Echo::default()
        };
        for (last, started) in [(0, 0), (2, 1 + depth)] {
            engine.started = 0;
            let (result, seen) = tiled(&mut engine, &ECHO, &image, last);
            assert!(matches!(result, Err(UpscaleError::Cancelled)));
            assert_eq!(seen, (0..=last).collect::<Vec<_>>());
            assert_eq!((engine.started, engine.under_way.get()), (started, 0));
        }
        let (again, _) = tiled(&mut engine, &ECHO, &image, usize::MAX);
        assert!(again.unwrap() == image);
    }
}

#[test]
fn an_error_comes_in_its_turn_and_leaves_nothing_under_way() {
    let image = noise(64, 48, Channels::Rgb);
    for (depth, fails, refuses) in [
        (1, Some(3), None),
        (1, None, Some(3)),
        (2, Some(3), None),
        (2, None, Some(3)),
    ] {
        let mut engine = Echo {
            depth,
            fails,
            refuses,
            ..Echo::default()
        };
        let (result, seen) = tiled(&mut engine, &ECHO, &image, usize::MAX);
        assert!(matches!(result, Err(UpscaleError::Engine(_))));
        assert_eq!(seen, [0, 1, 2, 3]);
        assert_eq!((engine.started, engine.under_way.get()), (3 + depth, 0));
    }
}

/// Runs on any adapter, including software ones such as lavapipe.
#[cfg(feature = "webgpu")]
mod webgpu {
    use engine::container::File;
    use engine::webgpu::{Gpu, WebGpuEngine, trusted};

    use super::*;

    /// Limits the engine to one tile at a time.
    struct Sequential(WebGpuEngine);

    impl Engine for Sequential {
        fn name(&self) -> &str {
            self.0.name()
        }

        fn grid(&self) -> Grid {
            self.0.grid()
        }

        fn start(&mut self, input: Planes) -> Result<Running, EngineError> {
            self.0.start(input)
        }
    }

    /// The shipped network on the GPU. `None` without an adapter: a crate that is tested alone links no GPU driver.
    fn open() -> Option<(WebGpuEngine, Spec)> {
        let gpu = match pollster::block_on(Gpu::open(true)) {
            Ok(gpu) => gpu,
            Err(error) => {
                println!("NOT RUN: {error}");
                return None;
            }
        };
        let bytes = include_bytes!("../../www/models/fast-x2.bpk");
        let (plan, spec) = File::open(bytes).unwrap().plan(None).unwrap();
        Some((pollster::block_on(trusted(&gpu, &plan)).unwrap(), spec))
    }

    #[test]
    fn two_tiles_at_once_give_the_bytes_of_one_after_the_other() {
        let Some((mut engine, spec)) = open() else {
            return;
        };
        assert_eq!(engine.depth(), 2);
        // Tiles of several sizes, so that buffers grow while another tile is in flight.
        let image = noise(75, 50, Channels::Rgba);
        let (overlapped, seen) = tiled(&mut engine, &spec, &image, usize::MAX);
        assert_eq!(seen, (0..=20).collect::<Vec<_>>());
        let mut engine = Sequential(engine);
        let (expected, _) = tiled(&mut engine, &spec, &image, usize::MAX);
        assert!(overlapped.unwrap() == expected.unwrap());
    }

    #[test]
    fn a_cancelled_picture_leaves_the_next_one_alone() {
        let Some((mut engine, spec)) = open() else {
            return;
        };
        let image = noise(75, 50, Channels::Rgb);
        let (expected, _) = tiled(&mut engine, &spec, &image, usize::MAX);
        let expected = expected.unwrap();
        for last in [1, 2, 5] {
            let (cancelled, _) = tiled(&mut engine, &spec, &image, last);
            assert!(matches!(cancelled, Err(UpscaleError::Cancelled)));
            let (again, _) = tiled(&mut engine, &spec, &image, usize::MAX);
            assert!(again.unwrap() == expected, "after {last}");
        }
    }
}
