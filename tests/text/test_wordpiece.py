"""Words and their pieces: known outputs of an uncased BERT's rules, on a vocabulary of a few lines."""
# ruff: noqa: RUF001  (letters that look like others are the point here)

import pytest

from t2i_utils.text.wordpiece import WordPiece, read_wordpiece, words

PIECES = [
    "[PAD]",
    "[UNK]",
    "[CLS]",
    "[SEP]",
    "[MASK]",
    "a",
    "tu",
    "##lip",
    "##s",
    "tulip",
    "lip",
    "red",
    ".",
    "##a",
    "花",
]


@pytest.fixture
def tokenizer():
    return WordPiece(PIECES)


@pytest.mark.parametrize(
    ("sentence", "expected"),
    [
        ("A Red  Tulip\tin\nbloom", "a red tulip in bloom"),
        ("Crème brûlée, ÅNGSTRÖM", "creme brulee , angstrom"),
        ("e\N{COMBINING ACUTE ACCENT}tude", "etude"),
        ("İstanbul", "istanbul"),
        ("ΟΔΥΣΣΕΥΣ", "οδυσσευσ"),  # no final sigma: letter by letter
        ("don't!", "don ' t !"),
        ("$3.50 a^b`c~d|e", "$ 3 . 50 a ^ b ` c ~ d | e"),  # ASCII's symbols are signs
        ("5€ +½", "5€ + ½"),  # other symbols are letters
        ("«rose» – “iris”…", "« rose » – “ iris ” …"),
        ("红色的花 vase花瓶", "红 色 的 花 vase 花 瓶"),
        ("赤いバラ", "赤 いハラ"),  # kana stay together; their voice mark is an accent
        ("a\N{NO-BREAK SPACE}b\N{EM SPACE}c\N{IDEOGRAPHIC SPACE}d", "a b c d"),
        ("zero\N{ZERO WIDTH SPACE}width\N{SOFT HYPHEN} bell\x07s\N{ZERO WIDTH NO-BREAK SPACE}", "zerowidth bells"),
        ("broken\N{REPLACEMENT CHARACTER}", "broken"),
        ("rose\N{ROSE} \N{HIBISCUS}", "rose\N{ROSE} \N{HIBISCUS}"),
        ("private\ue000 new\U0001fae9", "private new\U0001fae9"),  # emoji younger than this Python stay
        ("  ", ""),
    ],
)  # fmt: skip
def test_a_sentence_becomes_plain_words(sentence, expected):
    assert " ".join(words(sentence)) == expected


@pytest.mark.parametrize(
    ("sentence", "expected"),
    [
        ("Tulips", "tulip ##s"),  # the longest first, although tu ##lip ##s would do
        ("tua tulip.", "tu ##a tulip ."),
        ("tulipx red", "[UNK] red"),  # one unknown for a word that cannot be spelt to its end
        ("lipred", "[UNK]"),  # red begins a word; it goes on with none
        ("a花a", "a 花 a"),
        ("a" * 100, "a" + " ##a" * 99),
        ("a" * 101, "[UNK]"),
        ("red [MASK] [SEP]a", "red [MASK] [SEP] a"),
        ("[mask]", "[UNK] [UNK] [UNK]"),
        ("\N{ROSE}", "[UNK]"),
    ],
)
def test_a_word_is_cut_into_the_longest_pieces(tokenizer, sentence, expected):
    assert tokenizer.pieces(sentence) == expected.split()


def test_ids_stand_between_start_and_end_and_are_cut_to_length(tokenizer):
    assert tokenizer.ids("a red tulip.", 6) == [2, 5, 11, 9, 12, 3]
    assert tokenizer.ids("a red tulip.", 5) == [2, 5, 11, 9, 3]


def test_a_special_piece_that_the_vocabulary_lacks_is_signs_and_letters():
    assert WordPiece([*PIECES[:4], "[", "]", "mask"]).pieces("[MASK]") == ["[", "mask", "]"]


@pytest.mark.parametrize("newline", ["\n", "\r\n"])
def test_a_vocabulary_is_one_piece_a_line(tmp_path, tokenizer, newline):
    path = tmp_path / "vocab.txt"
    path.write_bytes("".join(piece + newline for piece in PIECES).encode())
    assert read_wordpiece(path).rows == tokenizer.rows


@pytest.mark.parametrize("text", ["", "[PAD]\n[UNK]\n[CLS]\na\n", "\0" * 5000])
def test_a_file_that_is_no_vocabulary_is_refused(tmp_path, text):
    (tmp_path / "vocab.txt").write_text(text)
    with pytest.raises(ValueError, match=r"lacks .*\[SEP\]; is it a BERT's"):
        read_wordpiece(tmp_path / "vocab.txt")
