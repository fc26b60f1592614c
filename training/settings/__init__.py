"""What a run is told: YAML read strictly into frozen dataclasses, and the files it names."""
