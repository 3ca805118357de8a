"""How far new patches lie from those that a model was trained on."""
