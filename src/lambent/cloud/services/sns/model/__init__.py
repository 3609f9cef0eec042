"""Topics, subscriptions and messages as values, and the rules for them."""
