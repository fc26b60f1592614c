"""The commands, each imported when it is called: options in, one request to the core, words out."""
