"""What a location encoder is trained against: heads, loss, and their line in the card."""
