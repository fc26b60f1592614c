"""The encoder zoo: every positional encoding with every network (Rußwurm et al., ICLR 2024)."""
