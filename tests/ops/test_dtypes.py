"""The dtype follows the hardware: emulated bfloat16 is never chosen."""

import pytest
import torch

from huafang.ops import dtypes


@pytest.fixture(autouse=True)
def fresh_answers():
    caches = (dtypes.bfloat16_is_native, dtypes.has_bfloat16_matrix_units)
    for cached in caches:
        cached.cache_clear()
    yield
    for cached in caches:
        cached.cache_clear()


def x86(monkeypatch: pytest.MonkeyPatch, *, avx512_bf16: bool, amx: bool) -> None:
    monkeypatch.setattr("platform.machine", lambda: "x86_64")
    monkeypatch.setattr(torch.cpu, "_is_avx512_bf16_supported", lambda: avx512_bf16)
    monkeypatch.setattr(torch.cpu, "_is_amx_tile_supported", lambda: amx)


@pytest.mark.parametrize(("avx512_bf16", "amx"), [(False, False), (True, False), (True, True), (False, True)])
def test_training_autocasts_to_bfloat16_only_where_it_is_native(monkeypatch, avx512_bf16, amx):
    x86(monkeypatch, avx512_bf16=avx512_bf16, amx=amx)
    native = avx512_bf16 or amx
    assert dtypes.bfloat16_is_native("cpu") is native
    with dtypes.autocast("cpu"):
        product = torch.ones(2, 2) @ torch.ones(2, 2)
    assert product.dtype == (torch.bfloat16 if native else torch.float32)
    assert dtypes.has_bfloat16_matrix_units("cpu") is amx


@pytest.mark.parametrize("native", [False, True])
def test_arm_asks_onednn(monkeypatch, native):
    monkeypatch.setattr("platform.machine", lambda: "aarch64")
    monkeypatch.setattr(torch.ops.mkldnn, "_is_mkldnn_bf16_supported", lambda: native)
    assert dtypes.bfloat16_is_native("cpu") is native


def test_diffusion_models_are_half_precision_on_cuda_alone():
    assert dtypes.diffusion_dtype("cuda:0") == torch.float16
    assert dtypes.diffusion_dtype("cpu") == torch.float32
