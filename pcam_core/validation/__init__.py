"""Finding out whether data is fit to be trained on: measuring, expecting, listing."""
