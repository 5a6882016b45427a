"""The files of a tokenizer that a stranger made, as pydantic models. No torch."""

from collections.abc import Mapping
from typing import Annotated, Any, Literal, Self

from pydantic import BeforeValidator, Field, model_validator

from huafang.models.configs import Config, TokenId, Word


def _content(value: Any) -> Any:
    """A special token may be written as text, or as an object that has its text as `content`."""
    return value.get("content") if isinstance(value, Mapping) else value


Token = Annotated[Word, BeforeValidator(_content)]


class AddedToken(Config):
    """A word that was added to a vocabulary, and how it is found in a text."""

    content: Word
    single_word: bool = False
    lstrip: bool = False
    rstrip: bool = False
    normalized: bool = True
    special: bool = False


class TokenizerConfig(Config):
    """`tokenizer_config.json`, and `special_tokens_map.json`, which has the same keys. A token that is None is the class's own."""

    model_max_length: float | None = None
    bos_token: Token | None = None
    eos_token: Token | None = None
    unk_token: Token | None = None
    pad_token: Token | None = None
    sep_token: Token | None = None
    cls_token: Token | None = None
    mask_token: Token | None = None
    do_lower_case: bool = True
    tokenize_chinese_chars: bool = True
    strip_accents: bool | None = None
    added_tokens_decoder: dict[str, AddedToken] | None = None

    @model_validator(mode="after")
    def _length(self) -> Self:
        if self.model_max_length is not None and not self.model_max_length >= 3:
            raise ValueError(f"model_max_length is {self.model_max_length:g}; it must be 3 or more")
        return self

    @property
    def tokens(self) -> dict[str, str]:
        """The special tokens that the file has, by key."""
        return {name: value for name in type(self).model_fields if name.endswith("_token") and (value := getattr(self, name)) is not None}


class Vocabulary(Config):
    """`vocab.json`, `added_tokens.json`: words and their numbers."""

    words: Annotated[dict[Word, TokenId], Field(max_length=1_000_000)]


class _FastModel(Config):
    type: Literal["BPE", "WordPiece"] | None = None
    vocab: dict[Word, TokenId]
    merges: list[str | list[str]] = Field(default_factory=list)


class _FastToken(AddedToken):
    id: TokenId


class FastTokenizer(Config):
    """`tokenizer.json`: vocabulary and merges are read; how it cuts a text is the class's own."""

    model: _FastModel
    added_tokens: list[_FastToken] = Field(default_factory=list)
