"""Network architectures. Weights are in `weights.py`."""
