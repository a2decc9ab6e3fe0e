//! A policy document, cut into sections. The texts are CommonMark with few means: headings with names,
//! paragraphs, lists, strong words and links. Anything else is a fault of the draft.

use std::collections::BTreeSet;

use pulldown_cmark::{Event, HeadingLevel, Options, Parser, Tag, TagEnd};
use serde::{Deserialize, Serialize};

macro_rules! shown {
    ($($item:item)*) => {
        $(
            #[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
            #[cfg_attr(feature = "bindings", derive(ts_rs::TS))]
            #[serde(rename_all = "camelCase")]
            $item
        )*
    };
}

shown! {
    /// A document.
    pub struct Document {
        /// Its title.
        pub title: String,
        /// What stands before the first section.
        pub opening: Vec<Block>,
        /// Its sections.
        pub sections: Vec<Section>,
    }

    /// What stands under one heading.
    pub struct Section {
        /// Its name, the same in each version and language.
        pub name: String,
        /// Its heading.
        pub heading: String,
        /// What it says.
        pub blocks: Vec<Block>,
    }

    /// A paragraph or a point of a list.
    pub struct Block {
        /// Which of the two.
        pub shape: Shape,
        /// Its words.
        pub spans: Vec<Span>,
    }

    /// Words of one kind.
    pub struct Span {
        /// The words.
        pub text: String,
        /// They stand out.
        pub strong: bool,
        /// They lead to an address, or to the other document.
        pub href: Option<String>,
        /// They were added or removed; `None` where nothing is compared, or nothing changed.
        pub change: Option<Change>,
    }
}

/// What a block is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "bindings", derive(ts_rs::TS))]
#[serde(rename_all = "snake_case")]
pub enum Shape {
    /// A paragraph.
    Paragraph,
    /// A point of a list.
    Point,
    /// A numbered point of a list.
    Numbered,
}

/// What became of some words.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "bindings", derive(ts_rs::TS))]
#[serde(rename_all = "snake_case")]
pub enum Change {
    /// They are new.
    Added,
    /// They are gone.
    Removed,
}

/// Why a text is no policy document.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TextFault {
    /// It does not begin with one heading of the first level.
    #[error("it does not begin with a title (# …)")]
    Title,
    /// A section has no name.
    #[error("the section \"{0}\" has no name ({{#name}} behind its heading)")]
    Unnamed(String),
    /// Two sections have the same name.
    #[error("two sections are named {0}")]
    Twice(String),
    /// Something that is not shown.
    #[error("it holds {0}, which is not shown")]
    Unknown(&'static str),
    /// A link to somewhere that nobody can follow.
    #[error("it links to {0}: only https:, mailto: and the other document can be followed")]
    Link(String),
}

/// With tables, so that one is noticed and not shown as bars and dashes.
const OPTIONS: Options = Options::ENABLE_HEADING_ATTRIBUTES.union(Options::ENABLE_TABLES);

/// Reads a document.
///
/// # Errors
/// When it is not one: see [`TextFault`].
pub fn read(text: &str) -> Result<Document, TextFault> {
    let mut reader = Reader::default();
    for event in Parser::new_ext(text, OPTIONS) {
        reader.hear(event)?;
    }
    reader.end()
}

#[derive(Default)]
struct Reader {
    title: Option<String>,
    opening: Vec<Block>,
    sections: Vec<Section>,
    names: BTreeSet<String>,
    heading: Option<Heading>,
    lists: Vec<Shape>,
    /// A point's own first paragraph is the point.
    is_fresh_point: bool,
    strong: bool,
    href: Option<String>,
}

struct Heading {
    level: HeadingLevel,
    name: Option<String>,
    text: String,
}

impl Reader {
    fn hear(&mut self, event: Event<'_>) -> Result<(), TextFault> {
        match event {
            Event::Start(tag) => self.begin(tag)?,
            Event::End(tag) => self.close(tag)?,
            Event::Text(text) | Event::Code(text) => self.say(&text)?,
            Event::SoftBreak | Event::HardBreak => self.say(" ")?,
            Event::Html(_) | Event::InlineHtml(_) => return Err(TextFault::Unknown("HTML")),
            Event::Rule => return Err(TextFault::Unknown("a line")),
            Event::FootnoteReference(_) => return Err(TextFault::Unknown("a footnote")),
            Event::TaskListMarker(_) => return Err(TextFault::Unknown("a box to tick")),
            Event::InlineMath(_) | Event::DisplayMath(_) => {
                return Err(TextFault::Unknown("a formula"));
            }
        }
        Ok(())
    }

    fn begin(&mut self, tag: Tag<'_>) -> Result<(), TextFault> {
        match tag {
            Tag::Heading { level, id, .. } => {
                if !self.lists.is_empty() {
                    return Err(TextFault::Unknown("a heading in a list"));
                }
                if level > HeadingLevel::H2 {
                    return Err(TextFault::Unknown("a heading below sections"));
                }
                self.heading = Some(Heading {
                    level,
                    name: id.map(|id| id.to_string()),
                    text: String::new(),
                });
            }
            Tag::Paragraph => match self.lists.last() {
                None => self.block(Shape::Paragraph)?,
                Some(_) if std::mem::take(&mut self.is_fresh_point) => {}
                Some(_) => return Err(TextFault::Unknown("two paragraphs in a point")),
            },
            Tag::List(first) => {
                if !self.lists.is_empty() {
                    return Err(TextFault::Unknown("a list in a list"));
                }
                self.lists.push(match first {
                    Some(_) => Shape::Numbered,
                    None => Shape::Point,
                });
            }
            Tag::Item => {
                let shape = self.lists.last().copied().unwrap_or(Shape::Point);
                self.block(shape)?;
                self.is_fresh_point = true;
            }
            Tag::Strong => self.strong = true,
            Tag::Emphasis => {}
            Tag::Link { dest_url, .. } => {
                let known = ["https://", "mailto:", "privacy-policy.", "user-agreement."];
                if !known.iter().any(|known| dest_url.starts_with(known)) {
                    return Err(TextFault::Link(dest_url.to_string()));
                }
                self.href = Some(dest_url.to_string());
            }
            Tag::BlockQuote(_) => return Err(TextFault::Unknown("a quotation")),
            Tag::CodeBlock(_) => return Err(TextFault::Unknown("a code block")),
            Tag::HtmlBlock => return Err(TextFault::Unknown("HTML")),
            Tag::Table(_) => return Err(TextFault::Unknown("a table")),
            Tag::Image { .. } => return Err(TextFault::Unknown("an image")),
            Tag::FootnoteDefinition(_)
            | Tag::DefinitionList
            | Tag::DefinitionListTitle
            | Tag::DefinitionListDefinition
            | Tag::TableHead
            | Tag::TableRow
            | Tag::TableCell
            | Tag::Strikethrough
            | Tag::Superscript
            | Tag::Subscript
            | Tag::MetadataBlock(_) => return Err(TextFault::Unknown("something unusual")),
        }
        Ok(())
    }

    fn close(&mut self, tag: TagEnd) -> Result<(), TextFault> {
        if let TagEnd::Heading(_) = tag
            && let Some(heading) = self.heading.take()
        {
            self.take_heading(heading)?;
        } else if let TagEnd::List(_) = tag {
            self.lists.pop();
        } else if tag == TagEnd::Strong {
            self.strong = false;
        } else if tag == TagEnd::Link {
            self.href = None;
        }
        Ok(())
    }

    fn take_heading(&mut self, heading: Heading) -> Result<(), TextFault> {
        let Heading { level, name, text } = heading;
        if level == HeadingLevel::H1 {
            return match self.title.replace(text) {
                None => Ok(()),
                Some(_) => Err(TextFault::Title),
            };
        }
        if self.title.is_none() {
            return Err(TextFault::Title);
        }
        let name = name.ok_or_else(|| TextFault::Unnamed(text.clone()))?;
        if !self.names.insert(name.clone()) {
            return Err(TextFault::Twice(name));
        }
        self.sections.push(Section {
            name,
            heading: text,
            blocks: Vec::new(),
        });
        Ok(())
    }

    fn blocks(&mut self) -> Result<&mut Vec<Block>, TextFault> {
        if self.title.is_none() {
            return Err(TextFault::Title);
        }
        Ok(match self.sections.last_mut() {
            Some(section) => &mut section.blocks,
            None => &mut self.opening,
        })
    }

    fn block(&mut self, shape: Shape) -> Result<(), TextFault> {
        self.blocks()?.push(Block {
            shape,
            spans: Vec::new(),
        });
        Ok(())
    }

    fn say(&mut self, text: &str) -> Result<(), TextFault> {
        if let Some(heading) = &mut self.heading {
            heading.text.push_str(text);
            return Ok(());
        }
        self.is_fresh_point = false;
        let (strong, href) = (self.strong, self.href.clone());
        if let Some(block) = self.blocks()?.last_mut() {
            add(&mut block.spans, text, strong, href, None);
        }
        Ok(())
    }

    fn end(self) -> Result<Document, TextFault> {
        Ok(Document {
            title: self.title.ok_or(TextFault::Title)?,
            opening: self.opening,
            sections: self.sections,
        })
    }
}

/// Adds words to the last span, where they are of its kind.
pub(super) fn add(
    spans: &mut Vec<Span>,
    text: &str,
    strong: bool,
    href: Option<String>,
    change: Option<Change>,
) {
    match spans.last_mut() {
        Some(last) if (last.strong, &last.href, last.change) == (strong, &href, change) => {
            last.text.push_str(text);
        }
        _ => spans.push(Span {
            text: text.to_owned(),
            strong,
            href,
            change,
        }),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const TEXT: &str = "# Policy\n\nVersion 1.\n\n## 1. Use {#use}\n\nWe use **little**, see \
        [the agreement](user-agreement.en.md).\nReally.\n\n- one\n- **two** points\n\n1. first\n\n\
        ## 2. End {#end}\n\nNothing.\n";

    fn words(blocks: &[Block]) -> Vec<String> {
        let text = |block: &Block| block.spans.iter().map(|span| span.text.as_str()).collect();
        blocks.iter().map(text).collect()
    }

    #[test]
    fn a_text_is_cut_into_sections() {
        let document = read(TEXT).unwrap();
        assert_eq!(document.title, "Policy");
        assert_eq!(words(&document.opening), ["Version 1."]);
        let names: Vec<_> = document
            .sections
            .iter()
            .map(|s| (&*s.name, &*s.heading))
            .collect();
        assert_eq!(names, [("use", "1. Use"), ("end", "2. End")]);
        let blocks = &document.sections[0].blocks;
        assert_eq!(
            words(blocks),
            [
                "We use little, see the agreement. Really.",
                "one",
                "two points",
                "first"
            ]
        );
        let shapes: Vec<_> = blocks.iter().map(|block| block.shape).collect();
        assert_eq!(
            shapes,
            [
                Shape::Paragraph,
                Shape::Point,
                Shape::Point,
                Shape::Numbered
            ]
        );
        assert!(blocks[0].spans[1].strong && blocks[2].spans[0].strong);
        assert_eq!(
            blocks[0].spans[3].href.as_deref(),
            Some("user-agreement.en.md")
        );
    }

    #[test]
    fn what_is_no_policy_is_said() {
        for (text, fault) in [
            ("", "title"),
            ("Words.", "title"),
            ("## A {#a}", "title"),
            ("# A\n\n# B", "title"),
            ("# A\n\n## B", "\"B\" has no name"),
            ("# A\n\n## B {#b}\n\n## C {#b}", "two sections are named b"),
            ("# A\n\n<b>x</b>", "HTML"),
            ("# A\n\n> x", "a quotation"),
            ("# A\n\n### B", "below sections"),
            ("# A\n\n![x](https://x)", "an image"),
            ("# A\n\n[x](javascript:x)", "links to javascript:x"),
            ("# A\n\n[x](http://x)", "links to http://x"),
            ("# A\n\n| a | b |\n|---|---|\n| c | d |", "a table"),
            ("# A\n\n- a\n  - b", "a list in a list"),
            ("# A\n\n- ## B {#b}\n  c", "a heading in a list"),
        ] {
            let said = read(text).unwrap_err().to_string();
            assert!(said.contains(fault), "{text:?}: {said}");
        }
    }

    proptest! {
        #[test]
        fn any_text_is_no_panic(text in "(?s)[ -~\\n#*\\[\\]{}<>]{0,200}") {
            let _read_or_not = read(&text);
        }
    }
}
