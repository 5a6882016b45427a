"""Pure tensor functions: no nets, no files, no state."""
