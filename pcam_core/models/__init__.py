"""The networks, one file each, behind `registry`; settings load without Keras."""
