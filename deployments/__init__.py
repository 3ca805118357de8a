"""How people and machines start runs: the `pcam` command."""
