"""Public data and weights, brought to a user's machine whole or not at all."""
