//! Damaged model files: each one has to be read or refused, without a panic.

use engine::container::{DESCRIPTION, File, GRAPH, PlanError};
use engine::reference::random::Random;

use super::mutate;
use super::record_file::Parts;
use super::round::Target;
use super::text::{small_graph, written};

/// Reads the parts of a file that the container does not interpret.
pub type Further = Box<dyn Fn(&[u8]) + Sync>;

/// Model files with damaged bytes, entries and graphs.
pub struct Records {
    files: Vec<Vec<u8>>,
    parts: Vec<Parts>,
    further: Option<Further>,
}

impl Records {
    /// Damages these files, and files made of random graphs. `further` reads what this module cannot read.
    pub fn new(files: Vec<Vec<u8>>, further: Option<Further>) -> Self {
        let parts = files.iter().filter_map(|file| Parts::of(file)).collect();
        Self {
            files,
            parts,
            further,
        }
    }

    fn parts(&self, random: &mut Random) -> Parts {
        let known = random.below(self.parts.len() + 1);
        if let Some(parts) = self.parts.get(known) {
            return parts.clone();
        }
        let (graph, spec) = small_graph(random, 4);
        let mut parts = Parts::default();
        parts.metadata.push((DESCRIPTION.into(), "{}".into()));
        let key = format!("{GRAPH}{}", spec.scale);
        parts.metadata.push((key, written(&graph.graph, &spec)));
        for (name, values) in &graph.parameters {
            parts.push(name, &[values.len()], values);
        }
        parts
    }
}

impl Target for Records {
    fn name(&self) -> &'static str {
        "records"
    }

    fn input(&self, random: &mut Random) -> Vec<u8> {
        let mut parts = self.parts(random);
        if random.below(4) > 0 {
            let other = self.parts(random);
            for _ in 0..random.below(3) {
                damage(random, &mut parts, &other);
            }
        }
        let mut bytes = match random.below(4) {
            0 if !self.files.is_empty() => self.files[random.below(self.files.len())].clone(),
            _ => parts.bytes(),
        };
        if random.below(3) == 0 {
            let other = match self.files.len() {
                0 => bytes.clone(),
                count => self.files[random.below(count)].clone(),
            };
            match random.below(2) {
                // Damage the table of contents, which is a small part of the file.
                0 => {
                    let rest = bytes.split_off(bytes.len().min(2000));
                    mutate::bytes(random, &mut bytes, &other[..other.len().min(2000)]);
                    bytes.extend(rest);
                }
                _ => mutate::bytes(random, &mut bytes, &other),
            }
        }
        bytes
    }

    fn run(&self, input: &[u8]) -> Result<(), String> {
        if let Ok(file) = File::open(input) {
            let _ = file.description().map(str::len);
            let scales = file.scales();
            let parameters = file.parameters();
            for scale in scales
                .iter()
                .map(|scale| Some(*scale))
                .chain([None, Some(17)])
            {
                match file.plan(scale) {
                    Ok((plan, spec)) => {
                        let channels = [plan.input().channels, plan.output().channels];
                        if channels != [spec.colour.channels(); 2] {
                            return Err(format!("a plan of {channels:?} channels for {spec:?}"));
                        }
                    }
                    Err(PlanError::None) if !scales.is_empty() => {
                        return Err("it has graphs and is said to have none".into());
                    }
                    Err(error) => drop(error.to_string()),
                }
            }
            let values: usize = parameters
                .iter()
                .flatten()
                .map(|tensor| tensor.values.len())
                .sum();
            // A stored value takes at least two bytes.
            if 2 * values > input.len() {
                return Err(format!("{values} values of {} bytes", input.len()));
            }
        }
        if let Some(further) = &self.further {
            further(input);
        }
        Ok(())
    }
}

fn damage(random: &mut Random, parts: &mut Parts, other: &Parts) {
    const PLACES: [u64; 8] = [0, 1, 255, 256, 1 << 31, 1 << 32, 1 << 63, u64::MAX];
    let tensor = random.below(parts.tensors.len());
    match random.below(10) {
        0 => {
            let copied = other.tensors.get(random.below(other.tensors.len()));
            parts.tensors.extend(copied.cloned());
        }
        1 if tensor < parts.tensors.len() => {
            parts.tensors.remove(tensor);
        }
        2 if tensor < parts.tensors.len() => {
            let names = ["F16", "F32", "F64", "I8", "", "BF16"];
            parts.tensors[tensor].dtype = random.one_of(&names).into();
        }
        3 if tensor < parts.tensors.len() => {
            let place = random.below(2);
            let number = &mut parts.tensors[tensor].range[place];
            *number = match random.below(3) {
                0 => random.one_of(&PLACES),
                1 => number.wrapping_add(random.one_of(&[1, 2, 4, u64::MAX])),
                _ => parts.data.len() as u64,
            };
        }
        4 if tensor < parts.tensors.len() => {
            let shape = &mut parts.tensors[tensor].shape;
            let place = random.below(shape.len());
            match random.below(3) {
                0 if !shape.is_empty() => shape[place] = random.one_of(&PLACES),
                1 if !shape.is_empty() => {
                    shape.remove(place);
                }
                _ => shape.push(random.one_of(&PLACES)),
            }
        }
        5 if !parts.data.is_empty() => {
            let place = random.below(parts.data.len());
            parts.data[place] = 0xff;
            if let Some(next) = parts.data.get_mut(place + 1) {
                *next = 0x7f;
            }
        }
        6 => {
            let place = random.below(parts.data.len());
            parts.data.truncate(place);
        }
        _ => {
            let entry = random.below(parts.metadata.len());
            let taken = other.metadata.get(random.below(other.metadata.len()));
            let taken = taken.map_or("", |(_, text)| text);
            if let Some((_, text)) = parts.metadata.get_mut(entry) {
                *text = match text.starts_with('{') {
                    true => mutate::text(random, &text.replace(',', " ,"), taken),
                    false => mutate::text(random, text, taken),
                };
            }
        }
    }
}
