"""CLIP (Radford et al. 2021) as a judge of pictures and words: both become vectors in one space. Read from a folder as transformers writes it."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from huafang.errors import BadInput
from huafang.models import folders
from huafang.models.configs import Clip as ClipConfig
from huafang.nets import stored, tokenizer

MEAN, STD = (0.48145466, 0.4578275, 0.40821073), (0.26862954, 0.26130258, 0.27577711)
"""Of the pictures it was trained on, for RGB in [0, 1]."""


@dataclass(frozen=True)
class Clip:
    """Both encoders, frozen, and the reader of words. Vectors have the length the network gives them: nothing is normalised."""

    model: Any
    tokenizer: Any

    @property
    def side(self) -> int:
        """Pixels on a side of the square that the picture encoder sees."""
        return int(self.model.config.vision_config.image_size)

    def pictures(self, pixels: Tensor) -> Tensor:
        """(B, 3, H, W), sRGB in [0, 1] -> (B, D). The whole of a picture is seen, squeezed to a square."""
        if pixels.shape[2:] != (self.side, self.side):
            pixels = F.interpolate(pixels, (self.side, self.side), mode="bicubic", antialias=True, align_corners=False)
        mean, std = (torch.tensor(numbers, device=pixels.device).view(1, 3, 1, 1) for numbers in (MEAN, STD))
        seen = self.model.vision_model(pixel_values=(pixels - mean) / std).pooler_output
        found: Tensor = self.model.visual_projection(seen)
        return found

    @torch.no_grad()
    def words(self, texts: Sequence[str]) -> Tensor:
        """N texts -> (N, D). Raises BadInput for one of more tokens than are read."""
        most = int(self.model.config.text_config.max_position_embeddings)
        longest = max(len(self.tokenizer(text).input_ids) for text in texts)
        if longest > most:
            raise BadInput(f"the words come to {longest - 2} tokens, and this CLIP reads {most - 2} at most", code="prompt.long")
        read = self.tokenizer(list(texts), padding="max_length", max_length=most, return_tensors="pt").to(self.model.device)
        found: Tensor = self.model.text_projection(self.model.text_model(**read).pooler_output)
        return found


def load(path: Path) -> Clip:
    """The network of the folder `path`, or of the `model.safetensors` in it: config, tensors and the tokenizer's files, as transformers writes them.

    Raises BadInput when they are of another network, or not all there.
    """
    from transformers import CLIPConfig, CLIPModel

    home = path if path.is_dir() else path.parent
    tensors = path / "model.safetensors" if path.is_dir() else path
    if not (home / "config.json").exists():
        raise BadInput(f"there is no config.json beside {tensors.name}: a CLIP is a folder as transformers writes it", code="weights.incomplete")
    config = folders.read_config(ClipConfig, home / "config.json", home)
    words = tokenizer.read(home, home, "clip")
    folders.check_inside(tensors, home)
    title = f"the CLIP of {home.name}"
    network = stored.stored(title, [tensors])
    stored.check_layers(config.text_config, network, "text_model.encoder.layers")
    stored.check_layers(config.vision_config, network, "vision_model.encoder.layers")
    if words.highest >= config.text_config.vocab_size:
        raise BadInput(f"{title} knows {config.text_config.vocab_size:,} words, and its tokenizer {words.highest + 1:,}", code="weights.wrong_kind")
    model = stored.build(lambda: CLIPModel(CLIPConfig(**config.given())), network, torch.float32)
    stored.check_finite(model, title)
    return Clip(model, words.make())
