"""Networks of Stable Diffusion: what a checkpoint is, loading it, single files, export."""
