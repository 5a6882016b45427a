"""The process in which huggingface_hub works. Started by `hub.py`; answers with lines of JSON.

    python -m huafang.models.pull.hub_child OWNER/NAME [FOLDER]

FOLDER takes the files of a repository some of whose networks are only pickled; without it, such a repository is refused.
"""

import errno
import json
import sys
from pathlib import Path

PLAIN = (".json", ".txt")
VARIANTS = (".fp16.", ".non_ema.", ".ema.", "openvino", "flax", ".onnx")
"""Other forms of the same weights, which would only be brought beside those that are used."""


def wanted(files: dict[str, int], parts: list[str], networks: list[str]) -> tuple[list[str], list[str], list[str]]:
    """(files to bring, pickles that stand in for missing safetensors, networks that have neither); `files` are paths and their bytes."""
    take = ["model_index.json"]
    pickles: list[str] = []
    missing: list[str] = []
    for part in parts:
        inside = [path for path in files if path.startswith(f"{part}/") and path.count("/") == 1 and not any(mark in path for mark in VARIANTS)]
        take += [path for path in inside if path.endswith(PLAIN)]
        tensors = [path for path in inside if path.endswith(".safetensors")]
        take += tensors
        if part in networks and not tensors:
            found = [path for path in inside if path.endswith(".bin")]
            pickles += found
            missing += [] if found else [part]
    return take, pickles, missing


def wanted_alone(files: dict[str, int]) -> tuple[list[str], list[str], list[str]]:
    """The same of a repository that is one network with its config, and its tokenizer, as transformers writes them."""
    top = [path for path in files if "/" not in path]
    tensors = [path for path in top if path == "model.safetensors"]
    pickles = [path for path in top if path == "pytorch_model.bin"] if not tensors else []
    return [path for path in top if path.endswith(PLAIN)] + tensors, pickles, [] if tensors or pickles else ["model"]


def _plan(repository: str, revision: str, files: dict[str, int]) -> tuple[list[str], list[str], list[str]] | None:
    """What of `files` to bring, as `wanted` says it; None of a repository that is neither a pipeline of diffusers nor a CLIP."""
    from huggingface_hub import hf_hub_download

    from huafang.models.modelfile import networks

    def read(name: str) -> dict[str, object]:
        told = json.loads(Path(hf_hub_download(repository, name, revision=revision)).read_text("utf-8"))
        return told if isinstance(told, dict) else {}

    if "model_index.json" in files:
        index = read("model_index.json")
        return wanted(files, [part for part, kind in index.items() if isinstance(kind, list) and kind[0]], networks(index))
    if "config.json" in files and read("config.json").get("model_type") == "clip":
        return wanted_alone(files)
    return None


def main(repository: str, folder: str = "") -> dict[str, object]:
    from huggingface_hub import HfApi, snapshot_download
    from huggingface_hub.errors import GatedRepoError, HfHubHTTPError, RepositoryNotFoundError
    from huggingface_hub.utils import disable_progress_bars

    disable_progress_bars()
    try:
        info = HfApi().model_info(repository, files_metadata=True)
        files = {item.rfilename: item.size or 0 for item in info.siblings or []}
        plan = _plan(repository, str(info.sha), files)
        if plan is None:
            return {"error": "no_pipeline"}
        take, pickles, missing = plan
        if missing or (pickles and not folder):
            return {"error": "no_safetensors", "why": ", ".join(missing or sorted({path.split("/")[0] for path in pickles}))}
        total = sum(files[path] for path in take + pickles if path in files)
        print(json.dumps({"total": total, "pickled": bool(pickles)}), flush=True)
        local = {"local_dir": folder} if pickles else {}
        path = snapshot_download(repository, revision=info.sha, allow_patterns=take + pickles, max_workers=4, **local)
        return {"path": str(path), "pickled": bool(pickles)}
    except GatedRepoError as error:
        return {"error": "gated", "why": _said(error)}
    except RepositoryNotFoundError:
        return {"error": "not_there"}
    except HfHubHTTPError as error:
        return {"error": "http", "why": _said(error)}
    except OSError as error:
        return {"error": "no_room" if error.errno == errno.ENOSPC else "io", "why": _said(error)}
    except Exception as error:  # whatever its HTTP client calls a broken connection in this version
        return {"error": "io", "why": f"{type(error).__name__}: {_said(error)}"}


def _said(error: Exception) -> str:
    return " ".join(str(error).split())[:300]


if __name__ == "__main__":
    print(json.dumps(main(*sys.argv[1:3])), flush=True)
