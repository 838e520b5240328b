"""Many recordings: each becomes a folder of tables, on one machine or on many, and a run goes on where it was ended."""
