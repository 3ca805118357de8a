"""What is measured of every patch while all of them stream by once."""
