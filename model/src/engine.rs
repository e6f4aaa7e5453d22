//! Who computes a network: [Burn](BurnEngine), or one of the engines that run its plan.

mod burn;

pub use engine::*;

pub use self::burn::BurnEngine;
#[cfg(feature = "ndarray")]
pub use self::burn::ndarray;
