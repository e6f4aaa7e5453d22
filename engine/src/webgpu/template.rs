//! The text of shaders.
//!
//! A template is WGSL with two additions: `$(a+b)` is the sum of some numbers, and `$for(i COUNT)…$end`
//! repeats its text for i = 0, 1, …, COUNT − 1. A count of 0 or 1 makes it a condition; its number is then
//! called `_`. Names stand for the numbers that [`Text::set`] gives them; `$(NAME)` is the text of [`Text::name`].

/// The text of a shader, and the numbers that its templates name.
#[derive(Clone, Default)]
pub struct Text {
    text: String,
    numbers: Vec<(&'static str, usize)>,
    /// Text that replaces `$(NAME)`.
    pub name: String,
}

impl Text {
    /// Gives a name a number; later ones take precedence.
    pub fn set(&mut self, name: &'static str, number: usize) -> &mut Self {
        self.numbers.push((name, number));
        self
    }

    /// The same for a condition.
    pub fn set_if(&mut self, name: &'static str, holds: bool) -> &mut Self {
        self.set(name, usize::from(holds))
    }

    /// Appends an expanded template.
    pub fn add(&mut self, template: &'static str) -> &mut Self {
        expand(template, &self.name, &mut self.numbers, &mut self.text);
        self
    }

    /// The text.
    pub fn finish(self) -> String {
        self.text
    }
}

/// Expands a template up to its end or its `$end`; returns the text behind that.
fn expand<'t>(
    template: &'t str,
    name: &str,
    numbers: &mut Vec<(&'t str, usize)>,
    text: &mut String,
) -> &'t str {
    let mut rest = template;
    while let Some((before, after)) = rest.split_once('$') {
        text.push_str(before);
        let Some((words, body)) = after.split_once(')').filter(|_| !after.starts_with("end"))
        else {
            return after.strip_prefix("end").unwrap_or(after);
        };
        match words.strip_prefix("for(").and_then(|w| w.split_once(' ')) {
            Some((counter, count)) => {
                let length = text.len();
                rest = body;
                for number in 0..value(count, numbers).max(1) {
                    numbers.push((counter, number));
                    rest = expand(body, name, numbers, text);
                    numbers.pop();
                }
                if value(count, numbers) == 0 {
                    text.truncate(length);
                }
            }
            None if words == "(NAME" => {
                text.push_str(name);
                rest = body;
            }
            None => {
                let sum: usize = words[1..].split('+').map(|name| value(name, numbers)).sum();
                text.push_str(&sum.to_string());
                rest = body;
            }
        }
    }
    text.push_str(rest);
    ""
}

fn value(name: &str, numbers: &[(&str, usize)]) -> usize {
    let known = numbers.iter().rev().find(|(known, _)| *known == name);
    match known {
        Some((_, number)) => *number,
        None => unreachable!("a template names {name}, which was not set"),
    }
}

#[cfg(test)]
mod tests {
    use super::Text;

    #[test]
    fn loops_nest_and_conditions_hold_or_not() {
        let mut text = Text::default();
        text.set("N", 2).set("M", 1).set("M", 2);
        text.set_if("YES", true).set_if("NO", false);
        text.add("a$for(i N)$for(j M)[$(i)$(j+M)]$end;$end$for(_ YES)y$end$for(_ NO)n$(N)$end");
        text.name = "b".into();
        text.add("$(N) $(NAME)_$for(i NO)$(NAME)$end");
        assert_eq!(text.finish(), "a[02][03];[12][13];y2 b_");
    }
}
