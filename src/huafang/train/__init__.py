"""Training: `checkpoints` keep a run on disk so that it goes on exactly, `loop` drives it, `ema` averages it; `mini/` is the built-in model's recipe."""
