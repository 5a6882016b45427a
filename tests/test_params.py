"""The params' own rules, over every method: JSON there and back, strictness, and the fields that doors are made from."""

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from huafang import methods
from huafang.errors import BadInput, HuafangError
from huafang.params import SEED_LIMIT, Params, clean, fields, ui

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=8,
)


@pytest.mark.parametrize("name", methods.METHODS)
def test_no_value_of_any_field_raises_anything_but_our_own(name):
    specs = fields(methods.METHODS[name])

    @settings(max_examples=80, deadline=None)
    @given(st.dictionaries(st.sampled_from([spec.name for spec in specs]) | st.text(max_size=6), JSON, max_size=5))
    def attack(values):
        try:
            made = methods.build(name, values)
        except HuafangError:
            return
        assert methods.parse(made.model_dump_json()) == made
        assert methods.parse(json.loads(json.dumps(made.model_dump(mode="json"), allow_nan=False))) == made

    attack()


@settings(max_examples=100, deadline=None)
@given(st.binary(max_size=60) | st.text(max_size=60) | JSON.map(json.dumps))
def test_no_json_raises_anything_but_our_own(text):
    with pytest.raises(BadInput):
        methods.parse(text if isinstance(text, bytes) else text.encode("utf-8", "surrogatepass"))


@pytest.mark.parametrize("name", methods.METHODS)
def test_bad_input_35_seeds(name):
    params_class = methods.METHODS[name]
    field = params_class.model_fields["seed"]
    assert field.default == 0
    for bad in (True, "3", 3.0, -2, SEED_LIMIT, 2**64, None, float("nan")):
        with pytest.raises(BadInput, match="seed"):
            methods.build(name, {"seed": bad})


@pytest.mark.parametrize("text", ["", " ", "猫", "e\u0301", "\u202eabc", "a\r\n\tb", "🐈‍⬛", "\x01"])
def test_bad_input_30_text_is_left_as_it_came(text):
    assert clean(text) == text


@pytest.mark.parametrize("text", ["\0", "a\0b", "\ud800", "ab\udfff"])
def test_bad_input_31_what_no_file_can_hold_is_refused(text):
    with pytest.raises(ValueError, match="no text"):
        clean(text)


@pytest.mark.parametrize("path", ["../x", "/etc/passwd", "a/../b", "a//b", "C:\\x", " ", ".", "..", "a/", "a\n", "a\0", "-x", ".hidden", "x" * 201])
def test_bad_input_23_a_model_is_a_name_and_never_a_path(path):
    with pytest.raises(BadInput, match="model"):
        methods.build("text_to_image", {"prompt": "x", "model": path})


def test_a_field_without_words_and_a_field_of_no_kind_are_our_mistakes():
    with pytest.raises(TypeError, match="docstring"):

        class Silent(Params):
            x: int = 0

    class Odd(Params):
        x: dict[str, int]
        """words"""

    with pytest.raises(TypeError, match="no kind"):
        fields(Odd)
    assert ui(unit="px", step=0) == {"unit": "px", "step": 0}
