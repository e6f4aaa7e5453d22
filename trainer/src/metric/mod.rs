//! How close a picture is to the original, by the protocol of the super-resolution papers.

mod lpips;
mod luma;
mod psnr;
mod ssim;

pub use lpips::Lpips;
pub use luma::Luma;
pub use psnr::psnr_db;
pub use ssim::ssim;
