"""What a checkpoint is, by its names and shapes alone, and whether it may be opened. No torch here, and no tensor is read.

Two layouts are known: a diffusers folder, and one `.safetensors` file in the LDM layout (what Civitai and the first releases share).
Nothing here can run code of the checkpoint: only JSON and safetensors are ever read, and classes are taken from the lists below, never by the
name that the checkpoint gives (R1 of the security rules; CVE-2026-44513 shows why).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from huafang.diffusion.model.embedded_config import Carried
from huafang.diffusion.model.embedded_config import read as read_carried
from huafang.errors import BadInput, MissingWeights
from huafang.models import kinds
from huafang.models.catalogue import part as part_of
from huafang.models.configs import Bert, ClipText, ModelIndex, Part, Scheduler, UNet, Vae, checked
from huafang.models.folders import read_json, weight_files
from huafang.models.hubcache import hub_folder
from huafang.models.tensorfile import header, metadata
from huafang.nets import tokenizer

Family = Literal["sd1", "sd2", "xl"]
TITLES: dict[Family, str] = {"sd1": "Stable Diffusion 1.x", "sd2": "Stable Diffusion 2.x", "xl": "Stable Diffusion XL"}
READ = "Stable Diffusion 1.x (Taiyi too), 2.x and XL, as a diffusers folder or one .safetensors file"

PIPELINES = (
    *("StableDiffusionPipeline", "StableDiffusionImg2ImgPipeline", "StableDiffusionInpaintPipeline"),
    *("StableDiffusionXLPipeline", "StableDiffusionXLImg2ImgPipeline", "StableDiffusionXLInpaintPipeline"),
)
PARTS: dict[str, tuple[tuple[str, str], ...]] = {
    "unet": (("diffusers", "UNet2DConditionModel"),),
    "vae": (("diffusers", "AutoencoderKL"),),
    "text_encoder": (("transformers", "CLIPTextModel"), ("transformers", "BertModel")),
    "text_encoder_2": (("transformers", "CLIPTextModelWithProjection"),),
    "tokenizer": tuple(("transformers", name) for name in ("CLIPTokenizer", "CLIPTokenizerFast", "BertTokenizer", "BertTokenizerFast")),
    "tokenizer_2": (("transformers", "CLIPTokenizer"), ("transformers", "CLIPTokenizerFast")),
    "scheduler": tuple(
        ("diffusers", f"{name}Scheduler")
        for name in [
            "DDIM",
            "DDPM",
            "DEISMultistep",
            "DPMSolverMultistep",
            "DPMSolverSDE",
            "DPMSolverSinglestep",
            "EulerAncestralDiscrete",
            "EulerDiscrete",
            "HeunDiscrete",
            "KDPM2AncestralDiscrete",
            "KDPM2Discrete",
            "LCM",
            "LMSDiscrete",
            "PNDM",
            "TCD",
            "UniPCMultistep",
        ]
    ),
}
"""The parts that are loaded, and the classes each may be. `safety_checker`, `feature_extractor`, `image_encoder` are left where they lie."""
LEFT = ("safety_checker", "feature_extractor", "image_encoder")

CLIP_TOKENIZER = "openai/clip-vit-large-patch14"

_UNET = "model.diffusion_model."


@dataclass(frozen=True)
class Folder:
    """A diffusers folder: configs and files of weights by part, and the words of each tokenizer, all checked."""

    configs: Mapping[str, Part]
    files: Mapping[str, tuple[Path, ...]]
    words: tuple[tokenizer.Words, ...]
    zero_empty: bool


@dataclass(frozen=True)
class Checkpoint:
    """What lies at `path`.

    `prediction` is what the UNet was trained to say, where the checkpoint tells; None where it does not. `bert`: prompts are read by a BERT, as Taiyi does.
    `folder` is what a diffusers folder holds; `carried` is what a single file that was exported here says of its architecture.
    """

    path: Path
    family: Family
    single: bool
    folder: Folder | None = None
    prediction: Literal["epsilon", "v_prediction"] | None = None
    zero_snr: bool = False
    bert: bool = False
    carried: Carried | None = None


def inspect(path: Path) -> Checkpoint:
    """What the model at `path` is. Raises BadInput that names what it is instead, MissingWeights when a part is not there."""
    return _folder(path) if path.is_dir() else _file(path)


def check(path: Path) -> None:
    """See that the model at `path` can be used, as far as its small files and the headers of its weights tell. Raises as `inspect` does."""
    found = inspect(path)
    if found.single and (found.carried is None or found.carried.vocab is None):
        tokenizer_files(found)


def unfit(path: Path, what: str, code: str = "weights.wrong_kind") -> BadInput:
    return BadInput(f"{path.name} is {what}", code=code, hint=f"models that are read here: {READ}")


# A diffusers folder


def _folder(path: Path) -> Checkpoint:
    index = read_json(path / "model_index.json")
    more = checked(ModelIndex, index, "model_index.json")
    pipeline = index.get("_class_name")
    if pipeline not in PIPELINES:
        raise BadInput(f"{path.name} is a {str(pipeline)[:80]!r}, which is not run here; allowed are {', '.join(PIPELINES)}", code="weights.wrong_kind")
    is_xl = "XL" in str(pipeline)
    wanted = ["unet", "vae", "text_encoder", "tokenizer", "scheduler", *(["text_encoder_2", "tokenizer_2"] if is_xl else [])]
    for part in wanted:
        _check_class(path, part, index.get(part))
    for part in index:
        if not part.startswith("_") and part not in PARTS and part not in LEFT and isinstance(index[part], list):
            raise BadInput(f"{path.name} has a part {part[:80]!r} that no Stable Diffusion model has", code="weights.unsafe")
    bert = index["text_encoder"][1] == "BertModel"
    if bert != index["tokenizer"][1].startswith("Bert") or (bert and is_xl):
        raise unfit(path, f"a model whose parts do not belong together: {pipeline} with {index['text_encoder'][1]} and {index['tokenizer'][1]}")
    configs = {part: _config(path, part, bert) for part in wanted if not part.startswith("tokenizer")}
    files = {part: tuple(weight_files(place := part_of(path, part), place.parent)) for part in configs if part != "scheduler"}
    for part, each in files.items():
        for file in each:
            try:
                header(file)  # checks it whole
            except BadInput as error:  # parts have files of the same name
                raise BadInput(f"{part}/{error.message}", code=error.code, hint=error.hint) from error
    words = tuple(tokenizer.read(path / part, path, "bert" if bert else "clip") for part in wanted if part.startswith("tokenizer"))
    unet, scheduler = configs["unet"], configs["scheduler"]
    assert isinstance(unet, UNet), "by KINDS"
    assert isinstance(scheduler, Scheduler), "by KINDS"
    _check_together(path, configs)
    family: Family = "xl" if is_xl else "sd2" if unet.cross_attention_dim == 1024 else "sd1"
    folder = Folder(configs, files, words, more.force_zeros_for_empty_prompt)
    return Checkpoint(path, family, single=False, prediction=scheduler.prediction_type, bert=bert, folder=folder)


LARGEST = 2048
"""Pixels a side above which no model was trained, whatever it says."""


def _check_together(path: Path, configs: Mapping[str, Part]) -> None:
    """Raises BadInput where one part does not take what another gives."""
    unet, vae = configs["unet"], configs["vae"]
    assert isinstance(unet, UNet), "by KINDS"
    assert isinstance(vae, Vae), "by KINDS"
    latents = vae.latent_channels
    if unet.out_channels != latents or unet.in_channels not in (latents, 2 * latents + 1):  # an inpainting model: mask and masked picture beside them
        raise BadInput(
            f"{path.name}: its UNet takes {unet.in_channels} channels and gives {unet.out_channels}, and its VAE reads {vae.latent_channels}",
            code="weights.wrong_kind",
        )
    texts = [text for part in ("text_encoder", "text_encoder_2") if isinstance(text := configs.get(part), ClipText | Bert)]
    gives = sum(text.hidden_size for text in texts)
    if gives != unet.cross_attention_dim:
        raise BadInput(f"{path.name}: its text encoder gives {gives} features a token and its UNet takes {unet.cross_attention_dim}", code="weights.wrong_kind")
    check_size(path, unet, vae)


def check_size(path: Path, unet: UNet, vae: Vae) -> None:
    """Raises BadInput (`weights.bad_config`) for a size in pixels that no model was trained on."""
    if unet.side is not None and (side := unet.side * vae.scale) > LARGEST:
        raise BadInput(
            f"{path.name} says what cannot be: its unet has sample_size = {unet.side}, which is {side:,} pixels; at most {LARGEST:,} are believed",
            code="weights.bad_config",
            hint="set sample_size to the size of the latents that it was trained on: 64 for Stable Diffusion 1",
        )


KINDS: dict[str, type[Part]] = {"unet": UNet, "vae": Vae, "text_encoder": ClipText, "text_encoder_2": ClipText, "scheduler": Scheduler}


def _config(path: Path, part: str, bert: bool) -> Part:
    """The config of a part, checked; what can be said better than by its keys is said first."""
    place = part_of(path, part)
    file = place / ("scheduler_config.json" if part == "scheduler" else "config.json")
    said = read_json(file, place.parent)
    if part == "unet":
        _check_unet(path, said.get("in_channels"), said)
    if part == "scheduler" and (prediction := said.get("prediction_type", "epsilon")) not in ("epsilon", "v_prediction"):
        raise unfit(path, f"a model that predicts {str(prediction)[:40]!r}; known are epsilon and v_prediction")
    return checked(Bert if bert and part == "text_encoder" else KINDS[part], said, f"{place.name}/{file.name}")


def _check_class(path: Path, part: str, named: object) -> None:
    allowed = PARTS[part]
    if named is None or named == [None, None]:
        what = "an XL refiner, which finishes pictures and draws none" if part in ("text_encoder", "tokenizer") else f"a model without its {part}"
        raise unfit(path, what)
    if not isinstance(named, list) or named not in [list(pair) for pair in allowed]:
        shown = ".".join(map(str, named)) if isinstance(named, list) else str(named)
        raise BadInput(
            f"{path.name} wants {shown[:80]!r} as its {part}; allowed are {', '.join('.'.join(pair) for pair in allowed)}",
            code="weights.unsafe",
            hint="classes outside this list are never loaded, whatever the model's folder says",
        )


def _check_unet(path: Path, channels: object, unet: Mapping[str, Any]) -> None:
    if channels in (5, 7, 8):
        raise unfit(path, f"a model that starts from a picture (its UNet takes {channels} channels: depth, upscaling or instructions)")
    if unet.get("time_cond_proj_dim") is not None:
        raise unfit(path, "a guidance-distilled LCM model; take the model with an LCM LoRA merged in instead")


# One file


def _file(path: Path) -> Checkpoint:
    names = header(path)
    if f"{_UNET}input_blocks.0.0.weight" not in names:
        if what := kinds.recognise(names).what:
            raise unfit(path, what)
        raise unfit(path, f"no model that is known here (its first tensor is {next(iter(names), 'none')[:80]!r})")
    if any(name.startswith("control_model.") for name in names):
        raise unfit(path, "a ControlNet, which guides a model and is none itself")
    shape = {name: entry.get("shape", []) for name, entry in names.items() if isinstance(entry, dict)}
    first = shape[f"{_UNET}input_blocks.0.0.weight"]
    if len(first) != 4:
        raise BadInput(f"{path.name} is damaged: its first convolution has the shape {first}, and four sides are wanted", code="weights.wrong_kind")
    _check_unet(path, first[1], {})
    family = _family(path, names)
    told = metadata(path)
    if own := read_carried(path, told, shape, family):
        return Checkpoint(path, family, single=True, prediction=own.parts["scheduler"]["prediction_type"], carried=own)
    v = "v_pred" in names or told.get("modelspec.prediction_type") == "v" or told.get("modelspec.architecture") == "stable-diffusion-v2-768-v"
    said = "v_prediction" if v else "epsilon" if family != "sd2" or told.get("modelspec.prediction_type") == "epsilon" else None
    return Checkpoint(path, family, single=True, prediction=said, zero_snr="ztsnr" in names)  # type: ignore[arg-type]  # one of the two words


def _family(path: Path, names: Mapping[str, Any]) -> Family:
    starts = {name.split(".", 3)[0] + "." + ".".join(name.split(".", 3)[1:3]) for name in names}
    if "conditioner.embedders.0" in starts:
        if "conditioner.embedders.1" not in starts:
            raise unfit(path, "an XL refiner, which finishes pictures and draws none")
        return "xl"
    if any(name.startswith("cond_stage_model.model.") for name in names):
        return "sd2"
    if any(name.startswith("cond_stage_model.transformer.bert.") or name.startswith("cond_stage_model.transformer.encoder.layer.") for name in names):
        raise unfit(path, "a model that reads its prompts with BERT (Taiyi) in one file; take it as a diffusers folder, which is read")
    if any(name.startswith("cond_stage_model.transformer.") for name in names):
        return "sd1"
    raise unfit(path, "a UNet without its text encoder: take the whole checkpoint", "weights.incomplete")


def tokenizer_files(found: Checkpoint) -> tuple[Path, Path]:
    """`vocab.json` and `merges.txt` of CLIP, which a single file does not carry. Raises MissingWeights.

    Looked for in `<name>.tokenizer/` and `tokenizer/` beside the file, then in the Hugging Face cache.
    """
    snapshots = hub_folder(CLIP_TOKENIZER) / "snapshots"
    for place in (found.path.with_suffix(".tokenizer"), found.path.parent / "tokenizer", *sorted(snapshots.glob("*"))):
        vocab, merges = place / "vocab.json", place / "merges.txt"
        if vocab.is_file() and merges.is_file():
            return vocab, merges
    raise MissingWeights(
        f"{found.path.name} is a single file, and the vocabulary that its text encoder reads with ({CLIP_TOKENIZER}) is not on this machine",
        code="weights.tokenizer_missing",
        hint=f"get it once (1.5 MB) with: hf download {CLIP_TOKENIZER} vocab.json merges.txt, or lay both into a folder tokenizer/ beside the file",
    )
