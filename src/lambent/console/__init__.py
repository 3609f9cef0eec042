"""The web console: an AWS client with pages."""
