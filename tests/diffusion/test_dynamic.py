"""Wildcards and choices: decided by the seed alone, from files of the user's folder alone."""

import collections
import os
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from huafang.diffusion.prompt.dynamic import LONGEST, Wildcards, is_dynamic, resolve


def none(name):
    raise ValueError(f"there is no wildcard {name}")


@pytest.fixture
def wildcards(tmp_path):
    folder = tmp_path / "wildcards"
    (folder / "animals").mkdir(parents=True)
    (folder / "colours.txt").write_text("# colours\nred\n\n  blue  \n", "utf-8")
    (folder / "animals" / "cats.txt").write_text("a __colours__ cat\n{big|small} cat\n", "utf-8")
    (folder / "animals" / "dogs.txt").write_text("3::a dog\n", "utf-8")
    (folder / "动物.txt").write_text("猫\n狗\n", "utf-8")
    (folder / "loop.txt").write_text("__loop__\n", "utf-8")
    (folder / "empty.txt").write_text("# nothing\n", "utf-8")
    return Wildcards(folder)


@pytest.mark.parametrize(
    ("prompt", "may_be"),
    [
        ("{a|b}", {"a", "b"}),
        ("x {a|b} y", {"x a y", "x b y"}),
        ("{a|}", {"a", ""}),
        ("{a|{b|c}}", {"a", "b", "c"}),
        ("{2$$a|b}", {"a, b", "b, a"}),
        ("{2$$ and $$a|b}", {"a and b", "b and a"}),
        ("{0-1$$a|b}", {"", "a", "b"}),
        ("{1-2$$+$$a|b}", {"a", "b", "a+b", "b+a"}),
        ("{1$$only}", {"only"}),
        ("{0::a|1::b}", {"b"}),
        ("{.5::a|0::b}", {"a"}),
        ("[{cat|dog}:bird:0.5]", {"[cat:bird:0.5]", "[dog:bird:0.5]"}),
        ("{(a:1.2)|b}", {"(a:1.2)", "b"}),
        ("{<lora:x:0.5> a|b}", {"<lora:x:0.5> a", "b"}),
    ],
)
def test_each_choice_comes_and_no_other(prompt, may_be):
    assert is_dynamic(prompt)
    assert {resolve(prompt, seed, none) for seed in range(80)} == may_be


@pytest.mark.parametrize("prompt", ["a cat", "{a}", "{ {a} }", r"\{a|b\}", "a|b", "[a|b]", "{a", "a}", "__ __", r"\_\_x\_\_", "snake_case", "a __ b", "___"])
def test_what_holds_no_chance_stays_as_it_stands(prompt):
    assert not is_dynamic(prompt)
    assert resolve(prompt, 0, none) == prompt


def test_choices_weigh_as_they_say():
    drawn = collections.Counter(resolve("{3::a|1::b}", seed, none) for seed in range(2000))
    assert 1400 < drawn["a"] < 1600


KNOWN = ["blue bird, cat", "red bird, cat", "green dog, cat", "green cat, dog"]


def test_the_seed_decides_and_python_keeps_its_numbers():
    """Written down: another version of Python, or of this code, must not draw other pictures from old settings."""
    assert [resolve("{red|green|blue} {2$$cat|dog|bird}", seed, none) for seed in range(4)] == KNOWN
    assert resolve("{a|b|c|d|e|f|g|h}", 1, none, stream="negative_prompt") != resolve("{a|b|c|d|e|f|g|h}", 1, none)


def test_wildcards_are_lines_of_files(wildcards):
    assert wildcards.names() == ["animals/cats", "animals/dogs", "colours", "empty", "loop", "动物"]
    assert {resolve("a __colours__ hill", seed, wildcards.lines) for seed in range(40)} == {"a red hill", "a blue hill"}
    assert {resolve("一只__动物__", seed, wildcards.lines) for seed in range(40)} == {"一只猫", "一只狗"}
    assert {resolve("__animals/*__", seed, wildcards.lines) for seed in range(99)} == {"a red cat", "a blue cat", "big cat", "small cat", "a dog"}
    assert {resolve("{2$$ $$__animals/dogs__|x}", seed, wildcards.lines) for seed in range(40)} == {"a dog x", "x a dog"}
    assert {resolve("__COLOURS__", seed, wildcards.lines) for seed in range(40)} == {"red", "blue"}


@pytest.mark.parametrize(
    ("prompt", "message"),
    [
        ("__colour__", r"there is no wildcard __colour__; allowed are .*did you mean colours\?: it is a file colour\.txt in"),
        ("__empty__", "the wildcard __empty__ is empty"),
        ("__loop__", "lead to each other more than 16 deep"),
        ("{3$$a|b}", r"asks for 3 of the 2 choices \{a\|b\}; ask for 2 at most"),
        ("{a|b}" * 201, "has 201 pairs of braces; allowed are at most 200"),
    ],
)
def test_what_cannot_be_done_is_refused(wildcards, prompt, message):
    with pytest.raises(ValueError, match=message):
        resolve(prompt, 0, wildcards.lines)


def test_a_prompt_that_grows_without_end_is_refused(tmp_path):
    (tmp_path / "a.txt").write_text("__b__ " * 50, "utf-8")
    (tmp_path / "b.txt").write_text("x" * 400, "utf-8")
    with pytest.raises(ValueError, match=f"more than {LONGEST:,} characters"):
        resolve("__a__", 0, Wildcards(tmp_path).lines)


@pytest.mark.parametrize("name", ["../secret", "/etc/passwd", "..", "a/../../secret", "secret", ".hidden"])
def test_no_file_outside_the_folder_is_read(tmp_path, name):
    folder = tmp_path / "wildcards"
    folder.mkdir()
    (tmp_path / "secret.txt").write_text("the secret\n")
    (folder / ".hidden.txt").write_text("the secret\n")
    os.symlink(tmp_path / "secret.txt", folder / "secret.txt")
    prompt = f"__{name}__"
    try:
        found = resolve(prompt, 0, Wildcards(folder).lines)
    except ValueError as error:
        found = re.sub(r"secret\.txt|secret__", "", str(error))
    assert "the secret" not in found


def test_without_a_folder_it_is_said_where_it_would_be(tmp_path):
    with pytest.raises(ValueError, match=r"there is no wildcard __x__: it is a file x\.txt in .*none"):
        resolve("__x__", 0, Wildcards(tmp_path / "none").lines)


@given(st.text(alphabet=st.sampled_from("ab{}|$12-:_\\ "), max_size=40), st.integers(0, 2**32 - 1))
def test_any_prompt_is_decided_or_refused(prompt, seed):
    try:
        found = resolve(prompt, seed, lambda name: ["w"])
    except ValueError:
        return
    assert found == resolve(prompt, seed, lambda name: ["w"])
    if not is_dynamic(prompt):
        assert found == prompt
