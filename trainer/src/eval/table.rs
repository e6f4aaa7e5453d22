//! A table as text, Markdown and HTML.

use std::fmt::Write;

#[derive(Clone, Debug)]
pub(crate) struct Cell {
    pub text: String,
    /// Whether it is marked as the best.
    pub best: bool,
}

impl Cell {
    pub fn plain(text: String) -> Self {
        Self { text, best: false }
    }
}

/// A table whose columns may be grouped under a common head.
pub(crate) struct Table {
    /// The first column's head.
    corner: String,
    groups: Vec<(String, Vec<String>)>,
    rows: Vec<(String, Vec<Cell>)>,
}

impl Table {
    pub fn new(corner: &str) -> Self {
        Self {
            corner: corner.to_string(),
            groups: Vec::new(),
            rows: Vec::new(),
        }
    }

    /// Adds columns under a head, which may be empty.
    pub fn group(&mut self, head: &str, columns: Vec<String>) {
        self.groups.push((head.to_string(), columns));
    }

    /// Adds a row with a cell for each column.
    pub fn row(&mut self, name: &str, cells: Vec<Cell>) {
        self.rows.push((name.to_string(), cells));
    }

    fn has_heads(&self) -> bool {
        self.groups.iter().any(|(head, _)| !head.is_empty())
    }

    /// Text for terminals: names are left-aligned, numbers right-aligned.
    pub fn text(&self) -> String {
        let first = self.rows.iter().map(|(name, _)| name.as_str());
        let first = first.chain([self.corner.as_str()]).map(width).max();
        let first = first.unwrap_or(0);
        let columns = self.groups.iter().flat_map(|(_, columns)| columns);
        let mut widths: Vec<usize> = columns
            .enumerate()
            .map(|(i, column)| {
                let cells = self.rows.iter().filter_map(|(_, cells)| cells.get(i));
                let cells = cells.map(|cell| width(&cell.text));
                cells.chain([width(column)]).max().unwrap_or(0)
            })
            .collect();
        // A head wider than its columns widens the last one.
        let mut start = 0;
        for (head, columns) in &self.groups {
            let group = &mut widths[start..start + columns.len()];
            let there = group.iter().sum::<usize>() + 2 * columns.len().saturating_sub(1);
            if let Some(last) = group.last_mut() {
                *last += width(head).saturating_sub(there);
            }
            start += columns.len();
        }

        let mut text = String::new();
        if self.has_heads() {
            text += &" ".repeat(first);
            let mut widths = widths.iter();
            for (head, columns) in &self.groups {
                let group = widths.by_ref().take(columns.len());
                let wide = group.sum::<usize>() + 2 * columns.len().saturating_sub(1);
                text += &format!("   {}{head}", " ".repeat(wide.saturating_sub(width(head))));
            }
            text += "\n";
        }
        let heads = self.groups.iter().flat_map(|(_, columns)| columns);
        let heads: Vec<&str> = heads.map(String::as_str).collect();
        let rows = self.rows.iter().map(|(name, cells)| {
            let cells = cells.iter().map(|cell| cell.text.as_str());
            (name.as_str(), cells.collect())
        });
        for (name, cells) in std::iter::once((self.corner.as_str(), heads)).chain(rows) {
            text += &self.line(name, &cells, first, &widths);
        }
        text
    }

    fn line(&self, name: &str, cells: &[&str], first: usize, widths: &[usize]) -> String {
        let mut line = format!("{name}{}", " ".repeat(first - width(name)));
        let mut cells = cells.iter().zip(widths);
        for (_, columns) in &self.groups {
            line.push(' ');
            for (cell, wide) in cells.by_ref().take(columns.len()) {
                line += &format!("  {}{cell}", " ".repeat(wide - width(cell)));
            }
        }
        format!("{}\n", line.trim_end())
    }

    /// Markdown, which has no groups: a group's head precedes the head of each column. The best is bold.
    pub fn markdown(&self) -> String {
        let heads = self.groups.iter().flat_map(|(head, columns)| {
            let full = |column: &String| format!("{head} {column}").trim().to_string();
            columns.iter().map(full).collect::<Vec<_>>()
        });
        let heads: Vec<String> = heads.map(|head| escaped_markdown(&head)).collect();
        let mut text = format!(
            "| {} | {} |\n|---|{}\n",
            escaped_markdown(&self.corner),
            heads.join(" | "),
            "--:|".repeat(heads.len())
        );
        for (name, cells) in &self.rows {
            let cells = cells.iter().map(|cell| match cell.best {
                true => format!("**{}**", cell.text),
                false => cell.text.clone(),
            });
            let cells: Vec<String> = cells.collect();
            text += &format!("| {} | {} |\n", escaped_markdown(name), cells.join(" | "));
        }
        text
    }

    /// HTML; the best is in `strong`.
    pub fn html(&self, caption: &str) -> String {
        let mut text = format!(
            "<div class=\"wide\"><table>\n<caption>{}</caption>\n<thead>",
            escaped_html(caption)
        );
        let corner = escaped_html(&self.corner);
        if self.has_heads() {
            text += &format!("<tr><th rowspan=\"2\" scope=\"col\">{corner}</th>");
            for (head, columns) in &self.groups {
                let (head, span) = (escaped_html(head), columns.len());
                let _ = write!(
                    text,
                    "<th colspan=\"{span}\" scope=\"colgroup\">{head}</th>"
                );
            }
            text += "</tr>\n<tr>";
        } else {
            text += &format!("<tr><th scope=\"col\">{corner}</th>");
        }
        for (i, column) in self
            .groups
            .iter()
            .flat_map(|(_, columns)| columns.iter().enumerate())
        {
            let class = group_class(i);
            let _ = write!(
                text,
                "<th scope=\"col\"{class}>{}</th>",
                escaped_html(column)
            );
        }
        text += "</tr></thead>\n<tbody>\n";
        for (name, cells) in &self.rows {
            let _ = write!(text, "<tr><th scope=\"row\">{}</th>", escaped_html(name));
            let starts = self.groups.iter().flat_map(|(_, columns)| 0..columns.len());
            for (cell, start) in cells.iter().zip(starts) {
                let value = escaped_html(&cell.text);
                let value = match cell.best {
                    true => format!("<strong>{value}</strong>"),
                    false => value,
                };
                let _ = write!(text, "<td{}>{value}</td>", group_class(start));
            }
            text += "</tr>\n";
        }
        text + "</tbody></table></div>\n"
    }
}

/// Class of a group's first column, which has more space on its left.
fn group_class(place_in_group: usize) -> &'static str {
    if place_in_group == 0 {
        " class=\"first\""
    } else {
        ""
    }
}

fn width(text: &str) -> usize {
    text.chars().count()
}

pub(crate) fn escaped_markdown(text: &str) -> String {
    text.replace('\\', "\\\\")
        .replace('|', "\\|")
        .replace('<', "&lt;")
}

/// Escapes text for HTML elements and attributes.
pub(crate) fn escaped_html(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
        .replace('"', "&quot;")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table() -> Table {
        let mut table = Table::new("image");
        table.group("a longer head", vec!["x".to_string(), "yy".to_string()]);
        table.group("b", vec!["z".to_string()]);
        let cell = |text: &str| Cell::plain(text.to_string());
        let best = Cell {
            best: true,
            ..cell("12.5")
        };
        table.row("<ünï|>.png", vec![cell("1"), best, cell("3")]);
        table
    }

    #[test]
    fn text_is_aligned() {
        let expected = "             a longer head       b\n\
                        image        x          yy      z\n\
                        <ünï|>.png   1        12.5      3\n";
        let found = table().text();
        let squeezed = |text: &str| {
            let words = text.split_whitespace().map(str::to_string);
            words.collect::<Vec<_>>()
        };
        assert_eq!(squeezed(&found), squeezed(expected));
        let ends: Vec<usize> = found.lines().map(width).collect();
        assert_eq!(ends, [ends[0]; 3], "{found}");
    }

    #[test]
    fn names_cannot_break_markdown_or_html() {
        let markdown = table().markdown();
        assert!(
            markdown.contains("| &lt;ünï\\|>.png | 1 | **12.5** | 3 |"),
            "{markdown}"
        );
        let html = table().html("a & b");
        assert!(html.contains("&lt;ünï|&gt;.png") && html.contains("<strong>12.5</strong>"));
        assert!(html.contains("a &amp; b"));
    }
}
