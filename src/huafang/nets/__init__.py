"""Network architectures. Weights are opened by `models/modelfile.py`."""
