"""How much of one picture is in another: measures by their papers' equations, each with its convention named. Pure functions of pixels or features.

`pixels.py` measures pixels, `lpips.py` what a network sees, `style.py` texture and colours, `cost.py` what a run takes.
"""
