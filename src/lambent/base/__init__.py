"""What Python lacks: clock, identifiers, diagnostics and owned tasks; knows no AWS."""
