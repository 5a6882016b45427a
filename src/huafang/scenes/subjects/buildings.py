"""House, castle, tower, pagoda."""

import random

from huafang.scenes.canvas import Canvas, Colour, hexed, mix
from huafang.scenes.facts import ColourName
from huafang.scenes.light import Light
from huafang.scenes.subjects.pen import PAINT, Pen, apart, arch, darker, named, paler

TERRACOTTA, SLATE, BARK, STONE = hexed("#b5533a"), hexed("#55617a"), hexed("#6b4a38"), hexed("#b9b1a4")


def house(canvas: Canvas, x: float, y: float, s: float, colour: ColourName | None, light: Light, rng: random.Random) -> None:
    """A gabled house seen on its corner, or a broad one seen from the front; the colour is that of its walls."""
    pen = Pen(canvas, x, y, s, light, rng.random() < 0.5)
    light = pen.light
    wall = named(colour, rng, ["#f1e3c4", "#ece6da", "#e3c799"])
    roof = rng.choice([TERRACOTTA, BARK, SLATE]) if colour is None else max((SLATE, hexed("#4a3d3c")), key=lambda c: apart(c, wall))
    if rng.random() < 0.3:
        _broad(pen, wall, roof, rng.choice([0.5, 0.62]))
    else:
        _cottage(pen, wall, roof, rng)
    if rng.random() < 0.6:
        side, bush = rng.choice([-0.54, 0.54]), light(hexed("#4f8a4a"))
        pen.shape([(side - 0.11, 0), (side - 0.1, 0.07), (side - 0.04, 0.12), (side + 0.03, 0.12), (side + 0.1, 0.08), (side + 0.12, 0)], bush)


def _frame(pen: Pen, wall: Colour) -> Colour:
    return pen.light(paler(wall, 0.7) if apart(wall, (1, 1, 1)) > 0.25 else hexed("#a99a86"))


def _broad(pen: Pen, wall: Colour, roof: Colour, eaves: float) -> None:
    """A front with the door in the middle under a hipped roof; two storeys where the eaves are high."""
    light = pen.light
    pen.box(0.26, 0.7, 0.38, 1.0, pen.across(hexed("#9c6a55"), 0.26, 0.38))
    pen.box(-0.52, 0, 0.52, eaves, pen.across(wall, -0.52, 0.52))
    pen.box(-0.52, eaves - 0.035, 0.52, eaves, light.shadow(darker(wall, 0.2)))
    pen.shape([(-0.62, eaves - 0.01), (0.62, eaves - 0.01), (0.36, 0.95), (-0.36, 0.95)], pen.across(roof, -0.6, 0.6))
    pen.box(-0.1, 0, 0.1, 0.31, _frame(pen, wall))
    pen.box(-0.075, 0, 0.075, 0.285, light(darker(roof, 0.2)))
    rows = [(0.13, 0.17)] if eaves < 0.55 else [(0.08, 0.16), (0.37, 0.14)]
    for foot, height in rows:
        for u in (-0.31, 0.31) if foot < 0.3 else (-0.31, 0.0, 0.31):
            pen.box(u - 0.095, foot - 0.02, u + 0.095, foot + height + 0.02, _frame(pen, wall))
            pen.window(u - 0.072, foot, u + 0.072, foot + height)


def _cottage(pen: Pen, wall: Colour, roof: Colour, rng: random.Random) -> None:
    """A gable and a long side."""
    light = pen.light
    eaves, ridge = rng.choice([(0.5, 0.96), (0.58, 0.98), (0.46, 0.88)])
    left, corner, right = -0.56, rng.uniform(-0.04, 0.08), 0.56
    gable = (left + corner) / 2
    front, flank = (light.bright(wall), light.shadow(wall)) if pen.sun < 0 else (light.shadow(wall), light.bright(wall))
    chimney = corner + 0.3
    pen.box(chimney, ridge - 0.2, chimney + 0.11, ridge + 0.08, pen.across(hexed("#9c6a55"), chimney, chimney + 0.11))
    pen.box(corner - 0.02, 0, right, eaves, flank)
    pen.shape([(left, 0), (corner, 0), (corner, eaves), (gable, ridge - 0.02), (left, eaves)], front)
    tile = light(roof) if pen.sun < 0 else light.bright(roof)
    pen.shape([(gable, ridge), (right - 0.12, ridge), (right + 0.07, eaves - 0.05), (corner + 0.06, eaves - 0.05)], tile)
    rim = light.bright(roof) if pen.sun < 0 else light.shadow(roof)
    pen.stroke([(left - 0.06, eaves - 0.06), (gable, ridge), (corner + 0.06, eaves - 0.06)], 0.055, rim)
    frame = _frame(pen, wall)
    door = light(darker(roof, 0.15))
    pen.shape(arch(gable, 0, 0.085, 0.24) if rng.random() < 0.4 else [(gable - 0.08, 0), (gable + 0.08, 0), (gable + 0.08, 0.31), (gable - 0.08, 0.31)], door)
    panes = [(gable - 0.07, eaves - 0.04, 0.14, 0.15)]
    third = (right - corner) / 2
    panes += [(corner + third * k + third / 2 - 0.075, eaves * 0.38, 0.15, 0.18) for k in range(2)]
    for u, v, width, height in panes:
        pen.box(u - 0.022, v - 0.022, u + width + 0.022, v + height + 0.022, frame)
        pen.window(u, v, u + width, v + height)


def _cone(pen: Pen, u: float, half: float, v: float, top: float, roof: Colour) -> None:
    pen.shape([(u - half, v), (u + half, v), (u, top)], pen.across(roof, u - half, u + half))


def _battlements(pen: Pen, u0: float, u1: float, v: float, count: int, stone: Colour) -> None:
    tooth = (u1 - u0) / (2 * count - 1)
    for k in range(count):
        pen.box(u0 + 2 * k * tooth, v - 0.005, u0 + (2 * k + 1) * tooth, v + 0.055, pen.across(stone, u0, u1, 0.8))


def castle(canvas: Canvas, x: float, y: float, s: float, colour: ColourName | None, light: Light, rng: random.Random) -> None:
    """Towers with pointed roofs behind a wall with a gate; the colour is that of the roofs and flags."""
    pen = Pen(canvas, x, y, s, light, rng.random() < 0.5)
    light = pen.light
    stone = hexed(rng.choice(["#c9c1b4", "#d9cdb8", "#bfc0c8"]))
    if colour in ("white", "grey"):
        stone = hexed("#b08f6e")
    roof = named(colour, rng, ["#56648c", "#4d5d7d", "#7a5562"])
    keep = rng.choice([-0.12, 0.0, 0.14])
    back = darker(stone, 0.1)
    towers = [(keep, 0.15, 0.66, 0.94), (keep + 0.27, 0.095, 0.5, 0.74), (keep - 0.26, 0.085, 0.44, 0.66)]
    for u, half, height, top in (towers[2], towers[1], towers[0]):
        pen.box(u - half, 0.1, u + half, height, pen.across(back, u - half, u + half))
        _cone(pen, u, half * 1.3, height, top, roof)
    for u, v in ((keep, 0.5), (keep + 0.27, 0.39)):
        pen.window(u - 0.032, v - 0.05, u + 0.032, v + 0.09, arched=True)
    pen.box(-0.42, 0, 0.42, 0.33, pen.upright(light.shadow(stone), light(stone), 0, 0.33))
    _battlements(pen, -0.42, 0.42, 0.33, 8, stone)
    for u, height in ((-0.46, 0.46), (0.46, rng.choice([0.46, 0.54]))):
        pen.box(u - 0.13, 0, u + 0.13, height, pen.across(stone, u - 0.13, u + 0.13))
        _cone(pen, u, 0.175, height, height + 0.26, roof)
        pen.window(u - 0.03, height - 0.19, u + 0.03, height - 0.06, arched=True)
    pen.shape(arch(0, 0, 0.125, 0.13), light.shadow(darker(stone, 0.45)))
    pen.shape(arch(0, 0, 0.09, 0.1), light(hexed("#5b3d2c")))
    flag = light.bright(roof if colour is not None else PAINT["red"])
    mast = towers[0][3]
    pen.stroke([(keep, mast - 0.02), (keep, 1.06)], 0.012, light(hexed("#5a4a42")))
    pen.shape([(keep, 1.06), (keep + 0.15, 1.015), (keep, 0.965)], flag)


def tower(canvas: Canvas, x: float, y: float, s: float, colour: ColourName | None, light: Light, rng: random.Random) -> None:
    """A slim square clock tower under a spire, a dome or a low roof; the colour is that of its body."""
    pen = Pen(canvas, x, y, s, light, rng.random() < 0.5)
    light = pen.light
    body = named(colour, rng, ["#c8b79c", "#b98a68", "#b9b4ae"])
    roof = max((SLATE, hexed("#5e8378"), TERRACOTTA), key=lambda c: apart(c, body)) if colour else rng.choice([SLATE, hexed("#4f8075")])
    half, kind = rng.uniform(0.12, 0.15), rng.randrange(3)
    corner = half * 0.3 * -pen.sun
    lit, dim = light.bright(body), light.shadow(body)
    trim = light(paler(body, 0.45) if apart(body, (1, 1, 1)) > 0.2 else hexed("#c9bda8"))

    def block(v0: float, v1: float, wide: float) -> None:
        """Two faces of a square prism, the narrow one in shadow."""
        pen.box(-wide, v0, wide, v1, lit)
        pen.shape([(corner, v0), (-pen.sun * wide, v0), (-pen.sun * wide, v1), (corner, v1)], mix(dim, lit, 0.15))

    block(0, 0.06, half * 1.25)
    block(0.06, 0.72, half)
    for v in (0.24, 0.42):
        pen.window(corner + pen.sun * half * 0.6 - 0.028, v - 0.05, corner + pen.sun * half * 0.6 + 0.028, v + 0.05, arched=True)
    pen.shape(arch(corner + pen.sun * half * 0.6, 0, 0.042, 0.1), light(hexed("#4b352b")))
    pen.box(-half * 1.18, 0.52, half * 1.18, 0.548, trim)
    pen.box(-half * 1.22, 0.72, half * 1.22, 0.75, trim)
    u, radius = corner * 0.2, half * 0.72
    pen.oval(u, 0.635, radius * 1.18, None, light(darker(roof, 0.35)))
    pen.oval(u, 0.635, radius, None, hexed("#fff0c0") if light.dark else light(hexed("#fbf6e6")))
    hand = hexed("#3a2f38")
    pen.stroke([(u, 0.635), (u, 0.635 + radius * 0.75)], 0.014, hand)
    pen.stroke([(u, 0.635), (u + radius * 0.5, 0.635 + radius * 0.1)], 0.016, hand)
    shade = pen.across(roof, -half, half)
    if kind == 0:
        pen.shape([(-half * 1.25, 0.75), (half * 1.25, 0.75), (0, 1.03)], shade)
    elif kind == 1:
        pen.smooth([(-half * 1.05, 0.75), (half * 1.05, 0.75), (half * 0.95, 0.84), (half * 0.4, 0.92), (-half * 0.4, 0.92), (-half * 0.95, 0.84)], shade)
        pen.stroke([(0, 0.9), (0, 1.0)], 0.018, light(hexed("#d8b45a")))
    else:
        block(0.75, 0.88, half * 0.85)
        for side in (-0.38, 0.38):
            pen.window(side * half - 0.028, 0.765, side * half + 0.028, 0.86, arched=True)
        pen.shape([(-half * 1.1, 0.88), (half * 1.1, 0.88), (0, 1.02)], shade)


def pagoda(canvas: Canvas, x: float, y: float, s: float, colour: ColourName | None, light: Light, rng: random.Random) -> None:
    """Tiers under roofs with upturned corners and a golden top; the colour is that of the roofs."""
    pen = Pen(canvas, x, y, s, light)
    light = pen.light
    roof = named(colour, rng, ["#4a6a6c", "#47566b", "#3f6e5c"])
    wall = hexed(rng.choice(["#c0402f", "#b5462f"])) if colour is None else hexed("#efe1c2" if colour not in ("white", "yellow") else "#a8503c")
    tiers = rng.choice([3, 4, 5])
    widest = {3: 0.46, 4: 0.42, 5: 0.4}[tiers]
    pen.box(-widest * 0.95, 0, widest * 0.95, 0.06, pen.across(STONE, -widest, widest))
    step = 0.8 / tiers
    for k in range(tiers):
        foot, half = 0.06 + k * step, widest * (1 - 0.6 * k / tiers)
        body = half * 0.6
        pen.box(-body, foot, body, foot + step * 0.62, pen.across(wall, -body, body))
        if k == 0:
            pen.shape(arch(0, foot, body * 0.26, foot + step * 0.25), light(hexed("#3b2a2c")))
        for u in (-body * 0.62, body * 0.62) if k == 0 else (-body * 0.45, body * 0.45):
            pen.window(u - body * 0.2, foot + step * 0.12, u + body * 0.2, foot + step * 0.48)
        eave, top = foot + step * 0.55, foot + step * 1.06
        tip = top + (0.05 if k == tiers - 1 else 0)
        outline = [(-half * 1.04, eave + step * 0.24), (-half * 0.8, eave), (half * 0.8, eave), (half * 1.04, eave + step * 0.24)]
        crown = half * 0.44 if k < tiers - 1 else 0.02
        top_edge = [(half * 0.66, eave + step * 0.2), (crown, tip), (-crown, tip), (-half * 0.66, eave + step * 0.2)]
        pen.shape([*outline, *top_edge], pen.across(roof, -half, half))
        pen.shape([(-half * 0.8, eave), (half * 0.8, eave), (half * 0.72, eave - 0.022), (-half * 0.72, eave - 0.022)], light(darker(roof, 0.45)))
    gold = light(hexed("#e0b04a"))
    pen.stroke([(0, 0.9), (0, 1.02)], 0.02, gold)
    pen.oval(0, 0.95, 0.028, None, gold)
