//! Metrics of the difference between an image and its original.

mod dists;
mod ifc;
mod kind;
mod lpips;
mod plane;
mod psnr;
mod pyramid;
mod ssim;
mod ssimulacra2;
mod vif;
mod window;

pub use dists::{Dists, SMALLEST_PX as DISTS_SMALLEST_PX};
pub use ifc::ifc;
pub use kind::Metric;
pub use lpips::{Lpips, SMALLEST_PX as LPIPS_SMALLEST_PX};
pub use plane::Plane;
pub use psnr::{psnr_db, psnr_of_planes_db};
pub use ssim::{ms_ssim, ssim, ssim_mean};
pub use ssimulacra2::ssimulacra2;
pub use vif::vif;
