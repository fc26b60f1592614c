"""An encoder of two parts: a fine field fitted to what imagery shows, beside a smooth encoder."""
