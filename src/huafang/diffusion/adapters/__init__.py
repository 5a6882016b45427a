"""What changes a loaded model for a while, and leaves it bit for bit as it was."""
