"""Where a function that may change its compute type is read from: each source, and what they say of it alike."""
