"""A loss network for tests: SqueezeNet with random weights, under the name that methods look for. And what holds of each task."""

import torch
from safetensors.torch import save_file

from huafang.nets.squeezenet import SqueezeNet
from huafang.train import checkpoints


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


def takes_the_same_steps_from_a_file(make, folder) -> None:
    """Of the task that `make` makes. Several steps behind the file, since the first has its gradient from the weights alone."""
    whole, stopped, resumed = make(), make(), make()
    for number in range(6):
        whole.step(number)
    for number in range(3):
        stopped.step(number)
    checkpoints.save(folder, 3, stopped.modules, stopped.optimizers, {})
    assert checkpoints.load(checkpoints.newest(folder), resumed.modules, resumed.optimizers) == 3
    for number in range(3, 6):
        resumed.step(number)
    for name, module in whole.modules.items():
        other = resumed.modules[name].state_dict()
        assert all(torch.equal(value, other[key]) for key, value in module.state_dict().items()), name
