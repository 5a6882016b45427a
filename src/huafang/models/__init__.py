"""Models: what a file is, where models lie, and how they come to this machine."""
