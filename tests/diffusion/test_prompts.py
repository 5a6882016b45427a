"""The prompt's grammar: AUTOMATIC1111's own documented examples, and what hostile prompts do."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from huafang.diffusion.prompt.chunks import BACKTRACK, CHUNK, chunks
from huafang.diffusion.prompt.grammar import Span, parse, remarks


def flat(prompt: str) -> list[tuple[str, float]]:
    (part,) = parse(prompt)
    return [(span.text, round(span.weight, 6)) for span in part]


@pytest.mark.parametrize(
    ("prompt", "spans"),
    [
        ("normal text", [("normal text", 1.0)]),
        ("an (important) word", [("an ", 1.0), ("important", 1.1), (" word", 1.0)]),
        ("(unbalanced", [("unbalanced", 1.1)]),
        ("(literal]", [("literal]", 1.1)]),
        (r"\(literal\]", [("(literal]", 1.0)]),
        ("(unnecessary)(parens)", [("unnecessaryparens", 1.1)]),
        ("a [weak] word", [("a ", 1.0), ("weak", round(1 / 1.1, 6)), (" word", 1.0)]),
        ("((twice))", [("twice", 1.21)]),
        ("(cat:1.3)", [("cat", 1.3)]),
        ("(cat: .5 )", [("cat", 0.5)]),
        ("(a (b:2) c:1.5)", [("a ", 1.5), ("b", 3.0), (" c", 1.5)]),
        ("(a [b] c)", [("a ", 1.1), ("b", 1.0), (" c", 1.1)]),
        ("time 12:30", [("time 12:30", 1.0)]),
        ("12:30)", [("12:30)", 1.0)]),
        ("a ) b", [("a ) b", 1.0)]),
        ("back\\slash", [("backslash", 1.0)]),
        ("一只(猫:1.2)，水墨", [("一只", 1.0), ("猫", 1.2), ("，水墨", 1.0)]),
        ("", []),
        ("   ", [("   ", 1.0)]),
    ],
)
def test_weights(prompt, spans):
    assert flat(prompt) == spans


@pytest.mark.parametrize(
    ("prompt", "spans"),
    [
        ("（城堡：1.5）", [("城堡", 1.5)]),
        ("(猫：1.3)", [("猫", 1.3)]),
        ("（猫:1.3）", [("猫", 1.3)]),
        ("（猫:1.3)", [("猫", 1.3)]),
        ("（猫：１．３）", [("猫", 1.3)]),
        ("（猫： 1.3 ）", [("猫", 1.3)]),
        ("一只（猫：1.2），水墨", [("一只", 1.0), ("猫", 1.2), ("，水墨", 1.0)]),
        ("（一只（猫：2）：1.5）", [("一只", 1.5), ("猫", 3.0)]),
        ("（一只(猫:2)：1.5）", [("一只", 1.5), ("猫", 3.0)]),
        ("（插图）城堡", [("（插图）城堡", 1.0)]),
        ("时间：12：30（夜）", [("时间：12：30（夜）", 1.0)]),
        ("（见：第3章）", [("（见：第3章）", 1.0)]),
        ("（猫：1.2.3）", [("（猫：1.2.3）", 1.0)]),
        ("（未完：1.3", [("（未完：1.3", 1.0)]),
        ("多余：1.3）", [("多余：1.3）", 1.0)]),
    ],
)
def test_brackets_of_a_chinese_keyboard(prompt, spans):
    assert flat(prompt) == spans


@pytest.mark.parametrize("prompt", ["a cat++ on a mat", "(a cat)1.3", "(a cat)++", "a (red)--- dog", "猫咪++"])
def test_weights_of_invokeai_are_remarked_on(prompt):
    (note,) = remarks(prompt)
    assert "write (words:1.3)" in note
    assert "请写成 (words:1.3)" in note.zh


@pytest.mark.parametrize(
    "prompt", ["a cat", "a book on C++", "(a cat) 13 years old", "(cat:1.3)", r"\(x\)1.3", "(a cat), 1.3 m", "18+", "a well-known (place)-name"]
)
def test_what_only_looks_like_them_is_not(prompt):
    assert remarks(prompt) == []


def test_break_starts_a_new_part():
    assert parse("a cat BREAK (a dog:1.2)") == ((Span("a cat"),), (Span("a dog", 1.2),))
    assert parse("BREAKFAST") == ((Span("BREAKFAST"),),)


@pytest.mark.parametrize(
    ("prompt", "message"),
    [
        ("(a:1000000000)", r"the weight of 'a' is 1e\+09; allowed are -10 to 10"),
        ("(" * 1000 + "a" + ")" * 1000, "nested more than 64 deep"),
        ("(" * 60 + "a" + ")" * 60, "the weight of 'a' is 304"),
        ("a cat <lora:../../x:1>", r"'<lora:../../x:1>' cannot be read"),
    ],
)
def test_37_what_cannot_be_done_is_refused_with_the_place(prompt, message):
    with pytest.raises(ValueError, match=message):
        parse(prompt)


def test_37_what_is_no_number_is_plain_text():
    assert flat("((((a:1.9") == [("a:1.9", round(1.1**4, 6))]
    assert flat("(a:nan)") == [("a:nan", 1.1)]
    assert flat("(a:1e9)") == [("a:1e9", 1.1)]


@pytest.mark.parametrize("prompt", ['("a cat", "a dog").and()', '("a","b").blend(0.7, 0.3)', "a cat.swap(dog) (a).swap(b)"])
def test_functions_of_invokeai_are_remarked_on(prompt):
    (note,) = remarks(prompt)
    assert "AND" in note
    assert "AND" in note.zh


@given(st.text(alphabet=st.sampled_from("ab ()[]:\\1.5,猫（）：１．"), max_size=60))
def test_any_prompt_is_read_or_refused_and_no_word_is_lost(prompt):
    try:
        parts = parse(prompt)
    except ValueError:
        return
    kept = "".join(span.text for part in parts for span in part)
    for letter in "ab,猫":
        assert kept.count(letter) == prompt.count(letter)
    assert all(abs(span.weight) <= 10 for part in parts for span in part)


COMMA = 1


def tokens(count: int, *commas: int) -> list[tuple[int, float]]:
    return [(COMMA if place in commas else 100 + place, 1.0) for place in range(count)]


def sizes(*parts, commas=(COMMA,), size=CHUNK) -> list[int]:
    return [len(chunk) for chunk in chunks(parts, commas, size)]


def test_chunks_hold_75_and_end_at_a_near_comma():
    assert sizes([]) == [0]
    assert sizes(tokens(75)) == [75]
    assert sizes(tokens(76)) == [75, 1]
    assert sizes(tokens(80, 70)) == [71, 9], "what stands behind the comma goes along with its phrase"
    assert sizes(tokens(80, CHUNK - BACKTRACK)) == [56, 24]
    assert sizes(tokens(80, CHUNK - BACKTRACK - 1)) == [75, 5], "a comma further back is left alone"
    assert sizes(tokens(80, 70), commas=()) == [75, 5]
    assert sizes(tokens(30, 7), size=10) == [8, 10, 10, 2], "another encoder reads another number at once"
    assert sizes(tokens(10), tokens(5)) == [10, 5], "BREAK"


@given(st.integers(0, 400), st.sets(st.integers(0, 400)))
def test_chunks_lose_no_token(count, commas):
    part = tokens(count, *commas)
    cut = chunks([part], {COMMA})
    assert [pair for chunk in cut for pair in chunk] == part
    assert all(len(chunk) <= CHUNK for chunk in cut)


def test_a_token_of_several_positions_is_never_cut():
    def width(token):
        return 8 if token == "eight" else 1

    part = [("x", 1.0)] * 70 + [("eight", 1.0)] + [("x", 1.0)] * 66 + [("y", 1.0)] * 2
    cut = chunks([part], {"comma"}, CHUNK, width)
    assert [sum(width(token) for token, _ in chunk) for chunk in cut] == [70, 75, 1]
    assert cut[1][0] == ("eight", 1.0)


@pytest.mark.parametrize(
    ("prompt", "shown"),
    [
        ("{{castle}} by day", "{{castle}}"),
        ("{castle:1.3}", "{castle:1.3}"),
        ("castle::2 hill", "::2"),
        ("a castle --ar 16:9", "--ar"),
        ("a castle --no tree", "--no"),
        ("a cat, castle:1.3, sea", "castle:1.3"),
        ("猫：1.3，狗", "猫：1.3"),
        ("(castle:1,3)", "(castle:1,3)"),
        ("(cat:120%)", "(cat:120%)"),
    ],
)
def test_weights_and_parameters_of_other_tools_are_remarked_on(prompt, shown):
    (note,) = remarks(prompt)
    assert shown in note
    assert shown in note.zh


@pytest.mark.parametrize(
    "prompt",
    ["at 10:30, a cat", "ratio 16:9", "{a|b}", "(a:1.3)", "（城堡：1.5）", "a car--red", "title: a cat", "(cat: a story)", "A cat: 2 dogs", "[a:b:0.5]"],
)
def test_plain_words_and_our_own_grammar_are_not(prompt):
    assert remarks(prompt) == []


@pytest.mark.parametrize("prompt", ["(猫:1．3)", "(猫:１.３)", "（猫：１．３）", "（猫:1.3)"])
def test_numbers_of_any_width_weigh(prompt):
    assert [(span.text, span.weight) for part in parse(prompt) for span in part] == [("猫", 1.3)]
