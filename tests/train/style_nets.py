"""A loss network for tests: SqueezeNet with random weights, under the name that rooms look for."""

import torch
from safetensors.torch import save_file

from huafang.nets.squeezenet import SqueezeNet


def put_squeezenet(bench) -> None:
    """Store He-random weights as squeezenet1_1, where they are not yet there."""
    place = bench.weights.root / "squeezenet1_1.safetensors"
    if place.exists():
        return
    place.parent.mkdir(parents=True, exist_ok=True)
    generator = torch.Generator().manual_seed(0)
    state = SqueezeNet().state_dict()
    for name, tensor in state.items():
        fan = tensor[0].numel()
        state[name] = torch.randn(tensor.shape, generator=generator) * (2 / fan) ** 0.5 if tensor.dim() > 1 else torch.zeros_like(tensor)
    save_file(state, place)
