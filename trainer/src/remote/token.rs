//! The token by which a worker recognises a training.

use std::fmt;
use std::path::Path;

use anyhow::{Context, ensure};

/// Minimum length in bytes; shorter tokens could be guessed.
const SHORTEST: usize = 16;

/// Maximum length in bytes; longer tokens would not fit into a hello.
const LONGEST: usize = 256;

/// A shared secret.
#[derive(Clone)]
pub struct Token(String);

// Without the text, which must not appear in logs.
impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token(…)")
    }
}

impl Token {
    /// Reads a token: one line of a file.
    pub fn read(path: &Path) -> anyhow::Result<Self> {
        let text = std::fs::read_to_string(path)
            .with_context(|| format!("cannot read the token in {}", path.display()))?;
        let token = text.trim();
        let printable = |c: char| c.is_ascii_graphic();
        ensure!(
            (SHORTEST..=LONGEST).contains(&token.len()) && token.chars().all(printable),
            "{} holds no token: write one line of {SHORTEST} to {LONGEST} letters and digits, such \
             as `openssl rand -hex 32` prints",
            path.display()
        );
        Ok(Self(token.to_string()))
    }

    pub(super) fn text(&self) -> &str {
        &self.0
    }

    /// Whether `shown` is this token. The time that this takes depends only on the length of `shown`, so that a token
    /// cannot be found byte by byte.
    pub(super) fn accepts(&self, shown: &str) -> bool {
        let token = self.0.as_bytes().iter().cycle();
        let pairs = shown.bytes().zip(token);
        let different = pairs.fold(0, |bits, (a, b)| bits | (a ^ b));
        std::hint::black_box(different) == 0 && shown.len() == self.0.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_token_itself_is_accepted() {
        let text = "correct-horse-battery";
        let token = Token(text.to_string());
        assert!(token.accepts(text));
        let twice = text.repeat(2);
        for wrong in [
            "",
            "c",
            "correct-horse-batterz",
            "Correct-horse-battery",
            &text[..20],
            &twice,
        ] {
            assert!(!token.accepts(wrong), "{wrong:?}");
        }
    }

    #[test]
    fn files_without_a_usable_token_are_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("token");
        let read = |text: &str| {
            std::fs::write(&path, text).unwrap();
            Token::read(&path).map_err(|error| error.to_string())
        };
        assert!(read("sixteen-letters!\n").is_ok());
        for text in [
            "",
            "fifteen-letters",
            "two words of a token",
            &"x".repeat(257),
        ] {
            let error = read(text).unwrap_err();
            assert!(error.contains("holds no token"), "{text:?}: {error}");
        }
    }
}
