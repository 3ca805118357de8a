"""Enlarges patches: Pillow's LANCZOS on the device, and super-resolution networks."""
