"""What tests share: requirements, the command line, an ordinary user, a registry, and the search for leaks."""
