"""`python -m satclip_cli`, the same as the `satclip` command."""

from __future__ import annotations

from .main import main

if __name__ == "__main__":
    main()
