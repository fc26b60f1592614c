"""What computes: matrix products by the BLAS at hand, and threads."""
