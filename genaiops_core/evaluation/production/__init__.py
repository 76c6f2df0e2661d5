"""Production sampling: sampled requests of applications are judged within a daily budget."""
