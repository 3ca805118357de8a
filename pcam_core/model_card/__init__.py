"""What a saved model says of itself: a JSON for programs, a card for people."""
