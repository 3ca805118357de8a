"""Random changes of training patches that leave the label as it is."""
