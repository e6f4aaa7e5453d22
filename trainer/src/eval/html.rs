//! The page of a report, which loads nothing from outside its folder.

use std::path::Path;

use super::compare::{Comparison, SetScores};
use super::crop::Crop;
use super::labels::{About, legend, protocols, thousands, title};
use super::table::escaped_html;
use crate::image_file;

pub(super) const CROPS: &str = "crops";

const STYLE: &str = concat!(include_str!("../palette.css"), include_str!("page.css"));

/// The paths of a crop's images: the overview, the original, and each method.
struct Files<'a> {
    set: usize,
    crop: &'a Crop,
}

impl Files<'_> {
    fn named(&self, part: &str) -> String {
        format!(
            "{CROPS}/{}-{}-{part}.png",
            self.set + 1,
            self.crop.image + 1
        )
    }

    fn overview(&self) -> String {
        self.named("overview")
    }

    fn original(&self) -> String {
        self.named("original")
    }

    fn method(&self, index: usize) -> String {
        self.named(&index.to_string())
    }
}

pub(super) fn save_images(folder: &Path, comparison: &Comparison) -> anyhow::Result<()> {
    for (set, scores) in comparison.sets.iter().enumerate() {
        for crop in &scores.crops {
            let files = Files { set, crop };
            let save = |image, file: String| image_file::save(image, &folder.join(file));
            save(&crop.overview, files.overview())?;
            save(&crop.original, files.original())?;
            for (index, image) in crop.methods.iter().enumerate() {
                save(image, files.method(index))?;
            }
        }
    }
    Ok(())
}

pub(super) fn page(comparison: &Comparison, about: &About) -> String {
    let title = escaped_html(&title(comparison));
    let protocols = protocols(comparison).into_iter();
    let protocols: String = protocols
        .map(|protocol| format!("<p class=\"quiet\">{}.</p>\n", escaped_html(protocol)))
        .collect();
    let models = about.models.iter().map(|(name, file, parameters)| {
        format!(
            "<li><b>{}</b>, {} parameters: <code>{}</code></li>\n",
            escaped_html(name),
            thousands(*parameters),
            escaped_html(file)
        )
    });
    let summaries = comparison.summaries().into_iter();
    let summaries: String = summaries
        .map(|(caption, table)| table.html(&caption))
        .collect();
    let legend = comparison.columns.iter().map(|column| {
        let text = escaped_html(&legend(column.metric));
        format!("<dt>{}</dt><dd>{text}</dd>\n", escaped_html(&column.label))
    });
    let sets = comparison.sets.iter();
    let numbered = sets.clone().enumerate();
    let crops: String = numbered.map(|(i, set)| crops(comparison, i, set)).collect();
    let images: String = sets.map(|set| images(comparison, set)).collect();
    format!(
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <title>{title}</title>\n<style>\n{STYLE}</style>\n</head>\n<body>\n<header>\n\
         <h1>{title}</h1>\n{protocols}</header>\n<main>\n\
         <section>\n<h2>Means</h2>\n{summaries}\
         <p class=\"quiet\">The best score of each column is bold.</p>\n\
         <ul>\n{}</ul>\n<details><summary>About the metrics</summary><dl>\n{}</dl></details>\n\
         </section>\n{crops}{images}</main>\n\
         <footer class=\"quiet\"><p>Made on {} by</p><pre>{}</pre></footer>\n</body>\n</html>\n",
        models.collect::<String>(),
        legend.collect::<String>(),
        escaped_html(&about.device),
        escaped_html(&about.command),
    )
}

/// A set's crops: every method beside the original.
fn crops(comparison: &Comparison, index: usize, set: &SetScores) -> String {
    if set.crops.is_empty() {
        return String::new();
    }
    let rows = set.crops.iter().map(|crop| {
        let files = Files { set: index, crop };
        row(comparison, set, &files)
    });
    format!(
        "<section>\n<h2>{}: crops</h2>\n\
         <p class=\"quiet\">The parts in which the models differ most from the original; scores are of \
         the whole image. Hover over a crop, or focus it with the tab key, to see the original \
         instead.</p>\n{}</section>\n",
        escaped_html(&set.name),
        rows.collect::<String>()
    )
}

fn row(comparison: &Comparison, set: &SetScores, files: &Files<'_>) -> String {
    let crop = files.crop;
    let (image, scores) = &set.images[crop.image];
    let name = escaped_html(image);
    let percent = |part: usize, whole: usize| 100.0 * part as f64 / whole as f64;
    let [width, height] = crop.size;
    let place = crop.place;
    let overview = format!(
        "<figure><div class=\"place\"><img src=\"{}\" width=\"{}\" height=\"{}\" \
         alt=\"{name} as a whole\"><span style=\"left:{:.3}%;top:{:.3}%;width:{:.3}%;\
         height:{:.3}%\"></span></div><figcaption><b>{name}</b><br>{}×{} px at {}, {}</figcaption>\
         </figure>\n",
        files.overview(),
        crop.overview.width,
        crop.overview.height,
        percent(place.x, width),
        percent(place.y, height),
        percent(place.width, width),
        percent(place.height, height),
        place.width,
        place.height,
        place.x,
        place.y,
    );
    let original = files.original();
    let methods = comparison.methods.iter().enumerate().map(|(i, method)| {
        let method = escaped_html(method);
        let first = comparison.columns.first().zip(scores[i].first());
        let score = first.map_or(String::new(), |(column, score)| {
            format!("{} {}", escaped_html(&column.label), column.text(*score))
        });
        format!(
            "<figure><div class=\"crop\" tabindex=\"0\"><img src=\"{}\" alt=\"{method}: part of \
             {name}\"><img src=\"{original}\" alt=\"\"></div>\
             <figcaption><b>{method}</b><br>{score}</figcaption></figure>\n",
            files.method(i)
        )
    });
    format!(
        "<div class=\"row\">\n{overview}{}<figure><div class=\"crop\"><img src=\"{original}\" \
         alt=\"original: part of {name}\"></div><figcaption><b>original</b></figcaption></figure>\n\
         </div>\n",
        methods.collect::<String>()
    )
}

fn images(comparison: &Comparison, set: &SetScores) -> String {
    let tables = comparison
        .columns
        .iter()
        .enumerate()
        .map(|(index, column)| {
            let table = comparison.images(set, index);
            table.html(&format!("{}, {}", set.name, column.label))
        });
    format!(
        "<section class=\"images\">\n<h2>{}: all images</h2>\n<details><summary>{} images \
         by {} metrics</summary>\n{}</details>\n</section>\n",
        escaped_html(&set.name),
        set.images.len(),
        comparison.columns.len(),
        tables.collect::<String>()
    )
}
