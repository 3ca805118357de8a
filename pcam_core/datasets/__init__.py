"""Where patches come from: every source as one kind of data set."""
