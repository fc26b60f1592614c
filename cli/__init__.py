"""The command line: options in, one call to satclip_core or satclip_training, results out."""
