"""From probabilities to decisions: the threshold, calibration, and what both are worth."""
