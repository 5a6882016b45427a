"""Schedulers, guidance and the denoising loop."""
