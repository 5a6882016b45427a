"""Sentences in two languages."""

import copy
import json
import pickle

from huafang.notes import Note


def test_a_note_is_its_english_and_keeps_its_chinese():
    note = Note("two of three", "三分之二")
    assert note == "two of three"
    assert json.loads(json.dumps([note])) == ["two of three"]
    for other in (copy.copy(note), copy.deepcopy(note), pickle.loads(pickle.dumps(note))):
        assert (other, other.zh) == (note, "三分之二")
