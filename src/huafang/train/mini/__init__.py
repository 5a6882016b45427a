"""The recipe of the built-in model: scenes -> tokenizers, VAE, denoiser with two text encoders -> diffusers folders -> how well it follows prompts."""
