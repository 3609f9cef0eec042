"""The developer's inner loop: what is saved runs with the next invocation, and what fails is shown where it stands."""
