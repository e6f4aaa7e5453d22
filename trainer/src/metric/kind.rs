//! The metrics by name.

use clap::ValueEnum;

use super::{Plane, ifc, ms_ssim, psnr_of_planes_db, ssim, ssim_mean, vif};

/// A metric that compares an image with its original.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Metric {
    /// Peak signal-to-noise ratio in dB.
    Psnr,
    /// Structural similarity.
    Ssim,
    /// Multi-scale structural similarity.
    #[value(name = "ms_ssim", alias = "ms-ssim")]
    MsSsim,
    /// Structural similarity with a uniform window.
    #[value(name = "ssim_mean", alias = "ssim-mean")]
    SsimMean,
    /// Visual information fidelity, in the pixel domain.
    Vif,
    /// Information fidelity criterion.
    Ifc,
    /// SSIMULACRA 2.
    Ssimulacra2,
    /// Learned perceptual image patch similarity; needs --lpips.
    Lpips,
    /// Deep image structure and texture similarity; needs --dists.
    Dists,
}

impl Metric {
    /// Its name in commands and JSON.
    pub fn key(self) -> &'static str {
        match self {
            Self::Psnr => "psnr",
            Self::Ssim => "ssim",
            Self::MsSsim => "ms_ssim",
            Self::SsimMean => "ssim_mean",
            Self::Vif => "vif",
            Self::Ifc => "ifc",
            Self::Ssimulacra2 => "ssimulacra2",
            Self::Lpips => "lpips",
            Self::Dists => "dists",
        }
    }

    /// Its name in tables.
    pub fn name(self) -> &'static str {
        match self {
            Self::Psnr => "PSNR",
            Self::Ssim => "SSIM",
            Self::MsSsim => "MS-SSIM",
            Self::SsimMean => "SSIM-mean",
            Self::Vif => "VIF",
            Self::Ifc => "IFC",
            Self::Ssimulacra2 => "SSIMULACRA2",
            Self::Lpips => "LPIPS",
            Self::Dists => "DISTS",
        }
    }

    /// A description with its source, for reports.
    pub fn about(self) -> &'static str {
        match self {
            Self::Psnr => "peak signal-to-noise ratio in dB",
            Self::Ssim => {
                "structural similarity, Gaussian window of 11 px (Wang, Bovik, Sheikh and \
                 Simoncelli 2004)"
            }
            Self::MsSsim => {
                "structural similarity over five scales (Wang, Simoncelli and Bovik 2003)"
            }
            Self::SsimMean => {
                "structural similarity, uniform window of 7×7 px (scikit-image's default)"
            }
            Self::Vif => {
                "visual information fidelity in the pixel domain, VIFp (Sheikh and Bovik 2006)"
            }
            Self::Ifc => {
                "information fidelity criterion in bits per pixel, in the wavelet domain (Sheikh, \
                 Bovik and de Veciana 2005)"
            }
            Self::Lpips => {
                "learned perceptual image patch similarity 0.1 (Zhang, Isola, Efros, Shechtman and \
                 Wang 2018), on whole RGB images"
            }
            Self::Dists => {
                "deep image structure and texture similarity (Ding, Ma, Wang and Simoncelli 2020), on \
                 whole RGB images"
            }
            Self::Ssimulacra2 => "SSIMULACRA 2 (Sneyers 2022), on whole sRGB images",
        }
    }

    /// Digits after the decimal point in tables.
    pub fn digits(self) -> usize {
        match self {
            Self::Ssimulacra2 => 2,
            Self::Psnr | Self::Ifc => 3,
            _ => 4,
        }
    }

    /// Whether less is better.
    pub fn is_distance(self) -> bool {
        matches!(self, Self::Lpips | Self::Dists)
    }

    /// Whether it compares whole images, not the planes of a protocol.
    pub fn is_of_whole_images(self) -> bool {
        matches!(self, Self::Lpips | Self::Dists | Self::Ssimulacra2)
    }

    /// The smallest side, without the border, of an image that it can be computed for.
    pub fn smallest_px(self) -> usize {
        match self {
            Self::Psnr => 1,
            Self::Ssim => super::ssim::WINDOW_PX,
            Self::MsSsim => super::ssim::MULTI_SCALE_PX,
            Self::SsimMean => super::ssim::MEAN_WINDOW_PX,
            Self::Vif => super::vif::SMALLEST_PX,
            Self::Ifc => super::ifc::SMALLEST_PX,
            Self::Ssimulacra2 => super::ssimulacra2::SMALLEST_PX,
            Self::Lpips => super::lpips::SMALLEST_PX,
            Self::Dists => super::dists::SMALLEST_PX,
        }
    }

    /// Compares planes: the mean over the planes, except for PSNR, which uses all values at once.
    ///
    /// `None` for planes that are too small, and for metrics of whole images.
    pub fn of_planes(self, original: &[Plane], image: &[Plane]) -> Option<f64> {
        let of_plane = match self {
            Self::Psnr => return Some(psnr_of_planes_db(original, image)),
            Self::Ssim => ssim,
            Self::MsSsim => ms_ssim,
            Self::SsimMean => ssim_mean,
            Self::Vif => vif,
            Self::Ifc => ifc,
            Self::Lpips | Self::Dists | Self::Ssimulacra2 => return None,
        };
        let planes = original.iter().zip(image);
        let scores: Option<Vec<f64>> = planes.map(|(a, b)| of_plane(a, b)).collect();
        Some(scores?.iter().sum::<f64>() / original.len() as f64)
    }
}
