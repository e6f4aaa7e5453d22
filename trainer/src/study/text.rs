//! A page of headings, sentences and tables, as Markdown and as HTML.

/// A part of a page. Its text is escaped.
pub enum Block {
    /// A heading of a level, from 1.
    Heading(usize, String),
    /// A paragraph.
    Paragraph(String),
    /// An image file and its description.
    Image(&'static str, &'static str),
    /// A list.
    List(Vec<String>),
    /// The columns' names, and rows.
    Table(Vec<String>, Vec<Vec<String>>),
}

/// The page as Markdown.
pub fn markdown(blocks: &[Block]) -> String {
    let mut text = String::new();
    let row = |cells: &[String]| {
        let cells: Vec<String> = cells.iter().map(|cell| plain(cell)).collect();
        format!("| {} |\n", cells.join(" | "))
    };
    for block in blocks {
        text += &match block {
            Block::Heading(depth, words) => format!("{} {}\n", "#".repeat(*depth), plain(words)),
            Block::Paragraph(words) => format!("{}\n", plain(words)),
            Block::Image(file, words) => format!("![{words}]({file})\n"),
            Block::List(items) => {
                let items = items.iter().map(|item| format!("- {}\n", plain(item)));
                items.collect()
            }
            Block::Table(head, rows) => {
                let rows = rows.iter().map(|cells| row(cells));
                let line = format!("|{}\n", "---|".repeat(head.len()));
                row(head) + &line + &rows.collect::<String>()
            }
        };
        text.push('\n');
    }
    text
}

/// Escapes characters with a meaning in Markdown.
fn plain(words: &str) -> String {
    let mut text = String::with_capacity(words.len());
    for letter in words.chars() {
        if matches!(letter, '|' | '<' | '[' | ']' | '*' | '_' | '`' | '\\') {
            text.push('\\');
        }
        text.push(letter);
    }
    text
}

const STYLE: &str = "\
:root { color-scheme: light dark; font: 1rem/1.55 system-ui, sans-serif; }
body { max-width: 64rem; margin: 0 auto; padding: clamp(1rem, 4vw, 2.5rem); }
.wide { overflow-x: auto; }
table { border-collapse: collapse; margin: 1rem 0; }
th, td { padding: 0.3rem 0.9rem 0.3rem 0; border-bottom: 1px solid #8886; text-align: left; }
td { font-variant-numeric: tabular-nums; }
img { max-width: 100%; }";

/// The page as HTML, which needs no files except its images.
pub fn html(title: &str, blocks: &[Block]) -> String {
    let mut text = format!(
        "<!doctype html>\n<html lang=\"en\">\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <title>{}</title>\n<style>\n{STYLE}\n</style>\n",
        escaped(title)
    );
    let row = |tag: &str, cells: &[String]| {
        let cells = cells
            .iter()
            .map(|cell| format!("<{tag}>{}</{tag}>", escaped(cell)));
        format!("<tr>{}</tr>\n", cells.collect::<String>())
    };
    for block in blocks {
        text += &match block {
            Block::Heading(depth, words) => format!("<h{depth}>{}</h{depth}>\n", escaped(words)),
            Block::Paragraph(words) => format!("<p>{}</p>\n", escaped(words)),
            Block::Image(file, words) => format!("<p><img src=\"{file}\" alt=\"{words}\"></p>\n"),
            Block::List(items) => {
                let items = items
                    .iter()
                    .map(|item| format!("<li>{}</li>\n", escaped(item)));
                format!("<ul>\n{}</ul>\n", items.collect::<String>())
            }
            Block::Table(head, rows) => {
                let rows = rows.iter().map(|cells| row("td", cells));
                let rows = row("th", head) + &rows.collect::<String>();
                format!("<div class=\"wide\"><table>\n{rows}</table></div>\n")
            }
        };
    }
    text += "</html>\n";
    text
}

fn escaped(words: &str) -> String {
    let mut text = String::with_capacity(words.len());
    for letter in words.chars() {
        match letter {
            '<' => text += "&lt;",
            '&' => text += "&amp;",
            '"' => text += "&quot;",
            letter => text.push(letter),
        }
    }
    text
}
