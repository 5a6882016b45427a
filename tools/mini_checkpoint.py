"""Carries a training of the built-in model from one machine to another: what it has learnt so far, in half precision, in one safetensors file.

    python tools/mini_checkpoint.py save RUN checkpoints/mini-things.safetensors     RUN: the run's folder, work/training/NAME of the data folder
    python tools/mini_checkpoint.py restore checkpoints/mini-things.safetensors NAME [--data FOLDER]

`restore` makes the models NAME and NAME-zh, which draw; `huafang train-mini … --start NAME --things --vae-steps 1` goes on from them. The optimizer's moments
and the place in the learning rate's schedule are not carried: on the same machine a run resumes exactly, on another one it begins anew from there.
"""

import argparse
import json
import tempfile
from pathlib import Path

import torch
from safetensors import safe_open
from safetensors.torch import save_file

from huafang.models import tensorfile
from huafang.places import places
from huafang.train import checkpoints
from huafang.train.mini import denoise, folder, vae

TOKENIZERS = "tokenizer:"


def save(run: Path, place: Path) -> None:
    steps = checkpoints.newest(run / "denoiser")
    if steps is None:
        raise SystemExit(f"{run} holds no checkpoint of the denoiser")
    tensors = {}
    with safe_open(steps / "state.safetensors", "pt") as state:
        for name in state.keys():  # noqa: SIM118  # it is no dictionary
            if name.startswith("module.ema."):
                tensors[f"nets.{name.removeprefix('module.ema.')}"] = state.get_tensor(name).half()
    tensors |= {f"vae.{name}": tensor.half() for name, tensor in tensorfile.load(run / "vae.safetensors").items()}
    said = {
        f"{TOKENIZERS}{path.relative_to(run / 'tokenizers').as_posix()}": path.read_text("utf-8") for path in (run / "tokenizers").rglob("*") if path.is_file()
    }
    facts = json.loads((steps / "state.json").read_text("utf-8"))
    place.parent.mkdir(parents=True, exist_ok=True)
    save_file(
        {name: tensor.contiguous() for name, tensor in tensors.items()}, place, {**said, "steps": str(facts["step"]), "side": str(facts["facts"]["side"])}
    )
    print(f"{place}: {facts['step']} steps of the denoiser, {place.stat().st_size / 1e6:.1f} MB")


def restore(file: Path, name: str, store: Path, args: argparse.Namespace) -> None:
    with safe_open(file, "pt") as state:
        said = state.metadata()
        tensors = {key: state.get_tensor(key).float() for key in state.keys()}  # noqa: SIM118  # it is no dictionary
    with tempfile.TemporaryDirectory() as scratch:
        for key, text in said.items():
            if key.startswith(TOKENIZERS):
                path = Path(scratch) / key.removeprefix(TOKENIZERS)
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text(text, "utf-8")
        sizes = [len(tensors[f"nets.{part}"]) for part in ("clip.embeddings.token_embedding.weight", "bert.embeddings.word_embeddings.weight")]
        nets = denoise.networks(denoise.Shape(args.channels, args.width, args.layers), int(said["side"]), *sizes)
        nets.load_state_dict({key.removeprefix("nets."): tensor for key, tensor in tensors.items() if key.startswith("nets.")})
        coder = vae.network(args.vae_channels, int(said["side"]) * 8)
        coder.load_state_dict({key.removeprefix("vae."): tensor for key, tensor in tensors.items() if key.startswith("vae.")})
        made = folder.write(store, name, nets, coder.eval(), Path(scratch), whole=True)
    print(f"{made} and {made}-zh, after {said['steps']} steps, are in {store}")


def numbers(text: str) -> tuple[int, ...]:
    return tuple(int(one) for one in text.split(","))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(dest="command", required=True)
    saving = commands.add_parser("save")
    saving.add_argument("run", type=Path)
    saving.add_argument("file", type=Path)
    restoring = commands.add_parser("restore")
    restoring.add_argument("file", type=Path)
    restoring.add_argument("name")
    restoring.add_argument("--data", type=Path)
    restoring.add_argument("--channels", type=numbers, default=(80, 144, 192))
    restoring.add_argument("--vae-channels", type=numbers, default=(16, 32, 64, 128))
    restoring.add_argument("--width", type=int, default=192)
    restoring.add_argument("--layers", type=int, default=2)
    args = parser.parse_args()
    torch.manual_seed(0)
    if args.command == "save":
        save(args.run, args.file)
    else:
        restore(args.file, args.name, places(args.data).models, args)


if __name__ == "__main__":
    main()
