"""Stable Diffusion 1.x, 2.x and XL: what a checkpoint is, loading it, prompts into embeddings, samplers, and the loop that draws.

prompts.py       the prompt's grammar and its chunks of 75 tokens                       no torch
checkpoints.py   what a file or folder is, and whether it may be opened                 no torch
loading.py       checkpoint -> Model (UNet, VAE, text encoders); single_file.py does the LDM layout
export.py        folder -> one file in the LDM layout; ldm.py has its names             no torch in ldm.py
carried.py       what such a file says of its own architecture, and what is believed    no torch
text.py          prompt -> embeddings
samplers.py      sampler names -> diffusers' schedulers
sampling.py      the denoising loop
latents.py       latents <-> pixels: the VAE, and previews without it
"""
