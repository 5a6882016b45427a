"""The light of an hour: what it does to a thing's own colour."""

from dataclasses import dataclass

from huafang.scenes.canvas import Colour, hexed, mix
from huafang.scenes.facts import Time, Weather


@dataclass(frozen=True)
class Light:
    """`tint` multiplies a colour, `veil` is mixed in by `share`; `dark` lights the windows; `from_left` says where bright sides are."""

    time: Time
    tint: Colour
    veil: Colour
    share: float
    from_left: bool = True

    @property
    def dark(self) -> bool:
        return self.time == "night"

    def __call__(self, colour: Colour, far: float = 0.0) -> Colour:
        """A thing of `colour` in this light; `far` 1 is lost in the haze of the distance."""
        lit = (colour[0] * self.tint[0], colour[1] * self.tint[1], colour[2] * self.tint[2])
        return mix(lit, self.veil, min(1.0, self.share + far * (1 - self.share)))

    def bright(self, colour: Colour) -> Colour:
        """The side that is turned to the light."""
        return self(mix(colour, (1.0, 0.98, 0.9), 0.22))

    def shadow(self, colour: Colour) -> Colour:
        """The side that is turned away."""
        return self(mix(colour, (0.1, 0.1, 0.25), 0.32))


_TINTS: dict[Time, tuple[Colour, Colour, float]] = {
    "day": ((1.0, 1.0, 1.0), hexed("#cfe6f5"), 0.0),
    "dawn": ((0.98, 0.9, 0.95), hexed("#f6cfd6"), 0.14),
    "sunset": ((1.0, 0.76, 0.62), hexed("#f0955a"), 0.12),
    "night": ((0.34, 0.40, 0.62), hexed("#1b2850"), 0.18),
}


def light(time: Time, weather: Weather, from_left: bool) -> Light:
    """The light of `time` under `weather`: rain and fog take colour away."""
    tint, veil, share = _TINTS[time]
    grey = {"clear": 0.0, "cloudy": 0.05, "snow": 0.10, "rain": 0.16, "fog": 0.20}[weather]
    level = sum(veil) / 3
    veil = mix(veil, (level, level, level * 1.03), 0.6 if grey > 0.08 else 0.0)
    return Light(time, tint, veil, min(0.6, share + grey), from_left)
