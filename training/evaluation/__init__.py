"""What an embedding is good for: linear probes, their tasks, other people's encoders."""
