"""Prompts -> what the UNet attends to.

A prompt is cut into chunks of 75 tokens, each between a start and an end token; the chunks are encoded by themselves and laid behind one another.
Weights multiply a token's embedding; then the chunk is scaled so that its mean is what it was (AUTOMATIC1111's rule, `emphasis "Original"`).
"""

from dataclasses import dataclass

import torch

from huafang.diffusion import prompts
from huafang.diffusion.loading import Model, TextEncoder
from huafang.errors import BadInput

Chunks = list[list[tuple[int, float]]]


@dataclass(frozen=True)
class Conditioning:
    """`embeds` (1, 77·n, C) and, for XL, `pooled` (1, P); `empty_*` is the side that is steered away from, None when guidance is off."""

    embeds: torch.Tensor
    pooled: torch.Tensor | None = None
    empty_embeds: torch.Tensor | None = None
    empty_pooled: torch.Tensor | None = None
    chunks: int = 1

    @property
    def guided(self) -> bool:
        return self.empty_embeds is not None


@torch.inference_mode()
def encode(model: Model, prompt: str, negative: str = "", *, guided: bool = True, clip_skip: int = 1) -> Conditioning:
    """The conditioning of `prompt` against `negative`. `clip_skip` 1 takes the text encoder's usual layer, 2 the one before, …

    SD 1 and 2 usually take the last layer of their configuration, XL the last but one. Raises BadInput when there are not so many layers.
    """
    fewest = min(encoder.layers for encoder in model.encoders) - (1 if model.family == "xl" else 0)
    if clip_skip > fewest:
        raise BadInput(f"clip_skip is {clip_skip}, but the text encoder of this model has layers for 1 to {fewest}", code="params.bad")
    wanted = [_chunks(encoder, prompt) for encoder in model.encoders]
    unwanted = [_chunks(encoder, negative) for encoder in model.encoders]
    count = max(len(chunks) for chunks in (wanted + unwanted if guided else wanted))
    embeds, pooled = _encode(model, wanted, count, clip_skip)
    if not guided:
        return Conditioning(embeds, pooled, chunks=len(wanted[0]))
    if model.zero_empty and not negative:
        empty_embeds, empty_pooled = torch.zeros_like(embeds), None if pooled is None else torch.zeros_like(pooled)
    else:
        empty_embeds, empty_pooled = _encode(model, unwanted, count, clip_skip)
    return Conditioning(embeds, pooled, empty_embeds, empty_pooled, chunks=len(wanted[0]))


def _chunks(encoder: TextEncoder, prompt: str) -> Chunks:
    """Tokens and their weights. Words of one weight are tokenised together, so that a prompt without weights is read as it stands."""
    parts = []
    for spans in prompts.parse(prompt):
        tokens = []
        for span in spans:
            ids = encoder.tokenizer(span.text, add_special_tokens=False, truncation=False, verbose=False).input_ids
            tokens += [(int(token), span.weight) for token in ids]
        parts.append(tokens)
    comma = encoder.tokenizer.convert_tokens_to_ids(",</w>")
    return prompts.chunks(parts, comma if comma != encoder.tokenizer.unk_token_id else None)


def _encode(model: Model, chunked: list[Chunks], count: int, clip_skip: int) -> tuple[torch.Tensor, torch.Tensor | None]:
    """(1, 77·count, C), the encoders' embeddings side by side; and the last encoder's pooled output of the first chunk where it has one."""
    sides, pooled = [], None
    for encoder, chunks in zip(model.encoders, chunked, strict=True):
        rows = chunks + [[]] * (count - len(chunks))
        ids, weights = _rows(encoder, rows)
        states, pooled = _hidden(encoder, ids.to(model.device), clip_skip, penultimate=model.family == "xl")
        sides.append(_weighted(states, weights.to(model.device)).flatten(0, 1)[None])  # (1, 77·count, c)
    return torch.cat(sides, dim=-1), pooled


def _rows(encoder: TextEncoder, chunks: Chunks) -> tuple[torch.Tensor, torch.Tensor]:
    """Token ids (n, 77) int64 and weights (n, 77) float32."""
    start, end = encoder.tokenizer.bos_token_id, encoder.tokenizer.eos_token_id
    ids, weights = [], []
    for chunk in chunks:
        rest = prompts.CHUNK - len(chunk)
        ids.append([start, *(token for token, _ in chunk), end] + [encoder.pad] * rest)
        weights.append([1.0, *(weight for _, weight in chunk), 1.0] + [1.0] * rest)
    return torch.tensor(ids), torch.tensor(weights, dtype=torch.float32)


def _hidden(encoder: TextEncoder, ids: torch.Tensor, clip_skip: int, *, penultimate: bool) -> tuple[torch.Tensor, torch.Tensor | None]:
    """States (n, 77, c) of the layer that is asked for, and the pooled output (1, p) of the first row, where the encoder projects it."""
    out = encoder.model(ids, output_hidden_states=True)
    inner = getattr(encoder.model, "text_model", encoder.model)  # transformers 5 took the wrapper away from one of the two classes
    projected = getattr(out, "text_embeds", None)
    pooled = None if projected is None else projected[:1]
    if penultimate:
        return out.hidden_states[-(clip_skip + 1)], pooled
    if clip_skip == 1:
        return out.last_hidden_state, pooled
    return inner.final_layer_norm(out.hidden_states[-clip_skip]), pooled


def _weighted(states: torch.Tensor, weights: torch.Tensor) -> torch.Tensor:
    """Each token's state × its weight, then the chunk scaled to the mean it had. Rows without weights stay bit for bit as they are."""
    changed = (weights != 1).any(dim=1)  # (n,)
    if not bool(changed.any()):
        return states
    scaled = states.float() * weights[..., None]
    before, after = states.float().mean(dim=(1, 2), keepdim=True), scaled.mean(dim=(1, 2), keepdim=True)
    factor = torch.where(after.abs() > 1e-8, before / after, torch.ones_like(after))
    return torch.where(changed[:, None, None], scaled * factor, states.float()).to(states.dtype)
