"""What each look sets: one table, in the order of Hertzmann's appendix. No torch here."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Look:
    """Hertzmann's style parameters under plain names; his symbols stand behind them.

    Lengths are in brush radii, radii in pixels of a picture whose longer side is 640, a jitter is the range that chance spreads over.
    """

    radii: tuple[float, ...]  # R_1 … R_n, broad to fine
    threshold: float  # T, on 8-bit values: mean squared colour difference of a grid cell
    curvature_filter: float  # f_c
    blur_factor: float  # f_σ
    min_length: int
    max_length: int
    opacity: float  # α
    grid_size: float  # f_g
    jitter_hue: float = 0.0  # j_h
    jitter_saturation: float = 0.0  # j_s
    jitter_value: float = 0.0  # j_v
    jitter_red: float = 0.0  # j_r
    jitter_green: float = 0.0  # j_g
    jitter_blue: float = 0.0  # j_b
    impasto: float = 0.4  # ours: height of the paint under the light


LOOKS = {
    # Hertzmann 1998, appendix. Ours are `impasto` and the jitter of the pointillist (his: value 1, hue 0.3), whose white skies it turned to salt and pepper.
    "impressionist": Look((8, 4, 2), 100, 1.0, 0.5, 4, 16, 1.0, 1.0),
    "expressionist": Look((8, 4, 2), 50, 0.25, 0.5, 10, 16, 0.7, 1.0, jitter_value=0.5),
    "colourist_wash": Look((8, 4, 2), 200, 1.0, 0.5, 4, 16, 0.5, 1.0, jitter_red=0.3, jitter_green=0.3, jitter_blue=0.3, impasto=0.0),
    "pointillist": Look((4, 2), 100, 1.0, 0.5, 0, 0, 1.0, 0.5, jitter_hue=0.4, jitter_saturation=1.0, jitter_value=0.3),
    # Ours, after Van Gogh's Starry Night and his late self-portraits: few short-cuts, long strokes, much paint.
    "swirling": Look((8, 4, 2), 180, 0.6, 0.6, 6, 20, 1.0, 1.0, jitter_hue=0.12, jitter_saturation=0.6, jitter_value=0.5, impasto=0.7),
}
