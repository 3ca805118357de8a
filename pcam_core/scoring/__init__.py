"""Batch prediction: each new patch of a folder or bucket exactly once."""
