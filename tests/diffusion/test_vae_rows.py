"""The VAE in bands of rows gives the pixels and the latents that it gives in one piece, however little memory there is."""

import pytest
import torch

from huafang.diffusion import latents
from huafang.diffusion.model import load, vae_rows
from huafang.models import catalogue
from tests.diffusion import tiny

NEAR = 2 / 255 / 50
"""What rounding may leave, a fiftieth of what would show."""


def published():
    """A VAE of Stable Diffusion's shape, with random weights of the usual size."""
    from diffusers.models.autoencoders.autoencoder_kl import AutoencoderKL

    torch.manual_seed(3)
    shape = {"down_block_types": ("DownEncoderBlock2D",) * 4, "up_block_types": ("UpDecoderBlock2D",) * 4}
    return AutoencoderKL(block_out_channels=(128, 256, 512, 512), layers_per_block=2, **shape).eval().requires_grad_(False)


@pytest.fixture(scope="module", params=["mini", "published", "tiny xl"])
def vae(request):
    if request.param == "published":
        return published()
    return load.load(catalogue.built_in_place("mini") if request.param == "mini" else tiny.folder("xl")).vae


def patch(monkeypatch, size: int, band: int) -> list[int]:
    """So much memory for maps, and so many bytes a band; the numbers of rows that are read at once."""
    monkeypatch.setattr(vae_rows, "memory", lambda device: size)
    monkeypatch.setattr(vae_rows, "BAND", band)
    monkeypatch.setattr(vae_rows, "QUERIES", 37)
    seen = []
    original = vae_rows.Normed.normalize
    monkeypatch.setattr(vae_rows.Normed, "normalize", lambda self, band: (seen.append(band.shape[2]), original(self, band))[1])
    return seen


@torch.inference_mode()
def test_a_band_is_as_small_as_the_widest_map_behind_it_asks_for(monkeypatch):
    """The last convolution gives three channels of 128: its bands must not be 40 times as high."""
    vae, width = published(), 32
    seen = patch(monkeypatch, 1 << 40, 24 * 128 * width * 4)
    vae_rows.decode(vae, torch.randn(1, 4, 16, width // 8, generator=torch.Generator().manual_seed(1)))
    assert max(seen) <= 24 + 2


SIZES = {"all is kept": 1 << 40, "some is kept": 1_500_000, "nothing is kept": 0}


@pytest.mark.parametrize("size", SIZES)
@torch.inference_mode()
def test_pixels_are_the_same(vae, size, monkeypatch):
    given = torch.randn(1, vae.config.latent_channels, 11, 8, generator=torch.Generator().manual_seed(1))
    wanted = vae.decode(given, return_dict=False)[0]
    seen = patch(monkeypatch, SIZES[size], 1)
    found = vae_rows.decode(vae, given)
    assert found.shape == wanted.shape
    assert float((found - wanted).abs().max()) < NEAR * 2 * max(1.0, float(wanted.abs().max()))
    assert max(seen) <= 16 + (2 if size == "all is kept" else 40), "no more than a band and what it sees beyond"


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("shape", [(88, 64), (56, 72)])
@torch.inference_mode()
def test_latents_are_the_same(vae, size, shape, monkeypatch):
    given = torch.rand(1, 3, *shape, generator=torch.Generator().manual_seed(1)) * 2 - 1
    wanted = vae.encode(given).latent_dist
    patch(monkeypatch, SIZES[size], 1)
    mean, spread = vae_rows.encode(vae, given).chunk(2, dim=1)
    assert float((mean - wanted.mean).abs().max()) < 1e-4 * max(1.0, float(wanted.mean.abs().max()))
    assert float((spread.clamp(-30, 20) - wanted.logvar).abs().max()) < 1e-3


@torch.inference_mode()
def test_a_photo_goes_there_and_back_as_in_one_piece(monkeypatch):
    """Through `latents`, which chooses the way by memory; a flat sky, in which every seam would show."""
    model = load.load(catalogue.built_in_place("mini"))
    sky = torch.linspace(0.4, 0.9, 264)[None, None, :, None].expand(1, 3, 264, 200).contiguous()
    assert vae_rows.fits(model.vae, 264, 200)
    plain = latents.encode(model, sky, torch.Generator().manual_seed(0))
    whole = latents.decode(model, plain)
    monkeypatch.setattr(vae_rows, "memory", lambda device: 0)
    monkeypatch.setattr(vae_rows, "BAND", 1 << 16)
    assert not vae_rows.fits(model.vae, 264, 200)
    banded = latents.encode(model, sky, torch.Generator().manual_seed(0))
    assert float((banded - plain).abs().max()) < 1e-3
    assert float((latents.decode(model, plain) - whole).abs().max()) < NEAR


def test_the_built_in_model_is_never_cut_at_the_sizes_it_draws(monkeypatch):
    vae = load.load(catalogue.built_in_place("mini")).vae
    monkeypatch.setattr(vae_rows, "_installed", lambda: 8 << 30)
    assert vae_rows.fits(vae, 2048, 2048)
    assert not vae_rows.fits(published(), 2048, 2048)


def test_memory_that_was_kept_is_given_back():
    budget = vae_rows.Budget(1000)
    kept = vae_rows.Kept(torch.zeros(1, 2, 5, 5), budget)
    assert budget.left == 800
    del kept
    assert budget.left == 1000


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
@torch.inference_mode()
def test_weights_in_half_precision_give_what_they_give_in_one_piece(dtype, monkeypatch):
    """No farther from each other than either is from single precision, and less than what would show."""
    vae = load.load(catalogue.built_in_place("mini")).vae
    latent = torch.randn(1, vae.config.latent_channels, 9, 7, generator=torch.Generator().manual_seed(1)).to(dtype)
    photo = (torch.rand(1, 3, 71, 57, generator=torch.Generator().manual_seed(2)) * 2 - 1).to(dtype)
    exact = vae.encode(photo.float()).latent_dist.mean
    made = vae.to(dtype)
    pixels, wanted = made.decode(latent, return_dict=False)[0], made.encode(photo).latent_dist.mean
    patch(monkeypatch, 0, 1)
    banded = vae_rows.decode(made, latent)
    assert banded.dtype == dtype
    assert float((banded.float() - pixels.float()).abs().max()) < 2 * 2 / 255
    mean = vae_rows.encode(made, photo).chunk(2, dim=1)[0]
    assert mean.shape == wanted.shape
    assert float((mean.float() - exact).abs().max()) < 2 * float((wanted.float() - exact).abs().max()) + 1e-3
