"""Prompts -> what the UNet attends to.

A prompt is cut into chunks of 75 tokens (CLIP; 510 for Taiyi's BERT), each between a start and an end token and padded to the encoder's length; the
chunks are encoded by themselves and laid behind one another. A BERT sees its padding, as it did in training, unless its configuration says
`use_attention_mask`; so it is in diffusers' pipelines too.
Weights multiply a token's embedding; then the chunk is scaled so that its mean is what it was (AUTOMATIC1111's rule, `emphasis "Original"`). Where that
mean is next to nothing, as it is of a BERT's states, which come out of a LayerNorm, the root of their mean square is kept instead.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

import torch

from huafang.diffusion.adapters.embedding import Vectors, placed
from huafang.diffusion.conditioning import Conditioning, Encoded, Track
from huafang.diffusion.model.load import Model, TextEncoder
from huafang.diffusion.prompt import chunks as chunking
from huafang.diffusion.prompt import embedding_files, grammar, schedule
from huafang.errors import BadInput

Token = int | Vectors
Chunks = list[list[tuple[Token, float]]]
Words = Mapping[str, Vectors]
"""Words of prompts, in small letters, that are textual inversions."""
NO_WORDS: Words = MappingProxyType({})
STANDS_FOR_VECTORS = 0
"""The token at whose places vectors are put: any that is no end of text."""
NO_MEAN = 1e-4
"""Share of the root mean square below which a mean is rounding and no measure of anything."""


@torch.inference_mode()
def encode(model: Model, prompt: str, negative: str = "", *, guided: bool = True, clip_skip: int = 1, steps: int = 1, words: Words = NO_WORDS) -> Conditioning:
    """The conditioning of `prompt` against `negative` over `steps` steps. `clip_skip` 1 takes the text encoder's usual layer, 2 the one before, …

    Each plain prompt that a schedule comes to is encoded once. Prompts composed by AND are guided whatever `guided` says: they are weighed against the
    negative prompt, in which AND is a word. `words` are the textual inversions that prompts may name.
    SD 1 and 2 usually take the last layer of their configuration, XL the last but one.
    Raises BadInput when there are not so many layers, ValueError for prompts that cannot be read.
    """
    fewest = min(encoder.layers for encoder in model.encoders) - (1 if model.family == "xl" else 0)
    if clip_skip > fewest:
        raise BadInput(f"clip_skip is {clip_skip}, but the text encoder of this model has layers for 1 to {fewest}", code="params.bad")
    parts = schedule.composed(schedule.plain(prompt))
    guided = guided or len(parts) > 1
    wanted = [(_shared(schedule.schedule(text, steps)), weight) for text, weight in parts]
    unwanted = _shared(schedule.schedule(schedule.plain(negative), steps)) if guided else []
    texts = dict.fromkeys(text for track in (*(track for track, _ in wanted), unwanted) for _, text in track)
    chunked = {text: [_chunks(encoder, text, words) for encoder in model.encoders] for text in texts}
    count = max(len(chunks) for sides in chunked.values() for chunks in sides)
    encoded = {text: Encoded(*_encode(model, sides, count, clip_skip)) for text, sides in chunked.items()}
    tracks = tuple(Track(tuple((end, encoded[text]) for end, text in track), weight) for track, weight in wanted)
    longest = max(len(chunked[text][0]) for track, _ in wanted for _, text in track)
    if not guided:
        return Conditioning(tracks, chunks=longest)
    nothing = next(iter(encoded.values()))
    zeros = Encoded(torch.zeros_like(nothing.embeds), None if nothing.pooled is None else torch.zeros_like(nothing.pooled))
    away = Track(tuple((end, zeros if model.zero_empty and not text else encoded[text]) for end, text in unwanted))
    return Conditioning(tracks, away, chunks=longest)


def _shared(found: list[tuple[int, str]]) -> list[tuple[int, str]]:
    """Neighbours of one text as one."""
    return [(end, text) for place, (end, text) in enumerate(found) if place == len(found) - 1 or found[place + 1][1] != text]


def tokens(model: Model, prompt: str, steps: int = 1, words: Words = NO_WORDS) -> list[int]:
    """How many tokens the model's first text encoder reads of each prompt that AND composes; of one that changes over the steps, the most."""
    encoder = model.encoders[0]
    return [
        max(sum(_width(token) for chunk in _chunks(encoder, text, words) for token, _ in chunk) for _, text in schedule.schedule(part, steps))
        for part, _ in schedule.composed(schedule.plain(prompt))
    ]


@dataclass(frozen=True)
class Word:
    """A word of a prompt and its places in the encoding, (1, T, C) of `Encoded.embeds`, along T."""

    text: str
    places: tuple[int, ...]


def words_read(model: Model, prompt: str, steps: int = 1, words: Words = NO_WORDS) -> list[tuple[int, list[Word]]]:
    """The words of `prompt` as the first text encoder reads them, by the step before which they hold; of prompts composed by AND, those of the first."""
    encoder = model.encoders[0]
    part, _ = schedule.composed(schedule.plain(prompt))[0]
    return [(end, _read_words(encoder, _chunks(encoder, text, words))) for end, text in _shared(schedule.schedule(part, steps))]


def _read_words(encoder: TextEncoder, chunks: Chunks) -> list[Word]:
    """Tokens that belong to one word are joined; marks are left out."""
    found: list[Word] = []
    for number, chunk in enumerate(chunks):
        place = number * (encoder.chunk + 2) + 1  # behind the start token
        ids: list[int] = []
        for position, (token, _) in enumerate(chunk):
            if isinstance(token, Vectors):
                found.append(Word(token.word, tuple(range(place, place + len(token)))))
            else:
                ids.append(token)
                following = chunk[position + 1][0] if position + 1 < len(chunk) else None
                if _ends_word(encoder, token, following):
                    text = encoder.tokenizer.decode(ids, clean_up_tokenization_spaces=False).strip().removesuffix("</w>").strip()
                    if any(letter.isalnum() for letter in text):
                        found.append(Word(text, tuple(range(place + 1 - len(ids), place + 1))))
                    ids = []
            place += _width(token)
    return found


def _ends_word(encoder: TextEncoder, token: int, following: Token | None) -> bool:
    if not isinstance(following, int):
        return True
    if encoder.bert:
        return not encoder.tokenizer.convert_ids_to_tokens(following).startswith("##")
    return bool(encoder.tokenizer.convert_ids_to_tokens(token).endswith("</w>"))


def _width(token: Token) -> int:
    """Positions that a token takes."""
    return len(token) if isinstance(token, Vectors) else 1


def _chunks(encoder: TextEncoder, prompt: str, words: Words) -> Chunks:
    """Tokens and their weights. Words of one weight are tokenised together, so that a prompt without weights is read as it stands."""
    finder = embedding_files.pattern(words)
    parts: list[list[tuple[Token, float]]] = []
    for spans in grammar.parse(prompt):
        tokens: list[tuple[Token, float]] = []
        for span in spans:
            at = 0
            for match in finder.finditer(span.text) if finder else ():
                tokens += _tokens(encoder, span.text[at : match.start()], span.weight)
                tokens.append((words[embedding_files.plain_word(match[0])], span.weight))
                at = match.end()
            tokens += _tokens(encoder, span.text[at:], span.weight)
        parts.append(tokens)
    commas = {encoder.tokenizer.convert_tokens_to_ids(mark) for mark in ((",", "，", "、") if encoder.bert else (",</w>",))}
    return chunking.chunks(parts, commas - {encoder.tokenizer.unk_token_id}, encoder.chunk, _width)


def _tokens(encoder: TextEncoder, text: str, weight: float) -> list[tuple[Token, float]]:
    ids = encoder.tokenizer(text, add_special_tokens=False, truncation=False, verbose=False).input_ids if text else []
    return [(int(token), weight) for token in ids]


def _encode(model: Model, chunked: list[Chunks], count: int, clip_skip: int) -> tuple[torch.Tensor, torch.Tensor | None]:
    """(1, 77·count, C), the encoders' embeddings side by side; and the last encoder's pooled output of the first chunk where it has one."""
    sides, pooled = [], None
    for side, (encoder, chunks) in enumerate(zip(model.encoders, chunked, strict=True)):
        rows = chunks + [[]] * (count - len(chunks))
        ids, weights = _rows(encoder, rows)
        seen = _seen(encoder, rows).to(model.device) if getattr(encoder.model.config, "use_attention_mask", False) and model.family != "xl" else None
        with placed(encoder.model, _places(rows, side)):
            states, pooled = _hidden(encoder, ids.to(model.device), seen, clip_skip, penultimate=model.family == "xl")
        sides.append(_weighted(states, weights.to(model.device), encoder.bert).flatten(0, 1)[None])  # (1, 77·count, c)
    return torch.cat(sides, dim=-1), pooled


def _rows(encoder: TextEncoder, chunks: Chunks) -> tuple[torch.Tensor, torch.Tensor]:
    """Token ids (n, 77) int64 and weights (n, 77) float32."""
    ids, weights = [], []
    for chunk in chunks:
        flat = [(one, weight) for token, weight in chunk for one in ([STANDS_FOR_VECTORS] * len(token) if isinstance(token, Vectors) else [token])]
        rest = encoder.chunk - len(flat)
        ids.append([encoder.start, *(token for token, _ in flat), encoder.end] + [encoder.pad] * rest)
        weights.append([1.0, *(weight for _, weight in flat), 1.0] + [1.0] * rest)
    return torch.tensor(ids), torch.tensor(weights, dtype=torch.float32)


def _places(chunks: Chunks, side: int) -> list[tuple[int, int, torch.Tensor]]:
    """Row, position and vectors of every textual inversion, for the text encoder `side`."""
    found = []
    for row, chunk in enumerate(chunks):
        position = 1  # behind the start token
        for token, _ in chunk:
            if isinstance(token, Vectors):
                found.append((row, position, token.sides[side]))
            position += _width(token)
    return found


def _seen(encoder: TextEncoder, chunks: Chunks) -> torch.Tensor:
    """(n, 77) int64: 1 for a token, 0 for padding."""
    lengths = [sum(_width(token) for token, _ in chunk) for chunk in chunks]
    return torch.tensor([[1] * (length + 2) + [0] * (encoder.chunk - length) for length in lengths])


def _hidden(
    encoder: TextEncoder, ids: torch.Tensor, seen: torch.Tensor | None, clip_skip: int, *, penultimate: bool
) -> tuple[torch.Tensor, torch.Tensor | None]:
    """States (n, 77, c) of the layer that is asked for, and the pooled output (1, p) of the first row, where the encoder projects it."""
    out = encoder.model(ids, attention_mask=seen, output_hidden_states=True)
    projected = getattr(out, "text_embeds", None)
    pooled = None if projected is None else projected[:1]
    if penultimate:
        return out.hidden_states[-(clip_skip + 1)], pooled
    if clip_skip == 1:
        return out.last_hidden_state, pooled
    if encoder.bert:  # each of its layers ends in a norm of its own
        return out.hidden_states[-clip_skip], pooled
    inner = getattr(encoder.model, "text_model", encoder.model)  # transformers 5 took the wrapper away from one of the two classes
    return inner.final_layer_norm(out.hidden_states[-clip_skip]), pooled


def _weighted(states: torch.Tensor, weights: torch.Tensor, centred: bool) -> torch.Tensor:
    """Each token's state × its weight, then the chunk scaled to the mean it had, or to its root mean square where states are `centred`.

    Rows without weights stay bit for bit as they are.
    """
    changed = (weights != 1).any(dim=1)  # (n,)
    if not bool(changed.any()):
        return states
    scaled = states.float() * weights[..., None]
    mean, size = _mean(scaled), _size(scaled)
    by_mean = (mean.abs() > NO_MEAN * size) & (not centred)
    factor = torch.where(by_mean, _mean(states.float()) / mean, _size(states.float()) / size.clamp_min(1e-8))
    return torch.where(changed[:, None, None], scaled * factor, states.float()).to(states.dtype)


def _mean(states: torch.Tensor) -> torch.Tensor:
    """(n, 1, 1)."""
    return states.mean(dim=(1, 2), keepdim=True)


def _size(states: torch.Tensor) -> torch.Tensor:
    """(n, 1, 1): the root of each row's mean square."""
    return states.square().mean(dim=(1, 2), keepdim=True).sqrt()
