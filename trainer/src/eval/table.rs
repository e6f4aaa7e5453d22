//! An evaluation as text.

use std::fmt;

use super::{Evaluation, Scores};

impl fmt::Display for Evaluation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names = self.images.iter().map(|image| image.name.chars().count());
        let width = names.chain([5]).max().unwrap_or(5);
        let line = |name: &str, scores: &Scores, f: &mut fmt::Formatter<'_>| {
            write!(
                f,
                "{name:<width$}  {:>7.3}  {:.4}   {:>7.3}  {:.4}   {:>+6.2}",
                scores.psnr_y,
                scores.ssim_y,
                scores.bicubic_psnr_y,
                scores.bicubic_ssim_y,
                scores.psnr_y - scores.bicubic_psnr_y,
            )?;
            match (scores.lpips, scores.bicubic_lpips) {
                (Some(model), Some(bicubic)) => writeln!(f, "   {model:.4}   {bicubic:.4}"),
                _ => writeln!(f),
            }
        };
        let lpips = self.mean.lpips.is_some();
        writeln!(f, "{}", self.protocol)?;
        writeln!(
            f,
            "{:<width$}    model            bicubic           gain{}",
            "",
            if lpips { "   LPIPS" } else { "" }
        )?;
        writeln!(
            f,
            "{:<width$}   PSNR-Y  SSIM-Y   PSNR-Y  SSIM-Y     dB{}",
            "image",
            if lpips { "    model    bicubic" } else { "" }
        )?;
        for image in &self.images {
            line(&image.name, &image.scores, f)?;
        }
        line("mean", &self.mean, f)
    }
}
