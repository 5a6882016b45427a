"""Prompts over the steps: what AUTOMATIC1111's web UI makes of them, as a table worked out by hand from its rules, and what hostile prompts do."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from huafang.diffusion.prompt import grammar, schedule

TURNS = [(step, "a" if step % 2 else "b") for step in range(1, 11)]
SCHEDULES = {
    # plain text, and brackets that are no schedule: one entry, the text as it stands
    "test": [(10, "test")],
    "": [(10, "")],
    "a, b, c": [(10, "a, b, c")],
    "(a:1.2) [b] ((c))": [(10, "(a:1.2) [b] ((c))")],
    "a [unbalanced": [(10, "a [unbalanced")],
    "a] b": [(10, "a] b")],
    "a ) b (": [(10, "a ) b (")],
    "[a:b]": [(10, "[a:b]")],
    "[a:b:c:0.5]": [(10, "[a:b:c:0.5]")],
    "[a:b:c]": [(10, "[a:b:c]")],
    "(a:b:0.5)": [(10, "(a:b:0.5)")],
    "at 12:30": [(10, "at 12:30")],
    "[(a:b:0.5]": [(10, "[(a:b:0.5]")],
    "[a:b:x0.5]": [(10, "[a:b:x0.5]")],
    # escapes
    r"\[a:b:0.5\]": [(10, r"\[a:b:0.5\]")],
    r"[\[a\]:b:5]": [(5, r"\[a\]"), (10, "b")],
    r"[a\:b:c:5]": [(5, r"a\:b"), (10, "c")],
    r"[a\|b|c]": [(step, r"a\|b" if step % 2 else "c") for step in range(1, 11)],
    # from:to:when, a whole number of steps
    "[a:b:3]": [(3, "a"), (10, "b")],
    "[a:b:+3]": [(3, "a"), (10, "b")],
    "[a:b: 3 ]": [(3, "a"), (10, "b")],
    "x [a:b:3] y": [(3, "x a y"), (10, "x b y")],
    "a [b : c : 1] d": [(1, "a b  d"), (10, "a  c  d")],
    "[a:b:0]": [(10, "b")],
    "[a:b:-2]": [(10, "b")],
    "[a:b:10]": [(10, "a")],
    "[a:b:99]": [(10, "a")],
    "[a:b:1]": [(1, "a"), (10, "b")],
    # a share of the steps: it has a point
    "[a:b:0.5]": [(5, "a"), (10, "b")],
    "[a:b:.5]": [(5, "a"), (10, "b")],
    "[a:b:0.25]": [(2, "a"), (10, "b")],
    "[a:b:0.05]": [(10, "b")],
    "[a:b:1.0]": [(10, "a")],
    "[a:b:1.]": [(10, "a")],
    "[a:b:0.0]": [(10, "b")],
    # without `from`, without `to`
    "a [b:3]": [(3, "a "), (10, "a b")],
    "a [b: 3]": [(3, "a "), (10, "a b")],
    "a [b:.5] c": [(5, "a  c"), (10, "a b c")],
    "[:b:3]": [(3, ""), (10, "b")],
    "[a::3]": [(3, "a"), (10, "")],
    "[a::0.5] b": [(5, "a b"), (10, " b")],
    "[:3]": [(3, ""), (10, "")],
    # nested
    "a [[[b]]:2]": [(2, "a "), (10, "a [[b]]")],
    "[(a:2):3]": [(3, ""), (10, "(a:2)")],
    "a[b:[c:d:2]:1]e": [(1, "abe"), (2, "ace"), (10, "ade")],
    "[[a:b:2]:c:5]": [(2, "a"), (5, "b"), (10, "c")],
    "([a:b:5]:1.3)": [(5, "(a:1.3)"), (10, "(b:1.3)")],
    "[(a):((b)):5]": [(5, "(a)"), (10, "((b))")],
    "[[a:b:5]]": [(5, "[a]"), (10, "[b]")],
    # several
    "[a:b:3] [c:d:6]": [(3, "a c"), (6, "b c"), (10, "b d")],
    "[a:b:3][c:d:3]": [(3, "ac"), (10, "bd")],
    "((a][:b:c [d:3]": [(3, "((a][:b:c "), (10, "((a][:b:c d")],
    # by turns
    "[a|b]": TURNS,
    "[a|b|c]": [(step, "abc"[(step - 1) % 3]) for step in range(1, 11)],
    "[a|(b:1.1)]": [(step, "a" if step % 2 else "(b:1.1)") for step in range(1, 11)],
    "[fe|]male": [(step, "female" if step % 2 else "male") for step in range(1, 11)],
    "[fe|||]male": [(step, "female" if step % 4 == 1 else "male") for step in range(1, 11)],
    "x [a|b] y": [(step, f"x {text} y") for step, text in TURNS],
    "[[a|b]:c:4]": [(step, text if step <= 4 else "c") for step, text in TURNS],
    "[a|[b:c:4]]": [(step, "a" if step % 2 else "b" if step <= 4 else "c") for step in range(1, 11)],
    # a Chinese keyboard
    "[猫:狗:0.5]": [(5, "猫"), (10, "狗")],
    "[猫：狗：0.5]": [(5, "猫"), (10, "狗")],
    "[猫：狗：０．５]": [(5, "猫"), (10, "狗")],
    "[猫｜狗]": [(step, "猫" if step % 2 else "狗") for step in range(1, 11)],
    "[风景：山:5]": [(5, ""), (10, "风景：山")],
    "[海边：日落]": [(10, "[海边：日落]")],
    "[[海边：日落]:山:5]": [(5, "[海边：日落]"), (10, "山")],
    "（猫：1.3）": [(10, "（猫：1.3）")],
}


def test_the_table_is_large_enough():
    assert len(SCHEDULES) + len(COMPOSED) + len(WEIGHTS) >= 60


@pytest.mark.parametrize("prompt", SCHEDULES)
def test_schedules_of_ten_steps(prompt):
    assert schedule.schedule(prompt, 10) == SCHEDULES[prompt]


COMPOSED = {
    "a": [("a", 1.0)],
    "a AND b": [("a ", 1.0), (" b", 1.0)],
    "a AND b AND c": [("a ", 1.0), (" b ", 1.0), (" c", 1.0)],
    "a :1.2 AND b :0.8": [("a", 1.2), (" b", 0.8)],
    "a:1.2 AND b: -.5": [("a", 1.2), (" b", -0.5)],
    "a :2. AND b": [("a", 2.0), (" b", 1.0)],
    "猫：0.7 AND 狗：0.3": [("猫", 0.7), (" 狗", 0.3)],
    "(a:1.2) AND b": [("(a:1.2) ", 1.0), (" b", 1.0)],
    "a at 12:30": [("a at 12:30", 1.0)],
    "SAND AND sea": [("SAND ", 1.0), (" sea", 1.0)],
    "a and b": [("a and b", 1.0)],
    "a ANDROID": [("a ANDROID", 1.0)],
    "a AND": [("a ", 1.0), ("", 1.0)],
    "a\nAND\nb :0.5": [("a\n", 1.0), ("\nb", 0.5)],
}


@pytest.mark.parametrize("prompt", COMPOSED)
def test_composed_prompts(prompt):
    assert schedule.composed(prompt) == COMPOSED[prompt]


WEIGHTS = {
    "[a:(b:1.5):0.5] (c:0.8)": {1: [("a ", 1.0), ("c", 0.8)], 10: [("b", 1.5), (" ", 1.0), ("c", 0.8)]},
    "([a|b]:1.3)": {1: [("a", 1.3)], 2: [("b", 1.3)]},
    "[[a:b:5]]": {1: [("a", 0.909091)], 10: [("b", 0.909091)]},
    "[a:b]": {1: [("a:b", 0.909091)]},
    "(unclosed [a:b:5]": {1: [("unclosed a", 1.1)], 10: [("unclosed b", 1.1)]},
    r"\(a\) [b::5]": {1: [("(a) b", 1.0)], 10: [("(a) ", 1.0)]},
    r"back\slash": {1: [("backslash", 1.0)]},
    r"\\(a)": {1: [("\\", 1.0), ("a", 1.1)]},
    "(（猫：1.5）:2)": {1: [("猫", 3.0)]},
    "a (((house:1.3)) [on] a (hill:0.5), sun, (((sky))).": {
        1: [
            *(("a ", 1.0), ("house", 1.573), (" ", 1.1), ("on", 1.0), (" a ", 1.1), ("hill", 0.55), (", sun, ", 1.1), ("sky", 1.4641), (".", 1.1)),
        ]
    },
}


@pytest.mark.parametrize("prompt", WEIGHTS)
def test_weights_of_each_step(prompt):
    tree = schedule.parse(schedule.plain(prompt))
    for step, wanted in WEIGHTS[prompt].items():
        (spans,) = grammar.parse(schedule.text_at(tree, step, 10))
        assert [(span.text, round(span.weight, 6)) for span in spans] == wanted


def test_names_of_loras_are_no_part_of_a_schedule():
    assert schedule.texts("[<lora:a:0.8>cat::0.5] hill", 10) == ["cat hill", " hill"]
    assert schedule.texts("[cat:dog:0.5] AND [cat:dog:0.5]", 10) == ["cat ", "dog ", " cat", " dog"]


@pytest.mark.parametrize(("prompt", "is_so"), [("a cat", False), ("[a]", False), ("[a:b]", False), ("[a:b:1]", True), ("x AND [a|b]", True)])
def test_whether_a_prompt_changes(prompt, is_so):
    assert schedule.changes(prompt) is is_so


def test_what_is_almost_a_schedule_is_remarked_on():
    (note,) = schedule.remarks("a [cat|dog:0.5] b")
    assert note.startswith("[cat|dog:0.5] was read as plain words")
    assert "[cat|dog:0.5]" in note.zh
    (note,) = schedule.remarks("[a:b:c:0.5]")
    assert "[a:b:c:0.5]" in note
    for fine in ("[a:b:0.5]", "[a|b]", "[a]", "[a: b]", r"\[a:b:c:0.5\]", "(a:1.2)", "a cat and a dog"):
        assert schedule.remarks(fine) == []
    assert [note.split(":")[0] for note in schedule.remarks("ugly AND bad", negative=True)] == ["AND in the negative prompt is a plain word"]
    assert schedule.remarks("good AND fine") == []


@pytest.mark.parametrize(
    ("prompt", "message"),
    [
        ("[" * 65 + "a", "nested more than 64 deep at character 65"),
        ("(" * 1000, "nested more than 64 deep"),
        (" AND ".join("abcdefghi"), "composes 9 prompts with AND; allowed are at most 8"),
        ("a :11 AND b", "the weight of 'a' is 11; allowed are -10 to 10"),
    ],
)
def test_what_cannot_be_done_is_refused(prompt, message):
    with pytest.raises(ValueError, match=message):
        schedule.texts(prompt, 10)


def test_many_brackets_side_by_side_are_read_at_once():
    assert schedule.schedule("[a:b:0.5]" * 1000, 10) == [(5, "a" * 1000), (10, "b" * 1000)]
    assert schedule.schedule("[a|" * 60 + "b" + "]" * 60, 1) == [(1, "a")]


@settings(max_examples=300)
@given(st.text(alphabet=st.sampled_from("ab ()[]:|\\1.5,猫：｜"), max_size=40), st.integers(1, 12))
def test_any_prompt_is_a_schedule_that_covers_all_steps(prompt, steps):
    found = schedule.schedule(prompt, steps)
    ends = [end for end, _ in found]
    assert ends == sorted(set(ends))
    assert ends[-1] == steps
    assert ends[0] >= 1
    for _, text in found:
        assert set(text) <= set(prompt)


@given(st.text(alphabet=st.sampled_from("ab ,()1.2\\猫"), max_size=40))
def test_without_square_brackets_nothing_changes(prompt):
    assert schedule.schedule(prompt, 7) == [(7, prompt)]
