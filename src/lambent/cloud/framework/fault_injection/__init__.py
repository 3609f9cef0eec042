"""Faults on purpose carried out: begun, kept and ended, and put around the operations of the sources they strike."""
