"""The numbers of each recipe: one table. No torch here."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Recipe:
    """An epoch shows as many pictures as the larger of the two sets has; the first `init_epochs` of all `epochs` learn content alone."""

    epochs: int
    init_epochs: int
    batch: int
    size: int
    init_rate: float
    rate: float
    discriminator_rate: float
    style_weight: float
    colour_weight: float
    adversarial_weight: float


RECIPES = {
    # AnimeGANv2's published settings; its weights of the parts of the loss belong to raw features of VGG-19, ours to ratios (`train/style/animation.py`).
    "paper": Recipe(101, 10, 12, 256, 2e-4, 2e-5, 4e-5, style_weight=1.0, colour_weight=10.0, adversarial_weight=1.0),
    # 5 to 10 epochs of 500 pictures; nothing but an adversarial and a perceptual loss.
    "reference": Recipe(10, 0, 4, 512, 2e-4, 2e-4, 4e-4, style_weight=0.0, colour_weight=0.0, adversarial_weight=1.0),
}
