"""What a job has to say to its user, in both languages."""


class Note(str):
    """A sentence: in English as a string like any other, in Chinese as `zh`."""

    zh: str

    def __new__(cls, en: str, zh: str) -> "Note":
        note = super().__new__(cls, en)
        note.zh = zh
        return note

    @staticmethod
    def spoken(text: str, language: str) -> str:
        """`text` in "en" or "zh", where it was said in both; else as it stands."""
        return text.zh if language == "zh" and isinstance(text, Note) else text

    def __getnewargs__(self) -> tuple[str, str]:  # type: ignore[override]  # a copy, or a pickle, keeps both
        return str(self), self.zh
