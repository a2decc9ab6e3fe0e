use super::SafetyWord;

const fn word(word: &'static str, emoji: &'static str) -> SafetyWord {
    SafetyWord { word, emoji }
}

/// 64 things that look and sound different. The order is part of the protocol.
pub(super) const WORDS: [SafetyWord; 64] = [
    word("anchor", "⚓"),
    word("apple", "🍎"),
    word("balloon", "🎈"),
    word("banana", "🍌"),
    word("bee", "🐝"),
    word("bell", "🔔"),
    word("bicycle", "🚲"),
    word("book", "📖"),
    word("bread", "🍞"),
    word("bridge", "🌉"),
    word("broom", "🧹"),
    word("butterfly", "🦋"),
    word("cactus", "🌵"),
    word("camel", "🐫"),
    word("candle", "🕯️"),
    word("carrot", "🥕"),
    word("castle", "🏰"),
    word("cheese", "🧀"),
    word("cherry", "🍒"),
    word("clock", "⏰"),
    word("cloud", "☁️"),
    word("crab", "🦀"),
    word("crown", "👑"),
    word("dolphin", "🐬"),
    word("dragon", "🐉"),
    word("drum", "🥁"),
    word("elephant", "🐘"),
    word("feather", "🪶"),
    word("fire", "🔥"),
    word("fox", "🦊"),
    word("frog", "🐸"),
    word("ghost", "👻"),
    word("gift", "🎁"),
    word("guitar", "🎸"),
    word("hammer", "🔨"),
    word("hat", "🎩"),
    word("hedgehog", "🦔"),
    word("island", "🏝️"),
    word("kangaroo", "🦘"),
    word("key", "🔑"),
    word("ladder", "🪜"),
    word("lemon", "🍋"),
    word("lion", "🦁"),
    word("magnet", "🧲"),
    word("moon", "🌙"),
    word("mountain", "⛰️"),
    word("mushroom", "🍄"),
    word("octopus", "🐙"),
    word("owl", "🦉"),
    word("panda", "🐼"),
    word("pencil", "✏️"),
    word("penguin", "🐧"),
    word("piano", "🎹"),
    word("pineapple", "🍍"),
    word("rainbow", "🌈"),
    word("robot", "🤖"),
    word("rocket", "🚀"),
    word("scissors", "✂️"),
    word("snail", "🐌"),
    word("spoon", "🥄"),
    word("train", "🚂"),
    word("tulip", "🌷"),
    word("umbrella", "☂️"),
    word("volcano", "🌋"),
];

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn words_and_pictures_are_distinct() {
        let words: BTreeSet<_> = WORDS.iter().map(|word| word.word).collect();
        let pictures: BTreeSet<_> = WORDS.iter().map(|word| word.emoji).collect();
        assert_eq!((words.len(), pictures.len()), (64, 64));
        for word in WORDS {
            assert!(word.word.len() <= 9 && word.word.chars().all(|c| c.is_ascii_lowercase()));
        }
    }
}
