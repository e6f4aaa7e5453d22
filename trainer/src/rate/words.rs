//! Words and numbers of the tables and sentences.

use super::summary::{BUDGETS, DRAWN};
use crate::eval::table::Cell;

/// Names of the budgets, such as `0.12 bpp`.
pub(super) fn budget_names() -> Vec<String> {
    BUDGETS.map(|bits| format!("{bits} bpp")).to_vec()
}

/// `from 0.31 bpp on`
pub(super) fn crossing(up_to: f64) -> String {
    match up_to {
        0.0 => "everywhere".to_string(),
        up_to if up_to >= DRAWN[1] => "nowhere".to_string(),
        up_to => format!("from {up_to:.2} bpp on"),
    }
}

/// Bytes relative to the full-size file's; fewer ones are marked.
pub(super) fn cell(needed: Option<f64>) -> Cell {
    let text = match needed {
        None => "–".to_string(),
        Some(needed) if needed.is_infinite() => "never".to_string(),
        Some(needed) => match (100.0 * (needed - 1.0)).round() {
            0.0 => "0 %".to_string(),
            percent if percent < 0.0 => format!("−{} %", -percent),
            percent => format!("+{percent} %"),
        },
    };
    Cell {
        text,
        best: needed.is_some_and(|needed| needed < 0.995),
    }
}

/// `half size, fast-x2 needs fewer bytes at 0.12 and 0.19 bpp, and more at 0.3, 0.46 and 0.8 bpp`
pub(super) fn verdict(medians: &[Option<f64>], model: &str) -> String {
    let at = |is_asked: &dyn Fn(f64) -> bool| -> Option<String> {
        let budgets = BUDGETS.iter().zip(medians);
        let budgets = budgets.filter(|(_, median)| median.is_some_and(is_asked));
        let budgets: Vec<String> = budgets.map(|(bits, _)| bits.to_string()).collect();
        let (last, first) = budgets.split_last()?;
        Some(match first {
            [] => format!("{last} bpp"),
            _ => format!("{} and {last} bpp", first.join(", ")),
        })
    };
    let fewer = at(&|needed| needed < 1.0);
    let more = at(&|needed| needed >= 1.0 && needed.is_finite());
    let never = at(&f64::is_infinite);
    let parts = [
        fewer.map(|at| format!("needs fewer bytes than full size at {at}")),
        more.map(|at| format!("needs as many or more at {at}")),
        never.map(|at| format!("never reaches the quality that full size has at {at}")),
    ];
    let parts: Vec<String> = parts.into_iter().flatten().collect();
    match parts.is_empty() {
        true => format!("{model} and full size have no budget in common"),
        false => format!("{model} {}", parts.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn relative_bytes_are_percentages() {
        let text = |needed| cell(needed).text;
        assert_eq!(text(Some(0.871)), "−13 %");
        assert_eq!(text(Some(0.997)), "0 %");
        assert_eq!(text(Some(1.28)), "+28 %");
        assert_eq!(text(Some(f64::INFINITY)), "never");
        assert_eq!(text(None), "–");
        assert!(cell(Some(0.871)).best && !cell(Some(0.997)).best);
    }

    #[test]
    fn the_verdict_names_every_measured_budget_once() {
        let never = f64::INFINITY;
        let medians = [Some(0.87), Some(0.9), Some(1.1), None, Some(never)];
        assert_eq!(
            verdict(&medians, "half size, tiny"),
            "half size, tiny needs fewer bytes than full size at 0.12 and 0.19 bpp, needs as many or more at 0.3 bpp, \
             never reaches the quality that full size has at 0.8 bpp"
        );
        assert!(verdict(&[None; 5], "half size, tiny").contains("no budget"));
    }

    #[test]
    fn crossings_outside_the_range_are_said_in_words() {
        assert_eq!(crossing(0.0), "everywhere");
        assert_eq!(crossing(0.314), "from 0.31 bpp on");
        assert_eq!(crossing(1.0), "nowhere");
    }
}
