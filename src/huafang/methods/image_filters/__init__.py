"""Filters that read as a medium: oil, ink, pencil, cartoon, watercolour, halftone. Lengths scale with the picture, and no weights are needed."""

from typing import Literal

from pydantic import Field

from huafang.params import FilmId, Params, ui

LENGTH = "px at 1 MP"
"""Lengths are in pixels of the picture as if it had one megapixel, so that a thumbnail and its 12-megapixel original look alike."""


class ImageFilters(Params):
    family = "filter"
    paper = (
        "Kyprianidis et al., Image and Video Abstraction by Anisotropic Kuwahara Filtering, 2009; Winnemöller et al., XDoG, 2012; "
        "Winnemöller et al., Real-Time Video Abstraction, 2006; Bousseau et al., Interactive Watercolor Rendering, 2006",
        "https://doi.org/10.1016/j.cag.2012.03.004",
    )

    method: Literal["image_filters"] = "image_filters"
    content: FilmId
    """Photo to restyle."""
    filter: Literal["oil", "ink", "pencil", "cartoon", "watercolour", "halftone"] = "oil"
    """The medium: oil paint, ink drawing, pencil drawing, cartoon with outlines, watercolour on paper, or printed dots."""
    strength: float = Field(1.0, ge=0, le=1, json_schema_extra=ui(step=0.05))
    """How far to go: 0 leaves the photo as it is, 1 goes all the way."""
    radius: float = Field(9.0, ge=2, le=20, json_schema_extra=ui(step=0.5, unit=LENGTH, when={"filter": ["oil", "watercolour", "cartoon"]}))
    """Size of a dab (oil, watercolour) or reach of the smoothing (cartoon)."""
    relief: float = Field(0.4, ge=0, le=1, json_schema_extra=ui(step=0.05, when={"filter": ["oil"]}))
    """Oil: how high the ridges stand that the bristles leave; 0 is smooth."""
    sharpness: float = Field(8.0, ge=1, le=20, json_schema_extra=ui(group="advanced", step=0.5, when={"filter": ["oil", "watercolour"]}))
    """Oil, watercolour: how strictly a dab keeps to its own side of an edge (q of the Kuwahara filter)."""
    eccentricity: float = Field(1.0, ge=0.25, le=10, json_schema_extra=ui(group="advanced", step=0.25, when={"filter": ["oil", "watercolour"]}))
    """Oil, watercolour: small values stretch dabs along edges, large ones keep them round (alpha of the Kuwahara filter)."""
    sigma: float = Field(1.0, ge=0.4, le=4, json_schema_extra=ui(step=0.1, unit=LENGTH, when={"filter": ["ink", "pencil", "cartoon"]}))
    """Ink, pencil, cartoon: width of the lines (sigma of the difference of gaussians)."""
    p: float = Field(20.0, ge=0, le=100, json_schema_extra=ui(group="advanced", step=1, when={"filter": ["ink", "pencil", "cartoon"]}))
    """Ink, pencil, cartoon: how much edges count against tones (p of XDoG); more brings more and finer lines."""
    epsilon: float = Field(0.5, ge=0, le=1, json_schema_extra=ui(step=0.02, when={"filter": ["ink"]}))
    """Ink: tones darker than this turn black (epsilon of XDoG)."""
    phi: float = Field(20.0, ge=0.5, le=1000, json_schema_extra=ui(group="advanced", step=1, when={"filter": ["ink"]}))
    """Ink: how abruptly black turns to white; small values leave greys (phi of XDoG)."""
    shading: float = Field(0.7, ge=0, le=1, json_schema_extra=ui(step=0.05, when={"filter": ["pencil"]}))
    """Pencil: how dark the hatched tones are; 0 leaves the outlines alone."""
    levels: int = Field(8, ge=2, le=24, json_schema_extra=ui(when={"filter": ["cartoon"]}))
    """Cartoon: steps of brightness."""
    steepness: float = Field(4.0, ge=0.5, le=20, json_schema_extra=ui(group="advanced", step=0.5, when={"filter": ["cartoon"]}))
    """Cartoon: how abruptly one step of brightness turns into the next; small values blend them."""
    range_sigma: float = Field(5.0, ge=1, le=30, json_schema_extra=ui(group="advanced", step=0.5, unit="ΔE", when={"filter": ["cartoon"]}))
    """Cartoon: colour differences above this survive the smoothing (range sigma of the bilateral filter, in units of CIELAB)."""
    darkening: float = Field(0.5, ge=0, le=1, json_schema_extra=ui(step=0.05, when={"filter": ["watercolour"]}))
    """Watercolour: how much pigment gathers at the border of a wash."""
    pigment: float = Field(0.5, ge=0, le=1, json_schema_extra=ui(step=0.05, when={"filter": ["watercolour"]}))
    """Watercolour: how unevenly pigment flows and settles."""
    paper_grain: float = Field(0.5, ge=0, le=1, json_schema_extra=ui(step=0.05, when={"filter": ["pencil", "watercolour"]}))
    """Pencil, watercolour: how rough the paper is."""
    screen: Literal["cmyk", "black"] = Field("cmyk", json_schema_extra=ui(when={"filter": ["halftone"]}))
    """Halftone: four-colour print, or black ink alone as in a newspaper."""
    dot_size: float = Field(6.0, ge=3, le=60, json_schema_extra=ui(step=0.5, unit=LENGTH, when={"filter": ["halftone"]}))
    """Halftone: distance between dots."""
    angle: float = Field(45.0, ge=-180, le=180, json_schema_extra=ui(step=5, unit="°", when={"filter": ["halftone"]}))
    """Halftone: angle of the black screen; the colours keep their distance to it."""
