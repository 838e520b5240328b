"""What comes of drives in shadow mode: the page for verdicts, the report, gates, and planted faults."""
