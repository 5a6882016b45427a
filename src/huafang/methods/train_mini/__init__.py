"""Train the built-in model anew: a small Stable Diffusion that draws scenes from English and Chinese words."""
