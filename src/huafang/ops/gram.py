"""Gram matrices: which features occur together, wherever they stand (Gatys et al. 2016, equation 3)."""

from torch import Tensor


def gram(features: Tensor, mask: Tensor | None = None) -> Tensor:
    """(B, C, H, W) -> (B, C, C), the mean over places of the outer product of each place's features, in float32.

    With a `mask` (1, 1, H, W) in [0, 1] the mean is weighted by it: the guided Gram matrix of Gatys et al. 2017 ("Controlling Perceptual Factors",
    equation 6, with the guide squared). A mask that is empty gives zeros.
    """
    flat = features.flatten(2)
    if mask is None:
        return (flat @ flat.mT).float() / flat.shape[2]
    guide = mask.flatten(2)
    return ((flat * guide.to(flat)) @ flat.mT).float() / guide.sum().clamp_min(1e-6)
