"""Samplers and their schedules by the names of other tools, and ours by A1111's."""

import re

SHOWN: dict[str, tuple[str, str | None]] = {
    "ddim": ("DDIM", None),
    "ddpm": ("DDPM", None),
    "euler": ("Euler", None),
    "euler_a": ("Euler a", None),
    "heun": ("Heun", None),
    "lms": ("LMS", None),
    "pndm": ("PLMS", None),
    "dpmpp_2m": ("DPM++ 2M", "Uniform"),
    "dpmpp_2m_karras": ("DPM++ 2M", "Karras"),
    "dpmpp_2m_sde_karras": ("DPM++ 2M SDE", "Karras"),
    "unipc": ("UniPC", None),
    "lcm": ("LCM", None),
}
"""A1111's "Sampler" and "Schedule type" for each of ours. Without a schedule A1111 takes Karras for DPM++ 2M, so that it is always told there."""
_SAME = {
    "euler": "euler",
    "eulera": "euler_a",
    "eulerancestral": "euler_a",
    "heun": "heun",
    "lms": "lms",
    "plms": "pndm",
    "pndm": "pndm",
    "ddim": "ddim",
    "ddpm": "ddpm",
    "dpmpp2m": "dpmpp_2m",
    "dpmsolverpp2m": "dpmpp_2m",
    "dpmpp2msde": "dpmpp_2m_sde",
    "unipc": "unipc",
    "unipcbh1": "unipc",
    "unipcbh2": "unipc",
    "unipcsnr": "unipc",
    "unipctu": "unipc",
    "unipctq": "unipc",
    "lcm": "lcm",
}
"""Names without spaces and marks, and the family of ours that they are."""
_PLAIN = ("", "normal", "uniform", "simple", "sgmuniform", "ddimuniform", "discrete", "default", "none")
_AUTOMATIC = "automatic"
_SCHEDULES = ("karras", "exponential", "polyexponential", "sgmuniform", "trailing", "ays", "substep", "beta", "simple", "turbo")


def ours(name: str, schedule: str = "") -> tuple[str | None, bool]:
    """Our sampler for another tool's `name` and `schedule`, and whether it is that very one; None where we have none of its family."""
    family, own = _bare(name), _bare(schedule)
    if re.search(r"[a-z0-9]_k$", name.strip().lower()):  # InvokeAI's Karras
        family, own = family.removesuffix("k"), own or "karras"
    for ending in _SCHEDULES:
        if family.endswith(ending) and family != ending:
            family, own = family.removesuffix(ending), own if own not in ("", _AUTOMATIC) else ending
    found = _SAME.get(family)
    if found == "dpmpp_2m":
        return ("dpmpp_2m_karras", True) if own in ("karras", _AUTOMATIC) else ("dpmpp_2m", own in _PLAIN)
    if found == "dpmpp_2m_sde":
        return "dpmpp_2m_sde_karras", own == "karras"
    return found, own in (*_PLAIN, _AUTOMATIC)


def _bare(name: str) -> str:
    """`DPM++ 2M`, `dpmpp_2m` and `k_dpmpp_2m` -> `dpmpp2m`."""
    plain = re.sub(r"[^a-z0-9+]", "", name.strip().lower().removeprefix("k_").removesuffix("_gpu")).replace("++", "pp").replace("+", "")
    return plain.removesuffix("gpu")
