//! A training on several devices of one machine.

mod common;

use std::path::Path;

use burn::tensor::Device;
use common::{PLAIN, config};
use trainer::config::Config;
use trainer::data::{Dataset, Sampler};
use trainer::device::Devices;
use trainer::train::{Learn, Trainer};

/// The parameters after one step of gradient descent with learning rate 1, which show the gradient.
fn after_a_step(devices: usize, accumulate: usize) -> Vec<f32> {
    let text = config(PLAIN, &format!("accumulate = {accumulate}"))
        .replace("kind = \"adam\"", "kind = \"sgd\", momentum = 0.0")
        .replace("learning_rate = 2e-3", "learning_rate = 1")
        .replace("schedule = { warm_up_steps = 5, decay = \"cosine\" }\n", "")
        .replace("clip_norm = 0.1\n", "")
        .replace("batch = 4", "batch = 7")
        .replace("hold_out = 1", "hold_out = 0");
    let config = Config::parse(&text, Path::new(".")).unwrap();
    let dataset = Dataset::load(&config).unwrap();
    let batch = Sampler::new(dataset, &config).unwrap().batch(0).unwrap();
    let mut several = Devices::from(Device::flex());
    several.all = vec![several.all[0].clone(); devices];
    let mut trainer = Trainer::on(&config, several).unwrap();
    trainer.step(batch).unwrap();
    let vectors = trainer.checkpoint().vectors;
    let (_, parameters) = vectors
        .into_iter()
        .find(|(name, _)| name == "parameters")
        .unwrap();
    parameters.into_data().iter::<f32>().collect()
}

#[test]
fn shares_of_a_batch_give_the_gradient_of_the_whole() {
    let whole = after_a_step(1, 1);
    for (devices, accumulate) in [(2, 1), (1, 3), (3, 2)] {
        let parts = after_a_step(devices, accumulate);
        for (a, b) in whole.iter().zip(&parts) {
            assert!(
                (a - b).abs() < 1e-6,
                "{devices} × {accumulate}: {a} and {b}"
            );
        }
    }
}
