"""The stages of a run, in order: each file holds one stage's settings and whole story."""
