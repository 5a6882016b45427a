"""Which dtype is fast on a device. The only place that asks the hardware, for training and inference alike."""

import platform
from functools import cache

import torch


@cache
def bfloat16_is_native(device: str | torch.device) -> bool:
    """Whether the device has bfloat16 arithmetic. Without it every operation is emulated, up to 19 times slower than float32 on a CPU with AVX2 alone."""
    kind = torch.device(device).type
    if kind == "cpu":
        return _cpu_has_bfloat16()
    if kind == "cuda":
        return bool(torch.cuda.is_bf16_supported(including_emulation=False))
    return True


def _cpu_has_bfloat16() -> bool:
    if platform.machine().lower() in ("arm64", "aarch64"):
        return bool(torch.ops.mkldnn._is_mkldnn_bf16_supported())
    # On x86 oneDNN accepts bfloat16 with AVX-512 alone, and emulates it
    return bool(torch.cpu._is_avx512_bf16_supported() or torch.cpu._is_amx_tile_supported())


@cache
def has_bfloat16_matrix_units(device: str | torch.device) -> bool:
    """Whether whole matrices of bfloat16 are multiplied in one instruction (AMX, tensor cores): direct convolutions then beat Winograd's."""
    kind = torch.device(device).type
    return kind != "cpu" or bool(torch.cpu._is_amx_tile_supported())


def autocast(device: str | torch.device) -> torch.autocast:
    """Mixed precision for training: bfloat16 where it is native, otherwise float32 throughout."""
    return torch.autocast(torch.device(device).type, torch.bfloat16, enabled=bfloat16_is_native(device))


def diffusion_dtype(device: str | torch.device) -> torch.dtype:
    """Dtype of a diffusion model's UNet and text encoders: half precision on CUDA, float32 elsewhere."""
    return torch.float16 if torch.device(device).type == "cuda" else torch.float32
