"""Sentences in two languages."""

import copy
import json
import pickle
import re

from huafang.models import catalogue
from huafang.notes import Note

HAN = "[一-鿿]"


def test_a_note_is_its_english_and_keeps_its_chinese():
    note = Note("two of three", "三分之二")
    assert note == "two of three"
    assert json.loads(json.dumps([note])) == ["two of three"]
    for other in (copy.copy(note), copy.deepcopy(note), pickle.loads(pickle.dumps(note))):
        assert (other, other.zh) == (note, "三分之二")


def test_every_known_model_is_told_in_both_languages():
    for known in (*catalogue.entries().values(), *catalogue.built_in().values()):
        assert not re.search(HAN, known.about), known.name
        assert re.search(HAN, known.about.zh), known.name
        assert known.title, known.name
        assert known.title.zh, known.name
        words = re.search(r"weights|\buse\b|[Nn]on-commercial|trained|converted", known.licence)
        assert not words or re.search(HAN, known.licence.zh), f"{known.name}: a licence that is more than a name is told in both languages"
