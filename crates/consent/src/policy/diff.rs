//! What changed between two versions of a document: section by section, word by word.

use serde::{Deserialize, Serialize};
use similar::{Algorithm, DiffOp, capture_diff_slices};

use super::text::{Block, Change, Document, Section, Shape, Span, add};

/// A section that is not what it was.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "bindings", derive(ts_rs::TS))]
#[serde(rename_all = "camelCase")]
pub struct ChangedSection {
    /// Its name.
    pub name: String,
    /// Its heading now; for one that is gone, the one it had.
    pub heading: String,
    /// The whole section came or went; `None` where it changed.
    pub change: Option<Change>,
    /// Its words, old and new.
    pub blocks: Vec<Block>,
}

/// The sections that differ, in the order of the new document; those that are gone, at the end.
#[must_use]
pub fn sections(old: &Document, new: &Document) -> Vec<ChangedSection> {
    let find = |document: &Document, name: &str| {
        let mut sections = document.sections.iter();
        sections.find(|section| section.name == name).cloned()
    };
    let mut changed = Vec::new();
    for section in &new.sections {
        match find(old, &section.name) {
            None => changed.push(whole(section, Change::Added)),
            Some(before) if before == *section => {}
            Some(before) => changed.push(ChangedSection {
                name: section.name.clone(),
                heading: section.heading.clone(),
                change: None,
                blocks: blocks(&before.blocks, &section.blocks),
            }),
        }
    }
    let gone = |section: &&Section| find(new, &section.name).is_none();
    let gone = old.sections.iter().filter(gone);
    changed.extend(gone.map(|section| whole(section, Change::Removed)));
    changed
}

fn whole(section: &Section, change: Change) -> ChangedSection {
    let marked = |block: &Block| Block {
        shape: block.shape,
        spans: block
            .spans
            .iter()
            .map(|span| Span {
                change: Some(change),
                ..span.clone()
            })
            .collect(),
    };
    ChangedSection {
        name: section.name.clone(),
        heading: section.heading.clone(),
        change: Some(change),
        blocks: section.blocks.iter().map(marked).collect(),
    }
}

/// A word, or where a block begins.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
enum Token {
    Begin(u8),
    Word {
        text: String,
        strong: bool,
        href: Option<String>,
    },
}

/// Tokens, and whether a space follows each: a word that ends a paragraph is the same word when another
/// comes to stand behind it.
#[derive(Default)]
struct Tokens {
    tokens: Vec<Token>,
    spaces: Vec<bool>,
}

impl Tokens {
    fn push(&mut self, token: Token, space: bool) {
        self.tokens.push(token);
        self.spaces.push(space);
    }
}

fn blocks(old: &[Block], new: &[Block]) -> Vec<Block> {
    let (old, new) = (tokens(old), tokens(new));
    let mut merged = Vec::new();
    for op in capture_diff_slices(Algorithm::Myers, &old.tokens, &new.tokens) {
        let (before, after) = (op.old_range(), op.new_range());
        if let DiffOp::Equal { .. } = op {
            for (before, after) in before.zip(after) {
                let space = old.spaces[before] || new.spaces[after];
                put(&mut merged, &new.tokens[after], space, None);
            }
            continue;
        }
        for at in before {
            put(
                &mut merged,
                &old.tokens[at],
                old.spaces[at],
                Some(Change::Removed),
            );
        }
        for at in after {
            put(
                &mut merged,
                &new.tokens[at],
                new.spaces[at],
                Some(Change::Added),
            );
        }
    }
    merged.retain(|block| !block.spans.is_empty());
    merged
}

fn tokens(blocks: &[Block]) -> Tokens {
    let mut tokens = Tokens::default();
    for block in blocks {
        let shape = match block.shape {
            Shape::Paragraph => 0,
            Shape::Point => 1,
            Shape::Numbered => 2,
        };
        tokens.push(Token::Begin(shape), false);
        for span in &block.spans {
            for word in span.text.split_inclusive(' ') {
                let bare = word.strip_suffix(' ');
                let token = Token::Word {
                    text: bare.unwrap_or(word).to_owned(),
                    strong: span.strong,
                    href: span.href.clone(),
                };
                tokens.push(token, bare.is_some());
            }
        }
    }
    tokens
}

fn put(merged: &mut Vec<Block>, token: &Token, space: bool, change: Option<Change>) {
    match token {
        Token::Begin(shape) => merged.push(Block {
            shape: match shape {
                0 => Shape::Paragraph,
                1 => Shape::Point,
                _ => Shape::Numbered,
            },
            spans: Vec::new(),
        }),
        Token::Word { text, strong, href } => {
            if let Some(block) = merged.last_mut() {
                let end = if space { " " } else { "" };
                let words = format!("{text}{end}");
                add(&mut block.spans, &words, *strong, href.clone(), change);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::policy::text::read;

    fn document(sections: &str) -> Document {
        read(&format!("# T\n\n{sections}")).unwrap()
    }

    /// Removed words in `-…-`, added ones in `+…+`.
    fn marked(blocks: &[Block]) -> Vec<String> {
        let text = |block: &Block| {
            block
                .spans
                .iter()
                .map(|span| match span.change {
                    None => span.text.clone(),
                    Some(Change::Removed) => format!("-{}-", span.text),
                    Some(Change::Added) => format!("+{}+", span.text),
                })
                .collect()
        };
        blocks.iter().map(text).collect()
    }

    #[test]
    fn words_that_came_and_went_are_marked() {
        let old =
            document("## A {#a}\n\nWe keep it for ten days.\n\n- one\n- two\n\n## B {#b}\n\nSame.");
        let new = document(
            "## A {#a}\n\nWe keep it for thirty days.\n\n- one\n- three\n- two\n\n## B {#b}\n\nSame.",
        );
        let changed = sections(&old, &new);
        assert_eq!(changed.len(), 1);
        assert_eq!((&*changed[0].name, changed[0].change), ("a", None));
        assert_eq!(
            marked(&changed[0].blocks),
            [
                "We keep it for -ten -+thirty +days.",
                "one",
                "+three+",
                "two"
            ]
        );
    }

    #[test]
    fn the_last_word_is_the_same_when_more_follows() {
        let [short, long] =
            ["Kept.", "Kept. Not sold."].map(|text| document(&format!("## A {{#a}}\n\n{text}")));
        let words = |old, new| marked(&sections(old, new)[0].blocks);
        assert_eq!(words(&short, &long), ["Kept. +Not sold.+"]);
        assert_eq!(words(&long, &short), ["Kept. -Not sold.-"]);
    }

    #[test]
    fn whole_sections_come_and_go() {
        let old = document("## A {#a}\n\nOld.\n\n## B {#b}\n\nSame.");
        let new = document("## 1. B {#b}\n\nSame.\n\n## C {#c}\n\nNew.");
        let changed = sections(&old, &new);
        let shape: Vec<_> = changed.iter().map(|c| (&*c.name, c.change)).collect();
        assert_eq!(
            shape,
            [
                ("b", None),
                ("c", Some(Change::Added)),
                ("a", Some(Change::Removed))
            ]
        );
        assert_eq!(marked(&changed[1].blocks), ["+New.+"]);
        assert_eq!(marked(&changed[2].blocks), ["-Old.-"]);
        assert_eq!(sections(&new, &new), []);
    }

    proptest! {
        /// Without what came, it is the old text; without what went, the new one.
        #[test]
        fn nothing_is_lost_and_nothing_is_made_up(
            old in proptest::collection::vec("[ab]( [abc]){0,6}", 0..5),
            new in proptest::collection::vec("[ab]( [abc]){0,6}", 0..5),
        ) {
            let text = |lines: &[String]| document(&format!("## A {{#a}}\n\n{}", lines.join("\n\n")));
            let [before, after] = [text(&old), text(&new)];
            let changed = sections(&before, &after);
            let blocks = changed.first().map(|section| section.blocks.clone());
            let blocks = blocks.unwrap_or_else(|| after.sections[0].blocks.clone());
            let without = |gone: Change| -> String {
                let spans = blocks.iter().flat_map(|block| &block.spans);
                spans.filter(|span| span.change != Some(gone)).map(|span| span.text.replace(' ', "")).collect()
            };
            prop_assert_eq!(without(Change::Added), old.concat().replace(' ', ""));
            prop_assert_eq!(without(Change::Removed), new.concat().replace(' ', ""));
        }
    }
}
