"""Lambda's pure model: functions, versions, aliases and their rules."""
