"""Stable Diffusion 1.x, 2.x and XL: checkpoints, prompts, adapters, sampling.

params.py          settings that every method which draws a prompt has alike              no torch
default_model.py   which model draws where none is named                                  no torch
model/             inspect.py (what a file or folder is), load.py (checkpoint -> Model), single_file.py and ldm.py (the LDM layout),
                   export.py (folder -> one file), embedded_config.py (what such a file says of itself), vae_rows.py (the VAE in strips)
prompt/            grammar.py and chunks.py (no torch), encode.py (prompt -> Conditioning), vocabulary.py (words a small model does not know)
adapters/          lora.py: changes of weights that come out again bit for bit
sampling/          schedulers.py (names -> diffusers' schedulers), guidance.py (the guided UNet call), loop.py
latents.py         latents <-> pixels: the VAE, and previews without it
generate.py        params -> a model that has read its prompt -> pictures
"""
