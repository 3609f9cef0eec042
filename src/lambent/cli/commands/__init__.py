"""One module a command: arguments to one typed request, one call, one view."""
