"""Rules over a System, one module per family, each rule with an id."""
