"""LoRA files of Stable Diffusion: read in every layout that is in use, turned into changes of weights, put into a model and taken out again.

A file changes modules of the UNet and of the text encoders. For each of them ΔW is computed here, in float32, from the tensors of its layout:

    LoRA, LoCon     α/r · up · down                  (Hu et al. 2021; a k × k `down` of a convolution, a 1 × 1 `up`; `mid` between them: Tucker)
    LoHa            α/r · (w1a w1b) ∘ (w2a w2b)      (Hyeon-Woo et al. 2021)
    LoKr            α/r · w1 ⊗ w2                    (Edalati et al. 2022; α/r only where a factor is a product itself)
    full            diff, diff_b, w_norm, b_norm
    DoRA            m · (W + ΔW) / ‖W + ΔW‖ - W      (Liu et al. 2024)

α is the rank where it is missing. Several files add up, each ΔW being computed from the model's own W, so that their order does not matter.
"""

import json
import re
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import torch
from torch import Tensor, nn

from huafang.diffusion.adapters import Active
from huafang.diffusion.model import ldm
from huafang.diffusion.model.load import Model
from huafang.diffusion.prompt import lora_blocks
from huafang.errors import BadInput
from huafang.models import kinds, tensorfile
from huafang.notes import Note

NO_SCALE = 1e6
"""An α from which on it means no scaling: ai-toolkit writes 9999999999 into files of full rank."""

_PARTS: tuple[tuple[str, str], ...] = (
    (r"\.lora_down\.weight", "down"),
    (r"\.lora_up\.weight", "up"),
    (r"\.lora_mid\.weight", "mid"),
    (r"\.lora_A(?:\.\w+)?\.weight", "down"),
    (r"\.lora_B(?:\.\w+)?\.weight", "up"),
    (r"\.lora\.down\.weight", "down"),
    (r"\.lora\.up\.weight", "up"),
    (r"_lora\.down\.weight", "down"),
    (r"_lora\.up\.weight", "up"),
    (r"\.lora_magnitude_vector(?:\.\w+)?(?:\.weight)?", "dora"),
    (r"\.dora_scale", "dora"),
    (r"\.alpha", "alpha"),
    (r"\.scalar", "scalar"),
    (r"\.(hada_[tw][12](?:_[ab])?)", ""),
    (r"\.(lokr_[tw][12](?:_[ab])?)", ""),
    (r"\.(diff|diff_b|w_norm|b_norm)", ""),
)
"""How names of tensors end -> what they are; "" is what the group says."""
_UNREAD = {
    r"\.oft_(blocks|R|diag)|\.oft_R\.weight": "OFT",
    r"\.(a1|a2|b1|b2)\.weight": "GLoRA",
    r"\.on_input$": "IA3",
    r"\.(q_layer|p_layer|lambda_layer)": "T-LoRA",
}
"""Layouts that are known and not read."""
_BUNDLED = re.compile(r"^bundle_emb\.")
UNET = "unet"


@dataclass(frozen=True)
class Use:
    """A file with how strongly it acts on the UNet and on the text encoders."""

    name: str
    path: Path
    strength: float = 1.0
    text_strength: float = 1.0
    blocks: Mapping[str, float] | None = None
    """Weight of each block (`lora_blocks.py`); None: 1."""
    start: str | None = None
    stop: str | None = None
    """First and last step in which it acts on the UNet, from 1, or shares of all; the text encoders have read the prompt before."""

    @property
    def ranged(self) -> bool:
        return self.start is not None or self.stop is not None

    def acts(self, step: int, steps: int) -> bool:
        """Whether it acts on the UNet in `step`, from 0, of `steps`."""
        first = 0 if self.start is None else int(float(self.start) * steps) if "." in self.start else int(self.start) - 1
        last = steps if self.stop is None else int(float(self.stop) * steps) if "." in self.stop else int(self.stop)
        return first <= step < last


@dataclass(frozen=True)
class Lora:
    """A file as it was read: the tensors of each module, by the part of the model and the flat name of the module."""

    path: Path
    modules: Mapping[tuple[str, str], Mapping[str, Tensor]]
    unread: Mapping[str, int]
    """Layouts that are not read here -> how many tensors have them."""
    alphas: Mapping[tuple[str, str], float] = field(default_factory=dict)


@dataclass(frozen=True)
class Effect:
    """What a file did: modules changed of those it holds, its ranks, ‖ΔW‖ / ‖W‖ over the changed modules, and why others were left out."""

    name: str
    changed: int
    total: int
    ranks: tuple[int, ...]
    share: float
    dropped: Mapping[str, int]
    texts: int
    """How many of the changed modules belong to text encoders."""
    blocks: Mapping[str, float] = field(default_factory=dict)
    """‖ΔW‖ / ‖W‖ of the changed modules of each block; BASE are the text encoders, "" what lies in no block."""

    def note(self) -> Note:
        ranks = f"{min(self.ranks)} to {max(self.ranks)}" if len(set(self.ranks)) > 1 else f"{self.ranks[0]}" if self.ranks else "full"
        en = f"{self.name}: {self.changed} of {self.total} modules changed (rank {ranks}), by {self.share:.1%} of their weights"
        zh_ranks = ranks.replace(" to ", "–").replace("full", "满秩")
        zh = f"{self.name}：改动了 {self.total} 个模块中的 {self.changed} 个（秩 {zh_ranks}），幅度为权重的 {self.share:.1%}"
        if self.dropped:
            reasons = "; ".join(f"{count} {reason}" for reason, count in self.dropped.items())
            en += f"; left out: {reasons}"
            zh += f"；未使用：{'；'.join(f'{count} 个（{REASONS_ZH.get(reason, reason)}）' for reason, count in self.dropped.items())}"
        return Note(en, f"{zh}。")


NOT_THERE = "are of no module of this model"
OTHER_SHAPE = "are of another shape"
NO_CLIP = "are for CLIP, and this model reads prompts with BERT"
NO_SECOND = "are for a second text encoder"
INCOMPLETE = "lack a tensor"
REASONS_ZH = {
    NOT_THERE: "模型中没有对应模块",
    OTHER_SHAPE: "形状不符",
    NO_CLIP: "属于 CLIP，而此模型用 BERT 读提示词",
    NO_SECOND: "属于第二个文本编码器",
    INCOMPLETE: "缺少张量",
}


def read(path: Path) -> Lora:
    """The LoRA file at `path`. Raises BadInput for another file (`weights.wrong_kind`), MissingWeights where it is gone."""
    state = tensorfile.load(path)
    modules: dict[tuple[str, str], dict[str, Tensor]] = {}
    unread: Counter[str] = Counter()
    for name, tensor in state.items():
        if _BUNDLED.match(name):  # `embedding.py` reads them
            continue
        where, part = _split(name)
        if part is None:
            unread[next((layout for mark, layout in _UNREAD.items() if re.search(mark, name)), "an unknown layout")] += 1
            continue
        modules.setdefault(_place(where), {})[part] = tensor
    if not modules:
        found = ", ".join(f"{layout}" for layout in unread) or "textual inversions"
        raise BadInput(
            f"{path.name} holds no LoRA that can be used: {found}",
            code="weights.wrong_kind",
            hint="read are LoRA, LoCon, LoHa, LoKr, DoRA and full differences",
        )
    return Lora(path, modules, dict(unread), _declared(path, modules))


def _split(name: str) -> tuple[str, str | None]:
    """ "lora_unet_x.lora_down.weight" -> "lora_unet_x", "down"."""
    for ending, part in _PARTS:
        if match := re.search(f"{ending}$", name):
            return name[: match.start()], part or match[1]
    return name, None


def _place(where: str) -> tuple[str, str]:
    """The module's part of the model, and its name with _ for dots."""
    where = where.removeprefix("base_model.model.").replace(".processor.", ".")
    for prefix, part in (
        ("lora_unet_", UNET),
        ("lora_te1_", "text_encoder"),
        ("lora_te2_", "text_encoder_2"),
        ("lora_te_", "text_encoder"),
        ("lycoris_", UNET),
        ("unet.", UNET),
        ("text_encoder_2.", "text_encoder_2"),
        ("text_encoder.", "text_encoder"),
        ("model.diffusion_model.", UNET),
        ("diffusion_model.", UNET),
    ):
        if where.startswith(prefix):
            return part, where.removeprefix(prefix).replace(".", "_")
    return UNET, where.replace(".", "_")


def _declared(path: Path, modules: Mapping[tuple[str, str], object]) -> dict[tuple[str, str], float]:
    """α / r of each module where the header says them, as diffusers and PEFT write it: `lora_adapter_metadata`."""
    try:
        said = json.loads(tensorfile.metadata(path).get("lora_adapter_metadata", "{}"))
    except ValueError:
        return {}
    scales: dict[tuple[str, str], float] = {}
    for part, name in modules:
        rank, alpha = said.get(f"{part}.r"), said.get(f"{part}.lora_alpha")
        patterns = said.get(f"{part}.alpha_pattern")
        for pattern, value in patterns.items() if isinstance(patterns, dict) else ():
            alpha = value if name.endswith(str(pattern).replace(".", "_")) else alpha
        if isinstance(rank, int | float) and isinstance(alpha, int | float) and rank > 0:
            scales[part, name] = alpha / (rank**0.5 if said.get(f"{part}.use_rslora") else rank)
    return scales


def targets(model: Model) -> dict[tuple[str, str], nn.Module]:
    """The modules of `model` that a file can name: part and flat name -> module; the UNet's by their names in diffusers and in LDM."""
    found: dict[tuple[str, str], nn.Module] = {}
    for name, module in model.unet.named_modules():
        if isinstance(getattr(module, "weight", None), Tensor):
            found[UNET, name.replace(".", "_")] = module
    places = ldm.unet_places(model.unet.config)
    for name, module in model.unet.named_modules():
        if isinstance(getattr(module, "weight", None), Tensor):
            try:
                found.setdefault((UNET, ldm.unet_name(f"{name}.weight", places).removesuffix(".weight").replace(".", "_")), module)
            except KeyError:
                continue
    for encoder, part in zip(model.encoders, ("text_encoder", "text_encoder_2"), strict=False):
        if not encoder.bert:
            for name, module in encoder.model.named_modules():
                if isinstance(getattr(module, "weight", None), Tensor):
                    plain = name.removeprefix("text_model.").replace(".", "_")
                    found[part, plain] = found[part, f"text_model_{plain}"] = module
    return found


@contextmanager
def applied(model: Model, uses: Sequence[Use]) -> Iterator[list[Effect]]:
    """`model` with the files of `uses` put into its weights; at the end every weight has its own bits again. Those with a range of steps are not yet in.

    Raises BadInput for a file that does not fit (`lora.other_family`), or changes nothing (`lora.no_effect`).
    """
    with _applied(model, uses) as (effects, _):
        yield effects


@contextmanager
def _applied(model: Model, uses: Sequence[Use]) -> Iterator[tuple[list[Effect], Callable[[int, int], None]]]:
    there = targets(model) if uses else {}
    fixed: dict[Tensor, Tensor] = {}
    ranged: list[tuple[Use, dict[Tensor, Tensor]]] = []
    effects = []
    for use in uses:
        own: dict[Tensor, Tensor] = {}
        effects.append(_add(model, there, read(use.path), use, fixed, own if use.ranged else fixed))
        if use.ranged:
            ranged.append((use, own))
    originals: dict[Tensor, Tensor] = {}
    acting: list[bool] = [False] * len(ranged)

    def put(weights: Iterable[Tensor]) -> None:
        with torch.no_grad():
            for weight in weights:
                changes = [fixed.get(weight), *(change.get(weight) for (_, change), acts in zip(ranged, acting, strict=True) if acts)]
                there_are = [change for change in changes if change is not None]
                if weight not in originals:
                    originals[weight] = weight.detach().clone()
                weight.copy_((originals[weight].float() + sum(there_are)).to(weight.dtype) if there_are else originals[weight])

    def at_step(step: int, steps: int) -> None:
        now = [use.acts(step, steps) for use, _ in ranged]
        turned = {weight: None for (_, change), was, acts in zip(ranged, acting, now, strict=True) if was != acts for weight in change}
        acting[:] = now
        put(turned)

    try:
        put(fixed)
        kept = {weight for _, change in ranged for weight in change}
        for weight in [weight for weight in fixed if weight not in kept]:
            del fixed[weight]
        yield effects, at_step
    finally:
        with torch.no_grad():
            for weight, original in originals.items():
                weight.copy_(original)


def effect(model: Model, use: Use) -> Effect:
    """What `use` would do to `model`, which stays as it is. Raises BadInput as `applied` does."""
    return _add(model, targets(model), read(use.path), use, {}, {})


@dataclass(frozen=True)
class Loras:
    """The adapter of LoRA files: see `Adapter`."""

    uses: Sequence[Use]

    @contextmanager
    def inject(self, model: Model) -> Iterator[Active]:
        """Put the files into `model`. Raises BadInput as `applied` does."""
        with _applied(model, self.uses) as (effects, at_step):
            yield Active([effect.note() for effect in effects], at_step)


def _add(
    model: Model, there: Mapping[tuple[str, str], nn.Module], lora: Lora, use: Use, texts_changed: dict[Tensor, Tensor], unet_changed: dict[Tensor, Tensor]
) -> Effect:
    """Add what `lora` changes in the text encoders and in the UNet."""
    blocks = _blocks(model)
    dropped: Counter[str] = Counter({f"tensors are of the layout {layout}": count for layout, count in lora.unread.items()})
    ranks: set[int] = set()
    changed = texts = 0
    moved: defaultdict[str, float] = defaultdict(float)
    whole: defaultdict[str, float] = defaultdict(float)
    for (part, name), tensors in lora.modules.items():
        module = there.get((part, name))
        if module is None:
            dropped[_absent(model, part)] += 1
            continue
        block = blocks.get(module, "") if part == UNET else "BASE"
        strength = (use.strength if part == UNET else use.text_strength) * (1.0 if use.blocks is None else use.blocks.get(block, 1.0))
        changes = unet_changed if part == UNET else texts_changed
        try:
            found = _changes(module, tensors, lora.alphas.get((part, name)))
        except KeyError:
            dropped[INCOMPLETE] += 1
            continue
        except (RuntimeError, ValueError):  # shapes that do not multiply, or come to another number of values
            dropped[OTHER_SHAPE] += 1
            continue
        changed, texts = changed + 1, texts + (part != UNET)
        if rank := _rank(tensors):
            ranks.add(rank)
        for weight, change in found:
            step = strength * change
            moved[block] += float(step.square().sum())
            whole[block] += float(weight.float().square().sum())
            changes[weight] = changes[weight] + step if weight in changes else step
    share = (sum(moved.values()) / sum(whole.values())) ** 0.5 if sum(whole.values()) else 0.0
    by_block = {block: (moved[block] / whole[block]) ** 0.5 if whole[block] else 0.0 for block in sorted(whole)}
    effect = Effect(use.name, changed, len(lora.modules), tuple(sorted(ranks)), share, dict(dropped), texts, by_block)
    _check(model, lora, use, effect)
    return effect


def _check(model: Model, lora: Lora, use: Use, effect: Effect) -> None:
    """Raises BadInput for a file that changes nothing though it was asked to."""
    if not effect.changed:
        names = [name for _, name in lora.modules]
        other = kinds.other_family(names)
        width = model.unet.config.cross_attention_dim
        family = {768: "Stable Diffusion 1", 1024: "Stable Diffusion 2", 2048: "Stable Diffusion XL"}.get(width, f"{width} text features")
        why = f"it is for {kinds.FAMILIES[other]}" if other else "; ".join(f"{count} of its modules {reason}" for reason, count in effect.dropped.items())
        raise BadInput(
            f"{use.name} does not fit this model, and nothing would change: {why}",
            code="lora.other_family",
            hint=f"this model is of the family {family}: choose a LoRA that was trained for it, or another model",
        )
    if not effect.share and use.blocks is not None:
        if any(use.blocks.values()) and (use.strength or use.text_strength):
            raise BadInput(
                f"{use.name} changes nothing: its block weights are 0 for all that it would change ({', '.join(filter(None, effect.blocks))})",
                code="lora.no_effect",
                hint="the numbers may be for another kind of LoRA: 17 and 26 are for Stable Diffusion 1, 12 and 20 for XL",
            )
        return
    if not effect.share and ((use.strength and effect.changed > effect.texts) or (use.text_strength and effect.texts)):
        raise BadInput(
            f"{use.name} changes nothing: all its differences are zero", code="lora.no_effect", hint="its training may not have begun; take another file"
        )


def _blocks(model: Model) -> dict[nn.Module, str]:
    """The block of each module of the UNet that lies in one."""
    found: dict[nn.Module, str] = {}
    places = ldm.unet_places(model.unet.config)
    for name, module in model.unet.named_modules():
        if isinstance(getattr(module, "weight", None), Tensor):
            try:
                block = lora_blocks.block_of(ldm.unet_name(f"{name}.weight", places))
            except KeyError:
                continue
            if block:
                found[module] = block
    return found


def _absent(model: Model, part: str) -> str:
    if part == UNET:
        return NOT_THERE
    if model.encoders[0].bert:
        return NO_CLIP
    return NO_SECOND if part == "text_encoder_2" and len(model.encoders) < 2 else NOT_THERE


def _rank(tensors: Mapping[str, Tensor]) -> int:
    for part, axis in (("down", 0), ("hada_w1_b", 0), ("lokr_w2_b", 0), ("lokr_w1_b", 0)):
        if part in tensors:
            return int(tensors[part].shape[axis])
    return 0


def _changes(module: nn.Module, tensors: Mapping[str, Tensor], declared: float | None) -> list[tuple[Tensor, Tensor]]:
    """(tensor of the module, what is added to it at strength 1), float32. Raises KeyError for an incomplete layout, RuntimeError and ValueError for shapes."""
    weight: Tensor = module.weight  # type: ignore[assignment]  # `targets` gives modules that have one
    found: list[tuple[Tensor, Tensor]] = []
    for part, name in (("diff_b", "bias"), ("b_norm", "bias")):
        if part in tensors:
            own = getattr(module, name, None)
            if not isinstance(own, Tensor):
                raise ValueError(f"no {name}")
            found.append((own, _fitted(tensors[part].float().to(own.device), own)))
    if part_names := set(tensors) - {"alpha", "diff_b", "b_norm"}:
        change = _delta(weight, {name: tensor.float().to(weight.device) for name, tensor in tensors.items()}, declared, part_names)
        found.append((weight, change))
    if not found:
        raise KeyError("alpha alone")
    return found


def _delta(weight: Tensor, t: Mapping[str, Tensor], declared: float | None, names: set[str]) -> Tensor:
    if "diff" in t:
        return _fitted(t["diff"], weight)
    if "w_norm" in t:
        return _fitted(t["w_norm"], weight)
    decomposed = True
    if names & {"down", "up"}:
        up, down = t["up"].flatten(1), t["down"]
        if "mid" in t:
            change = torch.einsum("or,rs...,si->oi...", up, t["mid"], down.flatten(1))
        else:
            change = (up @ down.flatten(1)).reshape(up.shape[0], *down.shape[1:])
    elif any(name.startswith("hada_") for name in names):
        change = _product(t, "hada", "1") * _product(t, "hada", "2")
    else:
        one, two = _product(t, "lokr", "1"), _product(t, "lokr", "2")
        decomposed = "lokr_w1" not in t or "lokr_w2" not in t
        change = torch.kron(one.reshape(*one.shape[:2], *[1] * (two.dim() - 2)), two)
    change = _fitted(change * _scale(t, declared) if decomposed else change, weight)
    if "scalar" in t:
        change = change * t["scalar"]
    if "dora" not in t:
        return change
    merged = weight.float() + change
    scale = t["dora"]
    over = [axis for axis in range(merged.dim()) if axis != (1 if scale.dim() > 1 and scale.shape[0] == 1 and merged.shape[0] != 1 else 0)]
    norm = merged.norm(dim=over, keepdim=True).clamp_min(torch.finfo(torch.float32).eps)
    scaled: Tensor = scale.reshape(norm.shape) * merged / norm
    return scaled - weight.float()


def _product(t: Mapping[str, Tensor], layout: str, number: str) -> Tensor:
    """A factor of LoHa or LoKr: whole, a product of two, or with a Tucker core between them."""
    whole = t.get(f"{layout}_w{number}")
    if whole is not None:
        return whole
    a, b = t[f"{layout}_w{number}_a"], t[f"{layout}_w{number}_b"]
    core = t.get(f"{layout}_t{number}")
    return a @ b if core is None else torch.einsum("ij...,ip,jr->pr...", core, a, b)


def _scale(t: Mapping[str, Tensor], declared: float | None) -> float:
    if "alpha" not in t:
        return 1.0 if declared is None else declared
    alpha = float(t["alpha"].reshape(-1)[0])
    return 1.0 if abs(alpha) >= NO_SCALE else alpha / max(_rank(t), 1)


def _fitted(change: Tensor, weight: Tensor) -> Tensor:
    """`change` in the shape of `weight`: 1 × 1 convolutions are matrices in some files. Raises ValueError where the numbers do not come out."""
    if change.shape[:2] != weight.shape[:2] or change.numel() != weight.numel():
        raise ValueError(f"{tuple(change.shape)} and {tuple(weight.shape)}")
    return change.reshape(weight.shape)
