"""Prompts: their grammar, chunks, and their encoding by a model's text encoders."""
